# A stack canary that is only armed and checked guards nothing in a twin: it goes.
	sub $0x10, %rsp
	mov %gs:0x28, %rax
	mov %rax, 8(%rsp)
	xor %eax, %eax
	mov (%rdi), %ecx
	mov 8(%rsp), %rax
	sub %gs:0x28, %rax
	jne 9f
	mov $0, %eax
	add $0x10, %rsp
	ret
9:	call __stack_chk_fail
>>>
sub $0x10,%rsp
bts $0x2f,%rdi
mov (%rdi),%ecx
mov $0x0,%eax
add $0x10,%rsp
ret
------
# gcc leaves the xor out where the register is written next.
	sub $0x10, %rsp
	mov %gs:0x28, %rax
	mov %rax, 8(%rsp)
	mov (%rdi), %eax
	mov %eax, (%rdi)
	mov 8(%rsp), %rax
	sub %gs:0x28, %rax
	jne 9f
	mov $0, %eax
	add $0x10, %rsp
	ret
9:	call __stack_chk_fail
>>>
sub $0x10,%rsp
bts $0x2f,%rdi
mov (%rdi),%eax
mov %eax,(%rdi)
mov $0x0,%eax
add $0x10,%rsp
ret
------
# Where the zero is used the xor stays.
	sub $0x10, %rsp
	mov %gs:0x28, %rax
	mov %rax, 8(%rsp)
	xor %eax, %eax
	mov %rax, (%rdi)
	mov 8(%rsp), %rax
	sub %gs:0x28, %rax
	jne 9f
	mov $0, %eax
	add $0x10, %rsp
	ret
9:	call __stack_chk_fail
>>>
sub $0x10,%rsp
xor %eax,%eax
bts $0x2f,%rdi
mov %rax,(%rdi)
mov $0x0,%eax
add $0x10,%rsp
ret
------
# A return before it is armed, and two checks.
	test %edi, %edi
	je 8f
	sub $0x10, %rsp
	mov %gs:0x28, %rax
	mov %rax, 8(%rsp)
	xor %eax, %eax
	mov (%rdi), %ecx
	test %ecx, %ecx
	je 1f
	mov 8(%rsp), %rax
	sub %gs:0x28, %rax
	jne 9f
	mov $0, %eax
	add $0x10, %rsp
	ret
1:	mov 8(%rsp), %rax
	sub %gs:0x28, %rax
	jne 9f
	mov $2, %eax
	add $0x10, %rsp
	ret
8:	ret
9:	call __stack_chk_fail
>>>
test %edi,%edi
je L2
sub $0x10,%rsp
bts $0x2f,%rdi
mov (%rdi),%ecx
test %ecx,%ecx
je L1
mov $0x0,%eax
add $0x10,%rsp
ret
L1:
mov $0x2,%eax
add $0x10,%rsp
ret
L2:
ret
------
# A branch may lead to the check; it then leads behind it.
	sub $0x10, %rsp
	mov %gs:0x28, %rax
	mov %rax, 8(%rsp)
	xor %eax, %eax
	cmpl $1, (%rdi)
	je 1f
	movl $1, (%rdi)
1:
	mov 8(%rsp), %rax
	sub %gs:0x28, %rax
	jne 9f
	mov $0, %eax
	add $0x10, %rsp
	ret
9:	call __stack_chk_fail
>>>
sub $0x10,%rsp
bts $0x2f,%rdi
cmpl $0x1,(%rdi)
je L1
movl $0x1,(%rdi)
L1:
mov $0x0,%eax
add $0x10,%rsp
ret
------
# With an object on the second stack the slot lies there too.
	sub $0x10, %rsp
	mov %gs:0x28, %rax
	mov %rax, 8(%rsp)
	xor %eax, %eax
	mov %rsp, %rdi
	call memcpy
	mov 8(%rsp), %rax
	sub %gs:0x28, %rax
	jne 9f
	mov $0, %eax
	add $0x10, %rsp
	ret
9:	call __stack_chk_fail
>>>
sub $0x10,%rsp
movabs $0x0,%rdi  # DISTANCE
lea (%rsp,%rdi,1),%rdi
call memcpy
mov $0x0,%eax
add $0x10,%rsp
ret
------
# With a frame pointer.
	push %rbp
	mov %rsp, %rbp
	sub $0x10, %rsp
	mov %gs:0x28, %rax
	mov %rax, -8(%rbp)
	xor %eax, %eax
	mov (%rdi), %ecx
	mov -8(%rbp), %rax
	sub %gs:0x28, %rax
	jne 9f
	mov $0, %eax
	leave
	ret
