# Engine stlb: an access through a lookup, in registers that are free.
#option --svm=stlb
	mov 8(%rdi), %rax
	ret
>>>
lea 0x8(%rdi),%rax
mov %rax,%rcx
and $0xfffffffffffff000,%rcx
mov %rax,%rsi
shr $0x8,%rsi
and $0xfff0,%rsi
cmp %gs:0x1000(%rsi),%rcx
je L1
call stlb_miss_rax
L1:
xor %gs:0x1008(%rsi),%rax
mov (%rax),%rax
ret
------
# Base plus index, a store; the base is still in use.
#option --svm=stlb
	mov %esi, 16(%rdi,%rdx,4)
	mov (%rdi), %eax
	ret
>>>
lea 0x10(%rdi,%rdx,4),%rax
mov %rax,%rcx
and $0xfffffffffffff000,%rcx
mov %rax,%r8
shr $0x8,%r8
and $0xfff0,%r8
cmp %gs:0x1000(%r8),%rcx
je L1
call stlb_miss_rax
L1:
xor %gs:0x1008(%r8),%rax
mov %esi,(%rax)
lea (%rdi),%rax
mov %rax,%rcx
and $0xfffffffffffff000,%rcx
mov %rax,%rsi
shr $0x8,%rsi
and $0xfff0,%rsi
cmp %gs:0x1000(%rsi),%rcx
je L2
call stlb_miss_rax
L2:
xor %gs:0x1008(%rsi),%rax
mov (%rax),%eax
ret
------
# Flags in use: saved around the lookup.
#option --svm=stlb
	cmp $1, %esi
	mov (%rdi), %eax
	je 1f
	inc %eax
1:	ret
>>>
cmp $0x1,%esi
lea (%rdi),%rax
pushf
mov %rax,%rcx
and $0xfffffffffffff000,%rcx
mov %rax,%rsi
shr $0x8,%rsi
and $0xfff0,%rsi
cmp %gs:0x1000(%rsi),%rcx
je L1
call stlb_miss_rax
L1:
xor %gs:0x1008(%rsi),%rax
popf
mov (%rax),%eax
je L2
inc %eax
L2:
ret
------
# An instruction that sets the flags, and one that also uses them.
#option --svm=stlb
	addl $1, 4(%rdi)
	adcl $0, 8(%rdi)
	ret
