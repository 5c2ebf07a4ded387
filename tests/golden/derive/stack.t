# The stack is native: push, pop, spills, calls cost nothing.
	push %rbx
	sub $0x10, %rsp
	mov %rdi, 8(%rsp)
	call schedule
	mov 8(%rsp), %rbx
	mov (%rbx), %rax
	add $0x10, %rsp
	pop %rbx
	ret
>>>
push %rbx
sub $0x10,%rsp
mov %rdi,0x8(%rsp)
call schedule
mov 0x8(%rsp),%rbx
bts $0x2f,%rbx
mov (%rbx),%rax
add $0x10,%rsp
pop %rbx
ret
------
# A guarded pointer that is spilled comes back as one (level slots) ...
	sub $8, %rsp
	mov (%rdi), %eax
	mov %rdi, (%rsp)
	call schedule
	mov (%rsp), %rdi
	mov (%rdi), %eax
	add $8, %rsp
	ret
>>>
sub $0x8,%rsp
bts $0x2f,%rdi
mov (%rdi),%eax
mov %rdi,(%rsp)
call schedule
mov (%rsp),%rdi
mov (%rdi),%eax
add $0x8,%rsp
ret
------
# ... but not at a lower level.
#option --facts=access
	sub $8, %rsp
	mov (%rdi), %eax
	mov %rdi, (%rsp)
	call schedule
	mov (%rsp), %rdi
	mov (%rdi), %eax
	add $8, %rsp
	ret
>>>
sub $0x8,%rsp
bts $0x2f,%rdi
mov (%rdi),%eax
mov %rdi,(%rsp)
call schedule
mov (%rsp),%rdi
bts $0x2f,%rdi
mov (%rdi),%eax
add $0x8,%rsp
ret
------
# A store into part of the slot ends what was known.
	sub $8, %rsp
	mov (%rdi), %eax
	mov %rdi, (%rsp)
	movb $1, 3(%rsp)
	mov (%rsp), %rdi
	mov (%rdi), %eax
	add $8, %rsp
	ret
>>>
sub $0x8,%rsp
bts $0x2f,%rdi
mov (%rdi),%eax
mov %rdi,(%rsp)
movb $0x1,0x3(%rsp)
mov (%rsp),%rdi
bts $0x2f,%rdi
mov (%rdi),%eax
add $0x8,%rsp
ret
------
# Stack arguments may be read (but an entry gets none from the hv).
#judge args
	mov 8(%rsp), %rax
	mov (%rax), %eax
	ret
>>>
mov 0x8(%rsp),%rax
bts $0x2f,%rax
mov (%rax),%eax
ret
------
# They must not be written: the caller's frame is not ours.
	mov %rax, 8(%rsp)
	ret
>>>
derive: golden.ko: refused: f+0x0 (.text+0x0): writes one of its stack arguments
derive: golden.ko: 1 function of the set cannot be derived
------
# The return address is untouchable,
	mov (%rsp), %rax
	ret
>>>
derive: golden.ko: refused: f+0x0 (.text+0x0): accesses its return address
derive: golden.ko: 1 function of the set cannot be derived
------
# what lies below rsp too, but for the barrier.
	lock addl $0, -4(%rsp)
	mov %rax, -16(%rsp)
	ret
>>>
derive: golden.ko: refused: f+0x6 (.text+0x6): accesses the stack below rsp
derive: golden.ko: 1 function of the set cannot be derived
------
# The barrier alone.
	lock addl $0, -4(%rsp)
	ret
>>>
lock addl $0x0,-0x4(%rsp)
ret
------
# Depths differ where two paths meet.
	test %rdi, %rdi
	je 1f
	push %rax
1:	ret
>>>
derive: golden.ko: refused: f+0x6 (.text+0x6): the depth of the stack is not a constant here
derive: golden.ko: 1 function of the set cannot be derived
------
# rsp from a register.
	mov %rdi, %rsp
	ret
