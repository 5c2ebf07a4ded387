# WARN goes on, BUG does not: the flag in __bug_table tells them apart.
	test %edi, %edi
	je 2f
1:	ud2
	.pushsection __bug_table, "aw"
	.long 1b - ., 0
	.word 10, 1
	.popsection
	ret
2:	ud2
	.pushsection __bug_table, "aw"
	.long 2b - ., 0
	.word 11, 0
	.popsection
>>>
test %edi,%edi
je L1
ud2  # WARN
ret
L1:
ud2
------
# Behind a call that never returns stands a trap of our own.
	sub $8, %rsp
	call panic
>>>
sub $0x8,%rsp
call panic
ud2
------
# Division stays: the hv survives #DE.
	mov %esi, %eax
	cltd
	idivl (%rdi)
	ret
>>>
mov %esi,%eax
cltd
bts $0x2f,%rdi
idivl (%rdi)
ret
------
# A static key is frozen as it is in the file: what it would lead to is dead code.
1:	nopl 0(%rax,%rax)
	ret
2:	call kfree
	jmp __x86_return_thunk
	.pushsection __jump_table, "aw"
	.balign 8
	.long 1b - ., 2b - .
	.quad kernel_key - .
	.popsection
>>>
ret
