# Both pointers of a copy are guarded; where it ends is not known.
	rep movsq
	mov (%rdi), %rax
	ret
>>>
bts $0x2f,%rdi
bts $0x2f,%rsi
rep movsq %ds:(%rsi),%es:(%rdi)
bts $0x2f,%rdi
mov (%rdi),%rax
ret
------
	rep stosb
	ret
>>>
bts $0x2f,%rdi
rep stos %al,%es:(%rdi)
ret
------
	movsl
	ret
>>>
derive: golden.ko: refused: f+0x0 (.text+0x0): movsd without rep
derive: golden.ko: 1 function of the set cannot be derived
------
# Backwards is not derivable.
	std
	rep movsb
	ret
>>>
derive: golden.ko: refused: f+0x0 (.text+0x0): instruction std is not on the list of derivable ones
derive: golden.ko: 1 function of the set cannot be derived
------
# Comparing and searching strings is not on the list.
	repe cmpsb
	ret
>>>
derive: golden.ko: refused: f+0x0 (.text+0x0): instruction cmpsb is not on the list of derivable ones
derive: golden.ko: 1 function of the set cannot be derived