>>>
lea 0x4(%rdi),%rcx
mov %rcx,%rsi
and $0xfffffffffffff000,%rsi
mov %rcx,%r8
shr $0x8,%r8
and $0xfff0,%r8
cmp %gs:0x1000(%r8),%rsi
je L1
call stlb_miss_rcx
L1:
xor %gs:0x1008(%r8),%rcx
addl $0x1,(%rcx)
lea 0x8(%rdi),%rcx
pushf
mov %rcx,%rsi
and $0xfffffffffffff000,%rsi
mov %rcx,%r8
shr $0x8,%r8
and $0xfff0,%r8
cmp %gs:0x1000(%r8),%rsi
je L2
call stlb_miss_rcx
L2:
xor %gs:0x1008(%r8),%rcx
popf
adcl $0x0,(%rcx)
ret
------
# No register is free: three are saved, and the access pays with what it has.
#option --svm=stlb
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	mov 8(%rdi), %rax
	mov 16(%rdi), %rbx
	mov 24(%rdi), %rcx
	mov 32(%rdi), %rdx
	mov 40(%rdi), %rbp
	mov 48(%rdi), %rsi
	mov 56(%rdi), %r8
	mov 64(%rdi), %r9
	mov 72(%rdi), %r10
	mov 80(%rdi), %r11
	mov 88(%rdi), %r12
	mov 96(%rdi), %r13
	mov 104(%rdi), %r14
	mov 112(%rdi), %r15
	mov %r15, 120(%rdi)
	add %rbx, %rax
	add %rcx, %rax
	add %rdx, %rax
	add %rbp, %rax
	add %rsi, %rax
	add %r8, %rax
	add %r9, %rax
	add %r10, %rax
	add %r11, %rax
	add %r12, %rax
	add %r13, %rax
	add %r14, %rax
	add %r15, %rax
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
lea 0x8(%rdi),%rax
mov %rax,%rcx
and $0xfffffffffffff000,%rcx
mov %rax,%rdx
shr $0x8,%rdx
and $0xfff0,%rdx
cmp %gs:0x1000(%rdx),%rcx
je L1
call stlb_miss_rax
L1:
xor %gs:0x1008(%rdx),%rax
mov (%rax),%rax
lea 0x10(%rdi),%rcx
mov %rcx,%rdx
and $0xfffffffffffff000,%rdx
mov %rcx,%rbx
shr $0x8,%rbx
and $0xfff0,%rbx
cmp %gs:0x1000(%rbx),%rdx
je L2
call stlb_miss_rcx
L2:
xor %gs:0x1008(%rbx),%rcx
mov (%rcx),%rbx
lea 0x18(%rdi),%rcx
mov %rcx,%rdx
and $0xfffffffffffff000,%rdx
mov %rcx,%rbp
shr $0x8,%rbp
and $0xfff0,%rbp
cmp %gs:0x1000(%rbp),%rdx
je L3
call stlb_miss_rcx
L3:
xor %gs:0x1008(%rbp),%rcx
mov (%rcx),%rcx
lea 0x20(%rdi),%rdx
mov %rdx,%rbp
and $0xfffffffffffff000,%rbp
mov %rdx,%rsi
shr $0x8,%rsi
and $0xfff0,%rsi
cmp %gs:0x1000(%rsi),%rbp
je L4
call stlb_miss_rdx
L4:
xor %gs:0x1008(%rsi),%rdx
mov (%rdx),%rdx
lea 0x28(%rdi),%rbp
mov %rbp,%rsi
and $0xfffffffffffff000,%rsi
mov %rbp,%r8
shr $0x8,%r8
and $0xfff0,%r8
cmp %gs:0x1000(%r8),%rsi
je L5
call stlb_miss_rbp
L5:
xor %gs:0x1008(%r8),%rbp
mov 0x0(%rbp),%rbp
lea 0x30(%rdi),%rsi
mov %rsi,%r8
and $0xfffffffffffff000,%r8
mov %rsi,%r9
shr $0x8,%r9
and $0xfff0,%r9
cmp %gs:0x1000(%r9),%r8
je L6
call stlb_miss_rsi
L6:
xor %gs:0x1008(%r9),%rsi
mov (%rsi),%rsi
lea 0x38(%rdi),%r8
mov %r8,%r9
and $0xfffffffffffff000,%r9
mov %r8,%r10
shr $0x8,%r10
and $0xfff0,%r10
cmp %gs:0x1000(%r10),%r9
je L7
call stlb_miss_r8
L7:
xor %gs:0x1008(%r10),%r8
mov (%r8),%r8
lea 0x40(%rdi),%r9
mov %r9,%r10
and $0xfffffffffffff000,%r10
mov %r9,%r11
shr $0x8,%r11
and $0xfff0,%r11
cmp %gs:0x1000(%r11),%r10
je L8
call stlb_miss_r9
L8:
xor %gs:0x1008(%r11),%r9
mov (%r9),%r9
lea 0x48(%rdi),%r10
mov %r10,%r11
and $0xfffffffffffff000,%r11
mov %r10,%r13
shr $0x8,%r13
and $0xfff0,%r13
cmp %gs:0x1000(%r13),%r11
je L9
call stlb_miss_r10
L9:
xor %gs:0x1008(%r13),%r10
mov (%r10),%r10
lea 0x50(%rdi),%r11
mov %r11,%r12
and $0xfffffffffffff000,%r12
mov %r11,%r13
shr $0x8,%r13
and $0xfff0,%r13
cmp %gs:0x1000(%r13),%r12
je L10
call stlb_miss_r11
L10:
xor %gs:0x1008(%r13),%r11
mov (%r11),%r11
lea 0x58(%rdi),%r12
mov %r12,%r13
and $0xfffffffffffff000,%r13
mov %r12,%r14
shr $0x8,%r14
and $0xfff0,%r14
cmp %gs:0x1000(%r14),%r13
je L11
call stlb_miss_r12
L11:
xor %gs:0x1008(%r14),%r12
mov (%r12),%r12
lea 0x60(%rdi),%r13
mov %r13,%r14
and $0xfffffffffffff000,%r14
mov %r13,%r15
shr $0x8,%r15
and $0xfff0,%r15
cmp %gs:0x1000(%r15),%r14
je L12
call stlb_miss_r13
L12:
xor %gs:0x1008(%r15),%r13
mov 0x0(%r13),%r13
push %rax
lea 0x68(%rdi),%r14
mov %r14,%r15
and $0xfffffffffffff000,%r15
mov %r14,%rax
shr $0x8,%rax
and $0xfff0,%rax
cmp %gs:0x1000(%rax),%r15
je L13
call stlb_miss_r14
L13:
xor %gs:0x1008(%rax),%r14
mov (%r14),%r14
pop %rax
push %rax
push %rcx
lea 0x70(%rdi),%r15
mov %r15,%rax
and $0xfffffffffffff000,%rax
mov %r15,%rcx
shr $0x8,%rcx
and $0xfff0,%rcx
cmp %gs:0x1000(%rcx),%rax
je L14
call stlb_miss_r15
L14:
xor %gs:0x1008(%rcx),%r15
mov (%r15),%r15
pop %rcx
pop %rax
push %rax
push %rcx
push %rdx
lea 0x78(%rdi),%rax
mov %rax,%rcx
and $0xfffffffffffff000,%rcx
mov %rax,%rdx
shr $0x8,%rdx
and $0xfff0,%rdx
cmp %gs:0x1000(%rdx),%rcx
je L15
call stlb_miss_rax
L15:
xor %gs:0x1008(%rdx),%rax
mov %r15,(%rax)
pop %rdx
pop %rcx
pop %rax
add %rbx,%rax
add %rcx,%rax
add %rdx,%rax
add %rbp,%rax
add %rsi,%rax
add %r8,%rax
add %r9,%rax
add %r10,%rax
add %r11,%rax
add %r12,%rax
add %r13,%rax
add %r14,%rax
add %r15,%rax
pop %r15
pop %r14
pop %r13
pop %r12
pop %rbp
pop %rbx
ret
------
# ah, bh, ch, dh exclude a prefix, so the looked up address is in a low register.
#option --svm=stlb
	mov %ah, (%rdi)
	mov (%rsi), %ch
	mov %ecx, %eax
	ret
