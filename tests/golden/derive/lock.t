# Lock prefixes stay: the twin is one more CPU.
	lock incl (%rdi)
	lock btrq $1, 0x90(%rdi)
	lock cmpxchg %ecx, 4(%rdi)
	lock xadd %eax, 8(%rdi)
	xchg %eax, (%rsi)
	ret
>>>
bts $0x2f,%rdi
lock incl (%rdi)
lock btrq $0x1,0x90(%rdi)
lock cmpxchg %ecx,0x4(%rdi)
lock xadd %eax,0x8(%rdi)
bts $0x2f,%rsi
xchg %eax,(%rsi)
ret
------
	mfence
	lfence
	sfence
	pause
	ret
>>>
mfence
lfence
sfence
pause
ret