9:	call __stack_chk_fail
>>>
push %rbp
sub $0x10,%rsp
bts $0x2f,%rdi
mov (%rdi),%ecx
mov $0x0,%eax
add $0x10,%rsp
pop %rbp
ret
------
# Two ways out, each with its check and a guard before it.
	sub $0x10, %rsp
	mov %gs:0x28, %rax
	mov %rax, 8(%rsp)
	xor %eax, %eax
	test %edi, %edi
	je 1f
	mov 8(%rsp), %rax
	sub %gs:0x28, %rax
	jne 9f
	mov %rdi, (%rsi)
	mov $0, %eax
	add $0x10, %rsp
	ret
1:	mov %rsi, (%rdi)
	mov 8(%rsp), %rax
	sub %gs:0x28, %rax
	jne 9f
	mov $1, %eax
	add $0x10, %rsp
	ret
9:	call __stack_chk_fail
>>>
sub $0x10,%rsp
test %edi,%edi
je L1
bts $0x2f,%rsi
mov %rdi,(%rsi)
mov $0x0,%eax
add $0x10,%rsp
ret
L1:
bts $0x2f,%rdi
mov %rsi,(%rdi)
mov $0x1,%eax
add $0x10,%rsp
ret
------
# Kept: another slot is compared than was written.
	sub $0x10, %rsp
	mov %gs:0x28, %rax
	mov %rax, 8(%rsp)
	xor %eax, %eax
	mov %rdi, (%rsp)
	mov (%rsp), %rax
	sub %gs:0x28, %rax
	jne 9f
	mov $0, %eax
	add $0x10, %rsp
	ret
9:	call __stack_chk_fail
>>>
sub $0x10,%rsp
mov %gs:0x28,%rax
mov %rax,0x8(%rsp)
xor %eax,%eax
mov %rdi,(%rsp)
mov (%rsp),%rax
sub %gs:0x28,%rax
jne L1
mov $0x0,%eax
add $0x10,%rsp
ret
L1:
call __stack_chk_fail
ud2
------
# Kept: somebody else reads the slot.
	sub $0x10, %rsp
	mov %gs:0x28, %rax
	mov %rax, 8(%rsp)
	xor %eax, %eax
	mov 12(%rsp), %ecx
	mov %ecx, (%rdi)
	mov 8(%rsp), %rax
	sub %gs:0x28, %rax
	jne 9f
	mov $0, %eax
	add $0x10, %rsp
	ret
9:	call __stack_chk_fail
>>>
sub $0x10,%rsp
mov %gs:0x28,%rax
mov %rax,0x8(%rsp)
xor %eax,%eax
mov 0xc(%rsp),%ecx
bts $0x2f,%rdi
mov %ecx,(%rdi)
mov 0x8(%rsp),%rax
sub %gs:0x28,%rax
jne L1
mov $0x0,%eax
add $0x10,%rsp
ret
L1:
call __stack_chk_fail
ud2
------
# Kept: its address is taken.
	sub $0x10, %rsp
	mov %gs:0x28, %rax
	mov %rax, 8(%rsp)
	xor %eax, %eax
	lea 8(%rsp), %rdi
	call memcpy
	mov 8(%rsp), %rax
	sub %gs:0x28, %rax
	jne 9f
	mov $0, %eax
	add $0x10, %rsp
	ret
9:	call __stack_chk_fail
>>>
sub $0x10,%rsp
mov %gs:0x28,%rax
mov %rax,%fs:0x8(%rsp)
xor %eax,%eax
movabs $0x0,%rdi  # DISTANCE
lea 0x8(%rsp,%rdi,1),%rdi
call memcpy
mov %fs:0x8(%rsp),%rax
sub %gs:0x28,%rax
jne L1
mov $0x0,%eax
add $0x10,%rsp
ret
L1:
call __stack_chk_fail
ud2
------
# Kept: an index starts from it.
	sub $0x10, %rsp
	mov %gs:0x28, %rax
	mov %rax, 8(%rsp)
	xor %eax, %eax
	movzbl (%rdi), %ecx
	mov 8(%rsp,%rcx,1), %cl
	mov %cl, (%rdi)
	mov 8(%rsp), %rax
	sub %gs:0x28, %rax
	jne 9f
	mov $0, %eax
	add $0x10, %rsp
	ret