>>>
push %rcx
lea (%rdi),%rcx
mov %rcx,%r8
and $0xfffffffffffff000,%r8
mov %rcx,%r9
shr $0x8,%r9
and $0xfff0,%r9
cmp %gs:0x1000(%r9),%r8
je L1
call stlb_miss_rcx
L1:
xor %gs:0x1008(%r9),%rcx
mov %ah,(%rcx)
pop %rcx
lea (%rsi),%rax
mov %rax,%rdi
and $0xfffffffffffff000,%rdi
mov %rax,%r8
shr $0x8,%r8
and $0xfff0,%r8
cmp %gs:0x1000(%r8),%rdi
je L2
call stlb_miss_rax
L2:
xor %gs:0x1008(%r8),%rax
mov (%rax),%ch
mov %ecx,%eax
ret
------
# Constant addresses: rip-relative, absolute, a table of the module's.
#option --svm=stlb
	mov own_data(%rip), %rax
	add page_offset_base(%rip), %rax
	movl $7, own_data+8
	movzbl own_table(%rdi), %ecx
	add %rcx, %rax
	ret
>>>
lea 0x0,%rax  # .data+0x0
mov %rax,%rcx
and $0xfffffffffffff000,%rcx
mov %rax,%rsi
shr $0x8,%rsi
and $0xfff0,%rsi
cmp %gs:0x1000(%rsi),%rcx
je L1
call stlb_miss_rax
L1:
xor %gs:0x1008(%rsi),%rax
mov (%rax),%rax
lea 0x0,%rcx  # page_offset_base+0x0
mov %rcx,%rsi
and $0xfffffffffffff000,%rsi
mov %rcx,%r8
shr $0x8,%r8
and $0xfff0,%r8
cmp %gs:0x1000(%r8),%rsi
je L2
call stlb_miss_rcx
L2:
xor %gs:0x1008(%r8),%rcx
add (%rcx),%rax
lea 0x0,%rcx  # .data+0x8
mov %rcx,%rsi
and $0xfffffffffffff000,%rsi
mov %rcx,%r8
shr $0x8,%r8
and $0xfff0,%r8
cmp %gs:0x1000(%r8),%rsi
je L3
call stlb_miss_rcx
L3:
xor %gs:0x1008(%r8),%rcx
movl $0x7,(%rcx)
lea 0x0(%rdi),%rcx  # .rodata+0x0
mov %rcx,%rsi
and $0xfffffffffffff000,%rsi
mov %rcx,%r8
shr $0x8,%r8
and $0xfff0,%r8
cmp %gs:0x1000(%r8),%rsi
je L4
call stlb_miss_rcx
L4:
xor %gs:0x1008(%r8),%rcx
movzbl (%rcx),%ecx
add %rcx,%rax
ret
------
# The variables that the hv keeps, the stack and the per-CPU block need none.
#option --svm=stlb
	sub $16, %rsp
	mov jiffies(%rip), %rax
	mov %rax, (%rsp)
	mov %gs:0x28, %rcx
	mov (%rsp), %rax
	add $16, %rsp
	ret
