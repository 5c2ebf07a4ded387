# The pointer was copied just before: guarded above the copy, one guard serves both.
	push %rbx
	mov %rdi, %rbx
	mov (%rdi), %eax
	call schedule
	mov 8(%rbx), %eax
	pop %rbx
	ret
>>>
push %rbx
bts $0x2f,%rdi
mov %rdi,%rbx
mov (%rdi),%eax
call schedule
mov 0x8(%rbx),%eax
pop %rbx
ret
------
# The same for a spill, and for a pointer into the object (level slots).
	sub $0x18, %rsp
	mov %rdi, (%rsp)
	lea 0x40(%rdi), %rax
	mov %rax, 8(%rsp)
	mov (%rdi), %ecx
	call schedule
	mov (%rsp), %rax
	mov (%rax), %ecx
	mov 8(%rsp), %rax
	mov (%rax), %ecx
	add $0x18, %rsp
	ret
>>>
sub $0x18,%rsp
bts $0x2f,%rdi
mov %rdi,(%rsp)
lea 0x40(%rdi),%rax
mov %rax,0x8(%rsp)
mov (%rdi),%ecx
call schedule
mov (%rsp),%rax
mov (%rax),%ecx
mov 0x8(%rsp),%rax
mov (%rax),%ecx
add $0x18,%rsp
ret
------
# Not above a call: it might not return, and then a bad pointer would be no fault of the driver.
	push %rbx
	push %rbp
	mov %rdi, %rbx
	mov %rdi, %rbp
	call schedule
	mov %rbx, %rax
	mov (%rbx), %ecx
	mov (%rax), %ecx
	mov (%rbp), %ecx
	pop %rbp
	pop %rbx
	ret
>>>
push %rbx
push %rbp
mov %rdi,%rbx
mov %rdi,%rbp
call schedule
bts $0x2f,%rbx
mov %rbx,%rax
mov (%rbx),%ecx
mov (%rax),%ecx
bts $0x2f,%rbp
mov 0x0(%rbp),%ecx
pop %rbp
pop %rbx
ret
------
# Not above a test for NULL: the block ends there.
	mov %rdi, %rdx
	test %rdi, %rdi
	je 1f
	mov (%rdi), %eax
	mov (%rdx), %eax
1:	ret
>>>
mov %rdi,%rdx
test %rdi,%rdi
je L1
bts $0x2f,%rdi
mov (%rdi),%eax
bts $0x2f,%rdx
mov (%rdx),%eax
L1:
ret
------
# A loop that uses its pointer in each round: guarded once, before it.
	mov (%rsi), %rdi
	xor %ecx, %ecx
1:	mov (%rdi), %eax
	add %eax, %ecx
	dec %edx
	jne 1b
	mov %ecx, %eax
	ret
>>>
bts $0x2f,%rsi
mov (%rsi),%rdi
bts $0x2f,%rdi
xor %ecx,%ecx
L1:
mov (%rdi),%eax
add %eax,%ecx
dec %edx
jne L1
mov %ecx,%eax
ret
------
# Not if the first round may not come to it: the pointer may be NULL then.
	mov (%rsi), %rdi
	xor %ecx, %ecx
1:	dec %edx
	je 2f
	mov (%rdi), %eax
	add %eax, %ecx
	jmp 1b
2:	mov %ecx, %eax
	ret
>>>
bts $0x2f,%rsi
mov (%rsi),%rdi
xor %ecx,%ecx
L1:
dec %edx
je L2
bts $0x2f,%rdi
mov (%rdi),%eax
add %eax,%ecx
jmp L1
L2:
mov %ecx,%eax
ret
------
# Two paths meet, one of them without a guard: it gets its own.
	test %esi, %esi
	je 1f
	mov (%rdi), %eax
	jmp 2f
1:	xor %ecx, %ecx
2:	mov 16(%rdi), %edx
	ret
>>>
test %esi,%esi
je L1
bts $0x2f,%rdi
mov (%rdi),%eax
jmp L2
L1:
bts $0x2f,%rdi
xor %ecx,%ecx
L2:
mov 0x10(%rdi),%edx
ret