9:	call __stack_chk_fail
>>>
sub $0x10,%rsp
mov %gs:0x28,%rax
mov %rax,%fs:0x8(%rsp)
xor %eax,%eax
bts $0x2f,%rdi
movzbl (%rdi),%ecx
movabs $0x0,%rax  # DISTANCE
lea 0x8(%rsp,%rax,1),%rax
mov (%rax,%rcx,1),%cl
mov %cl,(%rdi)
mov %fs:0x8(%rsp),%rax
sub %gs:0x28,%rax
jne L1
mov $0x0,%eax
add $0x10,%rsp
ret
L1:
call __stack_chk_fail
ud2
------
# Kept: one path comes to the check without arming.
	sub $0x10, %rsp
	mov %rdi, %rax
	mov %rdi, 8(%rsp)
	test %edi, %edi
	je 2f
	mov %gs:0x28, %rax
	mov %rax, 8(%rsp)
	xor %eax, %eax
2:	mov (%rdi), %ecx
	mov 8(%rsp), %rax
	sub %gs:0x28, %rax
	jne 9f
	mov $0, %eax
	add $0x10, %rsp
	ret
9:	call __stack_chk_fail
>>>
sub $0x10,%rsp
mov %rdi,%rax
mov %rdi,0x8(%rsp)
test %edi,%edi
je L1
mov %gs:0x28,%rax
mov %rax,0x8(%rsp)
xor %eax,%eax
L1:
bts $0x2f,%rdi
mov (%rdi),%ecx
mov 0x8(%rsp),%rax
sub %gs:0x28,%rax
jne L2
mov $0x0,%eax
add $0x10,%rsp
ret
L2:
call __stack_chk_fail
ud2
------
# Kept: one path leaves without the check.
	sub $0x10, %rsp
	mov %gs:0x28, %rax
	mov %rax, 8(%rsp)
	xor %eax, %eax
	cmpl $1, (%rdi)
	je 2f
	mov 8(%rsp), %rax
	sub %gs:0x28, %rax
	jne 9f
2:	mov $0, %eax
	add $0x10, %rsp
	ret
9:	call __stack_chk_fail
>>>
sub $0x10,%rsp
mov %gs:0x28,%rax
mov %rax,0x8(%rsp)
xor %eax,%eax
bts $0x2f,%rdi
cmpl $0x1,(%rdi)
je L1
mov 0x8(%rsp),%rax
sub %gs:0x28,%rax
jne L2
L1:
mov $0x0,%eax
add $0x10,%rsp
ret
L2:
call __stack_chk_fail
ud2
------
# Kept: the result is what the check leaves.
	sub $0x10, %rsp
	mov %gs:0x28, %rax
	mov %rax, 8(%rsp)
	xor %eax, %eax
	mov (%rdi), %ecx
	mov 8(%rsp), %rax
	sub %gs:0x28, %rax
	jne 9f
	add $0x10, %rsp
	ret
9:	call __stack_chk_fail
>>>
sub $0x10,%rsp
mov %gs:0x28,%rax
mov %rax,0x8(%rsp)
xor %eax,%eax
bts $0x2f,%rdi
mov (%rdi),%ecx
mov 0x8(%rsp),%rax
sub %gs:0x28,%rax
jne L1
add $0x10,%rsp
ret
L1:
call __stack_chk_fail
ud2
------
# Kept: the jump leads elsewhere.
	sub $0x10, %rsp
	mov %gs:0x28, %rax
	mov %rax, 8(%rsp)
	xor %eax, %eax
	mov (%rdi), %ecx
	mov 8(%rsp), %rax
	sub %gs:0x28, %rax
	jne 9f
	mov $0, %eax
	add $0x10, %rsp
	ret
9:	add $0x10, %rsp
	ret
>>>
sub $0x10,%rsp
mov %gs:0x28,%rax
mov %rax,0x8(%rsp)
xor %eax,%eax
bts $0x2f,%rdi
mov (%rdi),%ecx
mov 0x8(%rsp),%rax
sub %gs:0x28,%rax
jne L1
mov $0x0,%eax
add $0x10,%rsp
ret
L1:
add $0x10,%rsp
ret
------
# Kept: the jump is another one.
	sub $0x10, %rsp
	mov %gs:0x28, %rax
	mov %rax, 8(%rsp)
	xor %eax, %eax
	mov (%rdi), %ecx
	mov 8(%rsp), %rax
	sub %gs:0x28, %rax
	jb 9f
	mov $0, %eax
	add $0x10, %rsp
	ret