>>>
sub $0x10,%rsp
mov %gs:0x40,%rax
mov %rax,(%rsp)
mov %gs:0x28,%rcx
mov (%rsp),%rax
add $0x10,%rsp
ret
------
# A stack object: by fs in the function itself, by lookups through its address.
#option --svm=stlb
	sub $32, %rsp
	movl $5, 12(%rsp)
	lea 8(%rsp), %rax
	mov (%rax), %rcx
	mov 8(%rsp,%rsi,4), %edx
	mov 12(%rsp), %eax
	add $32, %rsp
	ret
>>>
sub $0x20,%rsp
movl $0x5,%fs:0xc(%rsp)
movabs $0x0,%rax  # DISTANCE
lea 0x8(%rsp,%rax,1),%rax
lea (%rax),%rcx
mov %rcx,%rdx
and $0xfffffffffffff000,%rdx
mov %rcx,%rdi
shr $0x8,%rdi
and $0xfff0,%rdi
cmp %gs:0x1000(%rdi),%rdx
je L1
call stlb_miss_rcx
L1:
xor %gs:0x1008(%rdi),%rcx
mov (%rcx),%rcx
movabs $0x0,%rax  # DISTANCE
lea 0x8(%rsp,%rax,1),%rax
lea (%rax,%rsi,4),%rax
mov %rax,%rcx
and $0xfffffffffffff000,%rcx
mov %rax,%rdx
shr $0x8,%rdx
and $0xfff0,%rdx
cmp %gs:0x1000(%rdx),%rcx
je L2
call stlb_miss_rax
L2:
xor %gs:0x1008(%rdx),%rax
mov (%rax),%edx
mov %fs:0xc(%rsp),%eax
add $0x20,%rsp
ret
------
# A push of memory, a compare-and-swap, a locked one, a prefetch.
#option --svm=stlb
	push 8(%rdi)
	pop %rax
	lock cmpxchg %rcx, 16(%rdi)
	lock orl $1, (%rdi)
	prefetcht0 64(%rdi)
	ret