>>>
derive: golden.ko: refused: f+0x0 (.text+0x0): rsp is used as a value
derive: golden.ko: 1 function of the set cannot be derived
------
	and $-16, %rsp
	ret
>>>
derive: golden.ko: refused: f+0x0 (.text+0x0): rsp is used as a value
derive: golden.ko: 1 function of the set cannot be derived
------
# A return with something left on the stack.
	push %rax
	ret
>>>
derive: golden.ko: refused: f+0x1 (.text+0x1): leaves the function with 8 bytes on the stack
derive: golden.ko: 1 function of the set cannot be derived
------
# A callee-saved register that is not restored.
	mov %rdi, %rbx
	ret
>>>
derive: golden.ko: refused: f+0x3 (.text+0x3): leaves the function with a callee-saved register (number 3) changed
derive: golden.ko: 1 function of the set cannot be derived
------
# rsp as a number.
	mov %rsp, (%rdi)
	ret
>>>
derive: golden.ko: refused: f+0x0 (.text+0x0): rsp is used as a value
derive: golden.ko: 1 function of the set cannot be derived
------
# A frame pointer is replaced by rsp.
#judge args
	push %rbp
	mov %rsp, %rbp
	push %rbx
	sub $0x10, %rsp
	mov %rdi, -0x18(%rbp)
	mov 0x10(%rbp), %rax
	mov -0x18(%rbp), %rdx
	mov (%rdx), %rax
	add $0x10, %rsp
	pop %rbx
	leave
	ret
>>>
push %rbp
push %rbx
sub $0x10,%rsp
mov %rdi,(%rsp)
mov 0x28(%rsp),%rax
mov (%rsp),%rdx
bts $0x2f,%rdx
mov (%rdx),%rax
add $0x10,%rsp
pop %rbx
pop %rbp
ret
------
# What was known of a slot ends when rsp rises above it.
#judge frame-init
	mov (%rdi), %eax
	push %rdi
	add $8, %rsp
	sub $8, %rsp
	mov (%rsp), %rdi
	mov (%rdi), %eax
	add $8, %rsp
	ret
>>>
bts $0x2f,%rdi
mov (%rdi),%eax
push %rdi
add $0x8,%rsp
sub $0x8,%rsp
mov (%rsp),%rdi
bts $0x2f,%rdi
mov (%rdi),%eax
add $0x8,%rsp
ret
------
# Stack arguments belong to the callee: it may have changed them.
	mov (%rdi), %eax
	push %rdi
	push %rdi
	call eight_args
	pop %rdi
	mov (%rdi), %eax
	pop %rdi
	ret
>>>
bts $0x2f,%rdi
mov (%rdi),%eax
push %rdi
push %rdi
call eight_args
pop %rdi
bts $0x2f,%rdi
mov (%rdi),%eax
add $0x8,%rsp
ret
------
# The same for varargs: one word was passed, the other is ours.
	mov (%rdi), %eax
	sub $8, %rsp
	mov %rdi, (%rsp)
	call schedule
	push %rdi
	call _printk
	pop %rdi
	mov (%rdi), %eax
	pop %rdi
	mov (%rdi), %eax
	ret
>>>
bts $0x2f,%rdi
mov (%rdi),%eax
sub $0x8,%rsp
mov %rdi,(%rsp)
call schedule
push %rdi
call _printk
pop %rdi
bts $0x2f,%rdi
mov (%rdi),%eax
pop %rdi
mov (%rdi),%eax
ret
------
# A frame pointer with an index is not understood.
	push %rbp
	mov %rsp, %rbp
	mov (%rbp,%rdi,8), %rax
	pop %rbp
	ret
>>>
derive: golden.ko: refused: f+0x4 (.text+0x4): the frame pointer with an index
derive: golden.ko: 1 function of the set cannot be derived
------
# A callee-saved register is guarded where it has a value of its own, not before.
	mov (%rbx), %eax
	ret
>>>
derive: golden.ko: refused: f+0x2 (.text+0x2): leaves the function with a callee-saved register (number 3) changed
derive: golden.ko: 1 function of the set cannot be derived
