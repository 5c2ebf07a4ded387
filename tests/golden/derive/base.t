# A load through a pointer: one guard, in place.
	mov (%rdi), %rax
	jmp __x86_return_thunk
>>>
bts $0x2f,%rdi
mov (%rdi),%rax
ret
------
# A store is guarded like a load.
	mov %rsi, 0x40(%rdi)
	ret
>>>
bts $0x2f,%rdi
mov %rsi,0x40(%rdi)
ret
------
# The second access through the same pointer needs none, up to the slack.
	mov 8(%rdi), %rax
	mov %rax, 0x7fffffff(%rdi)
	ret
>>>
bts $0x2f,%rdi
mov 0x8(%rdi),%rax
mov %rax,0x7fffffff(%rdi)
ret
------
# A copy of a guarded pointer is a guarded pointer; arithmetic keeps it within the slack.
	mov (%rdi), %eax
	mov %rdi, %rdx
	add $0x100, %rdx
	mov %eax, (%rdx)
	lea 0x10(%rdx), %rcx
	and $-64, %rcx
	mov %eax, (%rcx)
	ret
>>>
bts $0x2f,%rdi
mov (%rdi),%eax
mov %rdi,%rdx
add $0x100,%rdx
mov %eax,(%rdx)
lea 0x10(%rdx),%rcx
and $0xffffffffffffffc0,%rcx
mov %eax,(%rcx)
ret
------
# What was loaded is not a guarded pointer.
	mov (%rdi), %rdi
	mov (%rdi), %rdi
	mov (%rdi), %rax
	ret
>>>
bts $0x2f,%rdi
mov (%rdi),%rdi
bts $0x2f,%rdi
mov (%rdi),%rdi
bts $0x2f,%rdi
mov (%rdi),%rax
ret
------
# A constant far outside of the slack starts again: 2^40 and more is unknown.
	mov (%rdi), %eax
	movabs $0x10000000000, %rdx
	add %rdx, %rdi
	mov (%rdi), %eax
	ret
>>>
bts $0x2f,%rdi
mov (%rdi),%eax
movabs $0x10000000000,%rdx
add %rdx,%rdi
bts $0x2f,%rdi
mov (%rdi),%eax
ret
------
# Level strict: a guard anchors, a mere successful access does not (same code here) ...
#option --facts=strict
	mov 0x10(%rdi), %rax
	mov 0x18(%rdi), %rdx
	ret
>>>
bts $0x2f,%rdi
mov 0x10(%rdi),%rax
mov 0x18(%rdi),%rdx
ret
------
# ... but it matters where a pointer wandered: level access takes the fault that did not happen.
#option --facts=access
	mov (%rdi), %eax
	mov $0xffffffff, %ecx
	shl $7, %rcx
	add %rcx, %rdi
	mov (%rdi), %eax
	add %rcx, %rdi
	add $0x7fffffff, %rdi
	mov (%rdi), %eax
	ret
>>>
bts $0x2f,%rdi
mov (%rdi),%eax
mov $0xffffffff,%ecx
shl $0x7,%rcx
add %rcx,%rdi
mov (%rdi),%eax
add %rcx,%rdi
add $0x7fffffff,%rdi
mov (%rdi),%eax
ret
------
# The same at level strict: the sum of the steps is too far.
#option --facts=strict
	mov (%rdi), %eax
	mov $0xffffffff, %ecx
	shl $7, %rcx
	add %rcx, %rdi
	mov (%rdi), %eax
	add %rcx, %rdi
	add $0x7fffffff, %rdi
	mov (%rdi), %eax
	ret
>>>
bts $0x2f,%rdi
mov (%rdi),%eax
mov $0xffffffff,%ecx
shl $0x7,%rcx
add %rcx,%rdi
mov (%rdi),%eax
add %rcx,%rdi
add $0x7fffffff,%rdi
bts $0x2f,%rdi
mov (%rdi),%eax
ret
------
# Experiment: a guard for each access.
#option --naive
	mov (%rdi), %rax
	mov 8(%rdi), %rdx
	ret
>>>
bts $0x2f,%rdi
mov (%rdi),%rax
bts $0x2f,%rdi
mov 0x8(%rdi),%rdx
ret
------
# Experiment: loads stay bare, the store is guarded.
#option --no-load-guards
	mov (%rdi), %rax
	mov %rax, 8(%rdi)
	ret
>>>
mov (%rdi),%rax
bts $0x2f,%rdi
mov %rax,0x8(%rdi)
ret
------
# xchg, xadd, cmpxchg: results from memory are unknown.
	xchg %rax, (%rdi)
	mov (%rax), %ecx
	xadd %rdx, (%rdi)
	mov (%rdx), %ecx
	cmpxchg %rcx, (%rdi)
	mov (%rax), %ecx
	ret
>>>
bts $0x2f,%rdi
xchg %rax,(%rdi)
bts $0x2f,%rax
mov (%rax),%ecx
xadd %rdx,(%rdi)
bts $0x2f,%rdx
mov (%rdx),%ecx
cmpxchg %rcx,(%rdi)
bts $0x2f,%rax
mov (%rax),%ecx
ret
------
# xchg and cmov of registers carry what is known.
	mov (%rdi), %eax
	mov (%rsi), %ecx
	cmp %eax, %ecx
	cmovb %rsi, %rdi
	mov (%rdi), %eax
	xchg %rdi, %rdx
	mov (%rdx), %eax
	ret
>>>
bts $0x2f,%rdi
mov (%rdi),%eax
bts $0x2f,%rsi
mov (%rsi),%ecx
cmp %eax,%ecx
cmovb %rsi,%rdi
mov (%rdi),%eax
xchg %rdi,%rdx
mov (%rdx),%eax
ret
------
# Prefetches cannot fault; nops and __fentry__ go.
	call __fentry__
	prefetcht0 (%rdi)
	nopl 0(%rax,%rax)
	ret
>>>
prefetcht0 (%rdi)
ret
