# Guarded on both paths: not again where they meet.
	test %esi, %esi
	je 1f
	mov (%rdi), %eax
	jmp 2f
1:	mov 8(%rdi), %eax
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
mov 0x8(%rdi),%eax
L2:
mov 0x10(%rdi),%edx
ret
------
# Guarded on one path only: again.
	test %esi, %esi
	je 1f
	mov (%rdi), %eax
1:	mov 16(%rdi), %edx
	ret
>>>
test %esi,%esi
je L1
bts $0x2f,%rdi
mov (%rdi),%eax
L1:
bts $0x2f,%rdi
mov 0x10(%rdi),%edx
ret
------
# A loop over an array of known stride: each access proves the next step.
1:	mov (%rdi), %eax
	add $16, %rdi
	dec %esi
	jne 1b
	ret
>>>
bts $0x2f,%rdi
mov (%rdi),%eax
add $0x10,%rdi
dec %esi
jne f
ret
------
# At level strict the distance grows without end, so the guard stays in the loop.
#option --facts=strict
	mov (%rdi), %eax
1:	mov (%rdi), %eax
	add $16, %rdi
	dec %esi
	jne 1b
	ret
>>>
bts $0x2f,%rdi
mov (%rdi),%eax
L1:
bts $0x2f,%rdi
mov (%rdi),%eax
add $0x10,%rdi
dec %esi
jne L1
ret
------
# The invariant pointer of a loop is guarded once, before it.
	mov (%rdi), %ecx
1:	mov 8(%rdi), %eax
	sub %eax, %ecx
	jne 1b
	ret
>>>
bts $0x2f,%rdi
mov (%rdi),%ecx
L1:
mov 0x8(%rdi),%eax
sub %eax,%ecx
jne L1
ret
------
# After a call only callee-saved registers are still known.
	push %rbx
	mov %rdi, %rbx
	mov (%rbx), %eax
	mov (%rsi), %eax
	call schedule
	mov 8(%rbx), %eax
	mov 8(%rsi), %eax
	pop %rbx
	ret
>>>
push %rbx
mov %rdi,%rbx
bts $0x2f,%rbx
mov (%rbx),%eax
bts $0x2f,%rsi
mov (%rsi),%eax
call schedule
mov 0x8(%rbx),%eax
bts $0x2f,%rsi
mov 0x8(%rsi),%eax
pop %rbx
ret