>>>
lea 0x8(%rdi),%rax
mov %rax,%rsi
and $0xfffffffffffff000,%rsi
mov %rax,%r8
shr $0x8,%r8
and $0xfff0,%r8
cmp %gs:0x1000(%r8),%rsi
je L1
call stlb_miss_rax
L1:
xor %gs:0x1008(%r8),%rax
push (%rax)
pop %rax
lea 0x10(%rdi),%rsi
mov %rsi,%r8
and $0xfffffffffffff000,%r8
mov %rsi,%r9
shr $0x8,%r9
and $0xfff0,%r9
cmp %gs:0x1000(%r9),%r8
je L2
call stlb_miss_rsi
L2:
xor %gs:0x1008(%r9),%rsi
lock cmpxchg %rcx,(%rsi)
lea (%rdi),%rcx
mov %rcx,%rsi
and $0xfffffffffffff000,%rsi
mov %rcx,%r8
shr $0x8,%r8
and $0xfff0,%r8
cmp %gs:0x1000(%r8),%rsi
je L3
call stlb_miss_rcx
L3:
xor %gs:0x1008(%r8),%rcx
lock orl $0x1,(%rcx)
prefetcht0 0x40(%rdi)
ret
------
# A frame pointer is no pointer to the dvm's memory.
#option --svm=stlb
	push %rbp
	mov %rsp, %rbp
	sub $16, %rsp
	mov %rdi, -8(%rbp)
	mov -8(%rbp), %rdi
	mov (%rdi), %eax
	leave
	ret
>>>
push %rbp
sub $0x10,%rsp
mov %rdi,0x8(%rsp)
mov 0x8(%rsp),%rdi
lea (%rdi),%rax
mov %rax,%rcx
and $0xfffffffffffff000,%rcx
mov %rax,%rsi
shr $0x8,%rsi
and $0xfff0,%rsi
cmp %gs:0x1000(%rsi),%rcx
je L1
call stlb_miss_rax
L1:
xor %gs:0x1008(%rsi),%rax
mov (%rax),%eax
add $0x10,%rsp
pop %rbp
ret
------
# Branches lead before the lookup; so it is made in each round.
#option --svm=stlb
	xor %eax, %eax
1:	add (%rdi), %eax
	add $4, %rdi
	dec %esi
	jne 1b
	ret
>>>
xor %eax,%eax
L1:
lea (%rdi),%rcx
mov %rcx,%r8
and $0xfffffffffffff000,%r8
mov %rcx,%r9
shr $0x8,%r9
and $0xfff0,%r9
cmp %gs:0x1000(%r9),%r8
je L2
call stlb_miss_rcx
L2:
xor %gs:0x1008(%r9),%rcx
add (%rcx),%eax
add $0x4,%rdi
dec %esi
jne L1
ret
------
# String operations reach further than a lookup does.
#option --svm=stlb
	mov $8, %ecx
	rep stosq
	ret
>>>
derive: golden.ko: refused: f+0x5 (.text+0x5): string operation, with engine stlb
derive: golden.ko: 1 function of the set cannot be derived
------
# A push of memory where registers must be saved: rsp would differ.
#option --svm=stlb
	push (%rdi)
	add %rax, %rdi
	add %rcx, %rdi
	add %rdx, %rdi
	add %rbx, %rdi
	add %rbp, %rdi
	add %rsi, %rdi
	add %r8, %rdi
	add %r9, %rdi
	add %r10, %rdi
	add %r11, %rdi
	add %r12, %rdi
	add %r13, %rdi
	add %r14, %rdi
	add %r15, %rdi
	pop %rax
	ret
>>>
derive: golden.ko: refused: f+0x0 (.text+0x0): no register can be freed for a lookup
derive: golden.ko: 1 function of the set cannot be derived
------
# There is nothing to leave out.
#option --svm=stlb --no-load-guards
	mov (%rdi), %rax
	ret
>>>
derive: --svm=stlb: there are no guards to experiment with
------
# An engine that nobody has.
#option --svm=tlb
	ret
>>>
derive: --svm=tlb: unknown engine (window, stlb)
