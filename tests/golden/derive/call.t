# Calls between derived functions are direct; an import is called by its number in the file.
func g
	call __fentry__
	mov (%rdi), %eax
	jmp __x86_return_thunk
end g
func f
	call __fentry__
	sub $8, %rsp
	call g
	call kfree
	add $8, %rsp
	jmp __x86_return_thunk
end f
>>>
g:
bts $0x2f,%rdi
mov (%rdi),%eax
ret
f:
sub $0x8,%rsp
call g
call kfree
add $0x8,%rsp
ret
------
# Tail calls: of a derived function, of an import; conditional.
func g
	ret
end g
func h
	ret
end h
func f
	test %edi, %edi
	je g
	js 1f
	jmp h
1:	jmp kfree
end f
>>>
g:
ret
h:
ret
f:
test %edi,%edi
je g
js L1
jmp h
L1:
jmp kfree
------
# A function that the description keeps in the dvm.
#conf entry xmit f
#conf upcall g
func g
	outb %al, $0x80
	ret
end g
func f
	sub $8, %rsp
	call g
	add $8, %rsp
	jmp g
end f
>>>
sub $0x8,%rsp
call g
add $0x8,%rsp
jmp g
------
# Indirect calls go through the hv's thunks; the prefix of the call is dropped.
	sub $8, %rsp
	mov (%rdi), %rax
	call __x86_indirect_thunk_rax
	mov (%rdi), %r11
	.byte 0x2e
	call __x86_indirect_thunk_r11
	add $8, %rsp
	jmp __x86_indirect_thunk_rax
>>>
sub $0x8,%rsp
bts $0x2f,%rdi
mov (%rdi),%rax
call __x86_indirect_thunk_rax
bts $0x2f,%rdi
mov (%rdi),%r11
call __x86_indirect_thunk_r11
add $0x8,%rsp
jmp __x86_indirect_thunk_rax
------
# Not through anything else.
	call *%rax
	ret
>>>
derive: golden.ko: refused: f+0x0 (.text+0x0): indirect call without a thunk, or a call to an unknown place
derive: golden.ko: 1 function of the set cannot be derived
------
	jmp *(%rdi)
>>>
derive: golden.ko: refused: f+0x0 (.text+0x0): indirect jump, or a jump to an unknown place
derive: golden.ko: 1 function of the set cannot be derived
------
# A cold part belongs to the function that jumps into it and comes behind all hot ones.
func f.cold .text.unlikely
	call kfree
	jmp f_back
end f.cold
func f
	sub $8, %rsp
	cmpl $0, (%rdi)
	jne f.cold
f_back:	add $8, %rsp
	ret
end f
func g
	ret
end g
>>>
f:
sub $0x8,%rsp
bts $0x2f,%rdi
cmpl $0x0,(%rdi)
jne f.cold
L1:
add $0x8,%rsp
ret
f.cold:
call kfree
jmp L1
------
# Long branches are long, short ones short.
	test %edi, %edi
	je 2f
	je 1f
	.rept 40
	mov %rax, 0x100(%rdi)
	.endr
1:	jmp 3f
2:	ret
3:	jmp 2b
>>>
test %edi,%edi
je L2
je L1
bts $0x2f,%rdi
mov %rax,0x100(%rdi)
mov %rax,0x100(%rdi)
mov %rax,0x100(%rdi)
mov %rax,0x100(%rdi)
mov %rax,0x100(%rdi)
mov %rax,0x100(%rdi)
mov %rax,0x100(%rdi)
mov %rax,0x100(%rdi)
mov %rax,0x100(%rdi)
mov %rax,0x100(%rdi)
mov %rax,0x100(%rdi)
mov %rax,0x100(%rdi)
mov %rax,0x100(%rdi)
mov %rax,0x100(%rdi)
mov %rax,0x100(%rdi)
mov %rax,0x100(%rdi)
mov %rax,0x100(%rdi)
mov %rax,0x100(%rdi)
mov %rax,0x100(%rdi)
mov %rax,0x100(%rdi)
mov %rax,0x100(%rdi)
mov %rax,0x100(%rdi)
mov %rax,0x100(%rdi)
mov %rax,0x100(%rdi)
mov %rax,0x100(%rdi)
mov %rax,0x100(%rdi)
mov %rax,0x100(%rdi)
mov %rax,0x100(%rdi)
mov %rax,0x100(%rdi)
mov %rax,0x100(%rdi)
mov %rax,0x100(%rdi)
mov %rax,0x100(%rdi)
mov %rax,0x100(%rdi)
mov %rax,0x100(%rdi)
mov %rax,0x100(%rdi)
mov %rax,0x100(%rdi)
mov %rax,0x100(%rdi)
mov %rax,0x100(%rdi)
mov %rax,0x100(%rdi)
mov %rax,0x100(%rdi)
L1:
jmp L3
L2:
ret
L3:
jmp L2
------
# Into the middle of a function.
func g
	nop
g_middle: ret
end g
func f
	jmp g_middle
end f
>>>
derive: golden.ko: refused: f+0x0 (.text+0x10): branch into the middle of g
derive: golden.ko: 1 function of the set cannot be derived
------
# Off the end.
	mov %eax, %eax
>>>
derive: golden.ko: refused: f+0x0 (.text+0x0): execution runs off the end of the function
derive: golden.ko: 1 function of the set cannot be derived
------
# Recursion of an entry has no bound on its stack.
	sub $8, %rsp
	test %edi, %edi
	je 1f
	call f
1:	add $8, %rsp
	ret
>>>
derive: golden.ko: refused: f: may call itself, so its stack has no bound
derive: golden.ko: 1 function of the set cannot be derived
------
# Level strict: a derived callee restores rbx from its stack, so nothing is known of it after.
#option --facts=strict
func g
	ret
end g
func f
	push %rbx
	mov %rdi, %rbx
	mov (%rbx), %eax
	call schedule
	mov 8(%rbx), %eax
	call g
	mov 16(%rbx), %eax
	pop %rbx
	ret
end f
>>>
g:
ret
f:
push %rbx
mov %rdi,%rbx
bts $0x2f,%rbx
mov (%rbx),%eax
call schedule
mov 0x8(%rbx),%eax
call g
bts $0x2f,%rbx
mov 0x10(%rbx),%eax
pop %rbx
ret