9:	call __stack_chk_fail
>>>
sub $0x10,%rsp
mov %gs:0x28,%rax
mov %rax,0x8(%rsp)
xor %eax,%eax
bts $0x2f,%rdi
mov (%rdi),%ecx
mov 0x8(%rsp),%rax
sub %gs:0x28,%rax
jb L1
mov $0x0,%eax
add $0x10,%rsp
ret
L1:
call __stack_chk_fail
ud2
------
# Kept: the failure is reached in another way too.
	sub $0x10, %rsp
	mov %gs:0x28, %rax
	mov %rax, 8(%rsp)
	xor %eax, %eax
	cmpl $1, (%rdi)
	je 9f
	mov 8(%rsp), %rax
	sub %gs:0x28, %rax
	jne 9f
	mov $0, %eax
	add $0x10, %rsp
	ret
9:	call __stack_chk_fail
>>>
sub $0x10,%rsp
mov %gs:0x28,%rax
mov %rax,0x8(%rsp)
xor %eax,%eax
bts $0x2f,%rdi
cmpl $0x1,(%rdi)
je L1
mov 0x8(%rsp),%rax
sub %gs:0x28,%rax
jne L1
mov $0x0,%eax
add $0x10,%rsp
ret
L1:
call __stack_chk_fail
ud2
------
# Kept: what the check leaves in the register is used.
	sub $0x10, %rsp
	mov %gs:0x28, %rax
	mov %rax, 8(%rsp)
	xor %eax, %eax
	mov (%rdi), %ecx
	mov 8(%rsp), %rax
	sub %gs:0x28, %rax
	jne 9f
	mov %rax, (%rdi)
	mov $0, %eax
	add $0x10, %rsp
	ret
9:	call __stack_chk_fail
>>>
sub $0x10,%rsp
mov %gs:0x28,%rax
mov %rax,0x8(%rsp)
xor %eax,%eax
bts $0x2f,%rdi
mov (%rdi),%ecx
mov 0x8(%rsp),%rax
sub %gs:0x28,%rax
jne L1
mov %rax,(%rdi)
mov $0x0,%eax
add $0x10,%rsp
ret
L1:
call __stack_chk_fail
ud2
------
# Kept: without a prototype rdx may be part of the result.
	sub $0x10, %rsp
	mov %gs:0x28, %rax
	mov %rax, 8(%rsp)
	xor %eax, %eax
	mov (%rdi), %ecx
	mov 8(%rsp), %rdx
	sub %gs:0x28, %rdx
	jne 9f
	mov $0, %eax
	add $0x10, %rsp
	ret
9:	call __stack_chk_fail
>>>
sub $0x10,%rsp
mov %gs:0x28,%rax
mov %rax,0x8(%rsp)
xor %eax,%eax
bts $0x2f,%rdi
mov (%rdi),%ecx
mov 0x8(%rsp),%rdx
sub %gs:0x28,%rdx
jne L1
mov $0x0,%eax
add $0x10,%rsp
ret
L1:
call __stack_chk_fail
ud2
------
# Kept: the check's flags are used.
	sub $0x10, %rsp
	mov %gs:0x28, %rax
	mov %rax, 8(%rsp)
	xor %eax, %eax
	mov (%rdi), %ecx
	mov 8(%rsp), %rax
	sub %gs:0x28, %rax
	jne 9f
	cmove %esi, %edi
	mov %edi, (%rsi)
	mov $0, %eax
	add $0x10, %rsp
	ret
9:	call __stack_chk_fail
>>>
sub $0x10,%rsp
mov %gs:0x28,%rax
mov %rax,0x8(%rsp)
xor %eax,%eax
bts $0x2f,%rdi
mov (%rdi),%ecx
mov 0x8(%rsp),%rax
sub %gs:0x28,%rax
jne L1
cmove %esi,%edi
bts $0x2f,%rsi
mov %edi,(%rsi)
mov $0x0,%eax
add $0x10,%rsp
ret
L1:
call __stack_chk_fail
ud2
------
# Kept: the value is used before it is stored.
	sub $0x10, %rsp
	mov %gs:0x28, %rax
	mov %rax, %rdx
	mov %rax, 8(%rsp)
	xor %eax, %eax
	mov (%rdi), %ecx
	mov 8(%rsp), %rax
	sub %gs:0x28, %rax
	jne 9f
	mov $0, %eax
	add $0x10, %rsp
	ret
