# A local whose address is taken lies on the second stack; the spill beside it does not.
	sub $0x28, %rsp
	movl $0, 0x14(%rsp)
	mov %rdi, 8(%rsp)
	lea 0x14(%rsp), %rdi
	call kfree
	mov 0x14(%rsp), %eax
	mov 8(%rsp), %rdx
	add $0x28, %rsp
	ret
>>>
sub $0x28,%rsp
movl $0x0,%fs:0x14(%rsp)
mov %rdi,0x8(%rsp)
movabs $0x0,%rdi  # DISTANCE
lea 0x14(%rsp,%rdi,1),%rdi
call kfree
mov %fs:0x14(%rsp),%eax
mov 0x8(%rsp),%rdx
add $0x28,%rsp
ret
------
# A pointer to it is a good pointer.
	sub $0x18, %rsp
	mov %rsp, %rdx
	mov %rax, 8(%rdx)
	mov 8(%rsp), %rax
	add $0x18, %rsp
	ret
>>>
sub $0x18,%rsp
movabs $0x0,%rdx  # DISTANCE
lea (%rsp,%rdx,1),%rdx
mov %rax,0x8(%rdx)
mov %fs:0x8(%rsp),%rax
add $0x18,%rsp
ret
------
# Nothing is known of what is stored there: the dvm can change it.
	sub $0x18, %rsp
	mov (%rsi), %eax
	mov %rsi, 8(%rsp)
	lea 8(%rsp), %rdi
	mov 8(%rsp), %rsi
	mov (%rsi), %eax
	add $0x18, %rsp
	ret
>>>
sub $0x18,%rsp
bts $0x2f,%rsi
mov (%rsi),%eax
mov %rsi,%fs:0x8(%rsp)
movabs $0x0,%rdi  # DISTANCE
lea 0x8(%rsp,%rdi,1),%rdi
mov %fs:0x8(%rsp),%rsi
bts $0x2f,%rsi
mov (%rsi),%eax
add $0x18,%rsp
ret
------
# An array: bounded index, unbounded index, and its address plus an index.
	sub $0x88, %rsp
	mov %edi, %edi
	mov %rdx, (%rsp,%rdi,8)
	mov %rdx, 8(%rsp,%rsi,8)
	lea (%rsp,%rdi,8), %rax
	lea (%rsp,%rdi,8), %rdi
	mov (%rdi), %rdi
	add $0x88, %rsp
	ret
>>>
sub $0x88,%rsp
mov %edi,%edi
movabs $0x0,%rax  # DISTANCE
lea (%rsp,%rax,1),%rax
mov %rdx,(%rax,%rdi,8)
movabs $0x0,%rax  # DISTANCE
lea 0x8(%rsp,%rax,1),%rax
lea (%rax,%rsi,8),%rax
bts $0x2f,%rax
mov %rdx,(%rax)
movabs $0x0,%rax  # DISTANCE
lea (%rsp,%rax,1),%rax
lea (%rax,%rdi,8),%rax
movabs $0x0,%rcx  # DISTANCE
lea (%rsp,%rcx,1),%rcx
lea (%rcx,%rdi,8),%rdi
mov (%rdi),%rdi
add $0x88,%rsp
ret
------
# push and pop as allocation, with a value.
	push $7
	mov %rsp, %rdi
	call kfree
	pop %rax
	ret
>>>
push $0x7
movq $0x7,%fs:(%rsp)
movabs $0x0,%rdi  # DISTANCE
lea (%rsp,%rdi,1),%rdi
call kfree
mov %fs:(%rsp),%rax
mov %rax,(%rsp)
pop %rax
ret
------
# A pop that only frees the room.
	push %rcx
	mov %rsp, %rdi
	call kfree
	pop %rcx
	ret
>>>
push %rcx
mov %rcx,%fs:(%rsp)
movabs $0x0,%rdi  # DISTANCE
lea (%rsp,%rdi,1),%rdi
call kfree
add $0x8,%rsp
ret
------
# The canary is part of the frame's upper end.
	push %rbx
	sub $0x18, %rsp
	mov %gs:0x28, %rax
	mov %rax, 0x10(%rsp)
	lea 8(%rsp), %rdi
	call kfree
	mov 0x10(%rsp), %rax
	sub %gs:0x28, %rax
	jne 1f
	add $0x18, %rsp
	pop %rbx
	ret
1:	call __stack_chk_fail
>>>
push %rbx
sub $0x18,%rsp
mov %gs:0x28,%rax
mov %rax,%fs:0x10(%rsp)
movabs $0x0,%rdi  # DISTANCE
lea 0x8(%rsp,%rdi,1),%rdi
call kfree
mov %fs:0x10(%rsp),%rax
sub %gs:0x28,%rax
jne L1
add $0x18,%rsp
pop %rbx
ret
L1:
call __stack_chk_fail
ud2
------
# Addresses of stack arguments are not given out,
	lea 8(%rsp), %rdi
	jmp kfree
>>>
derive: golden.ko: refused: f+0x0 (.text+0x0): takes the address of a stack argument
derive: golden.ko: 1 function of the set cannot be derived
------
# nor 32 bits of an address.
	sub $8, %rsp
	lea (%rsp), %edi
	add $8, %rsp
	ret
>>>
derive: golden.ko: refused: f+0x4 (.text+0x4): part of a stack object's address
derive: golden.ko: 1 function of the set cannot be derived
------
# A string instruction on a stack array.
	sub $0x48, %rsp
	mov %rsp, %rdi
	xor %eax, %eax
	mov $8, %ecx
	rep stosq
	add $0x48, %rsp
	ret
>>>
sub $0x48,%rsp
movabs $0x0,%rdi  # DISTANCE
lea (%rsp,%rdi,1),%rdi
xor %eax,%eax
mov $0x8,%ecx
rep stos %rax,%es:(%rdi)
add $0x48,%rsp
ret
