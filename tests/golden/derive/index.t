# A zero-extended index is bounded: only the base is guarded.
	mov %esi, %esi
	mov (%rdi,%rsi,8), %rax
	ret
>>>
mov %esi,%esi
bts $0x2f,%rdi
mov (%rdi,%rsi,8),%rax
ret
------
# movzx, shifts and lea keep a bound.
	movzwl %si, %edx
	lea (%rdx,%rdx,4), %rdx
	mov 0x18(%rdi,%rdx,8), %rax
	ret
>>>
movzwl %si,%edx
lea (%rdx,%rdx,4),%rdx
bts $0x2f,%rdi
mov 0x18(%rdi,%rdx,8),%rax
ret
------
# A sign-extended index is bounded too.
	movslq %esi, %rsi
	mov (%rdi,%rsi,8), %rax
	ret
>>>
movslq %esi,%rsi
bts $0x2f,%rdi
mov (%rdi,%rsi,8),%rax
ret
------
# The pointer may be in the index, if the scale is 1.
	mov %edi, %edi
	mov (%rdi,%rsi,1), %al
	ret
>>>
mov %edi,%edi
bts $0x2f,%rsi
mov (%rdi,%rsi,1),%al
ret
------
# Nothing known of either: the address is computed into the destination, which is free.
	mov (%rdi,%rsi,8), %rax
	ret
>>>
lea (%rdi,%rsi,8),%rax
bts $0x2f,%rax
mov (%rax),%rax
ret
------
# A store: any free register (here rcx; rax may be the return value).
	mov %edx, 4(%rdi,%rsi,4)
	ret
>>>
lea 0x4(%rdi,%rsi,4),%rcx
bts $0x2f,%rcx
mov %edx,(%rcx)
ret
------
# ah cannot be named with a REX prefix: r8..r11 are free here, but rcx must be saved.
	mov %ah, (%rdi,%rsi,4)
	add %rcx, %rdx
	add %rdx, %rax
	ret
>>>
push %rcx
lea (%rdi,%rsi,4),%rcx
bts $0x2f,%rcx
mov %ah,(%rcx)
pop %rcx
add %rcx,%rdx
add %rdx,%rax
ret
------
# No register is free: one is saved on the stack.
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	mov %edx, 4(%rdi,%rsi,4)
	add %rax, %rbx
	add %rbx, %rcx
	add %rcx, %rdx
	add %rdx, %rsi
	add %rsi, %rdi
	add %rdi, %r8
	add %r8, %r9
	add %r9, %r10
	add %r10, %r11
	add %r11, %rbp
	add %rbp, %r12
	add %r12, %r13
	add %r13, %r14
	add %r14, %r15
	mov %r15, %rax
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	ret
>>>
push %rbx
push %rbp
push %r12
push %r13
push %r14
push %r15
push %rax
lea 0x4(%rdi,%rsi,4),%rax
bts $0x2f,%rax
mov %edx,(%rax)
pop %rax
add %rax,%rbx
add %rbx,%rcx
add %rcx,%rdx
add %rdx,%rsi
add %rsi,%rdi
add %rdi,%r8
add %r8,%r9
add %r9,%r10
add %r10,%r11
add %r11,%rbp
add %rbp,%r12
add %r12,%r13
add %r13,%r14
add %r14,%r15
mov %r15,%rax
pop %r15
pop %r14
pop %r13
pop %r12
pop %rbp
pop %rbx
ret
------
# A guarded base plus a bounded index is a pointer that lea and add may form.
	mov (%rdi), %eax
	lea (%rdi,%rax,8), %rdx
	mov (%rdx), %ecx
	add %rcx, %rdx
	mov (%rdx), %ecx
	ret
>>>
bts $0x2f,%rdi
mov (%rdi),%eax
lea (%rdi,%rax,8),%rdx
mov (%rdx),%ecx
add %rcx,%rdx
mov (%rdx),%ecx
ret