9:	call __stack_chk_fail
>>>
sub $0x10,%rsp
mov %gs:0x28,%rax
mov %rax,%rdx
mov %rax,0x8(%rsp)
xor %eax,%eax
bts $0x2f,%rdi
mov (%rdi),%ecx
mov 0x8(%rsp),%rax
sub %gs:0x28,%rax
jne L1
mov $0x0,%eax
add $0x10,%rsp
ret
L1:
call __stack_chk_fail
ud2
------
# Kept: a branch leads into the check.
	sub $0x10, %rsp
	mov %gs:0x28, %rax
	mov %rax, 8(%rsp)
	xor %eax, %eax
	mov (%rdi), %rax
	test %eax, %eax
	je 1f
	mov 8(%rsp), %rax
1:	sub %gs:0x28, %rax
	jne 9f
	mov $0, %eax
	add $0x10, %rsp
	ret
9:	call __stack_chk_fail
>>>
sub $0x10,%rsp
mov %gs:0x28,%rax
mov %rax,0x8(%rsp)
xor %eax,%eax
bts $0x2f,%rdi
mov (%rdi),%rax
test %eax,%eax
je L1
mov 0x8(%rsp),%rax
L1:
sub %gs:0x28,%rax
jne L2
mov $0x0,%eax
add $0x10,%rsp
ret
L2:
call __stack_chk_fail
ud2
------
# Kept: the secret is read once more.
	sub $0x10, %rsp
	mov %gs:0x28, %rax
	mov %rax, 8(%rsp)
	xor %eax, %eax
	mov %gs:0x28, %rcx
	mov %rcx, (%rdi)
	mov 8(%rsp), %rax
	sub %gs:0x28, %rax
	jne 9f
	mov $0, %eax
	add $0x10, %rsp
	ret
9:	call __stack_chk_fail
>>>
sub $0x10,%rsp
mov %gs:0x28,%rax
mov %rax,0x8(%rsp)
xor %eax,%eax
mov %gs:0x28,%rcx
bts $0x2f,%rdi
mov %rcx,(%rdi)
mov 0x8(%rsp),%rax
sub %gs:0x28,%rax
jne L1
mov $0x0,%eax
add $0x10,%rsp
ret
L1:
call __stack_chk_fail
ud2
------
# Kept: the secret is written.
	sub $0x10, %rsp
	mov %gs:0x28, %rax
	mov %rax, 8(%rsp)
	xor %eax, %eax
	mov (%rdi), %rcx
	mov %rcx, %gs:0x28
	mov 8(%rsp), %rax
	sub %gs:0x28, %rax
	jne 9f
	mov $0, %eax
	add $0x10, %rsp
	ret
9:	call __stack_chk_fail
>>>
sub $0x10,%rsp
mov %gs:0x28,%rax
mov %rax,0x8(%rsp)
xor %eax,%eax
bts $0x2f,%rdi
mov (%rdi),%rcx
mov %rcx,%gs:0x28
mov 0x8(%rsp),%rax
sub %gs:0x28,%rax
jne L1
mov $0x0,%eax
add $0x10,%rsp
ret
L1:
call __stack_chk_fail
ud2
------
# Kept: 32 bits are compared.
	sub $0x10, %rsp
	mov %gs:0x28, %rax
	mov %rax, 8(%rsp)
	xor %eax, %eax
	mov (%rdi), %ecx
	mov 8(%rsp), %eax
	sub %gs:0x28, %rax
	jne 9f
	mov $0, %eax
	add $0x10, %rsp
	ret
9:	call __stack_chk_fail
>>>
sub $0x10,%rsp
mov %gs:0x28,%rax
mov %rax,0x8(%rsp)
xor %eax,%eax
bts $0x2f,%rdi
mov (%rdi),%ecx
mov 0x8(%rsp),%eax
sub %gs:0x28,%rax
jne L1
mov $0x0,%eax
add $0x10,%rsp
ret
L1:
call __stack_chk_fail
ud2
