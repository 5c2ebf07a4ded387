# Flags are live at the access: the guard moves up, over what does not change the pointer.
	cmp %esi, %edx
	mov (%rdi), %eax
	cmova %esi, %eax
	ret
>>>
bts $0x2f,%rdi
cmp %esi,%edx
mov (%rdi),%eax
cmova %esi,%eax
ret
------
# The pointer comes into being while flags are live: they are saved.
	cmp %esi, %edx
	mov (%rdi), %rcx
	mov (%rcx), %eax
	cmova %esi, %eax
	ret
>>>
bts $0x2f,%rdi
cmp %esi,%edx
mov (%rdi),%rcx
pushf
bts $0x2f,%rcx
popf
mov (%rcx),%eax
cmova %esi,%eax
ret
------
# The same where an address is computed.
	cmp %esi, %edx
	mov (%rdi,%rcx,8), %rax
	cmova %rsi, %rax
	ret
>>>
cmp %esi,%edx
lea (%rdi,%rcx,8),%rax
pushf
bts $0x2f,%rax
popf
mov (%rax),%rax
cmova %rsi,%rax
ret
------
# adc is a use of the carry.
	add (%rdi), %rax
	adc 8(%rdi), %rdx
	adc 16(%rsi), %rdx
	ret
>>>
bts $0x2f,%rdi
bts $0x2f,%rsi
add (%rdi),%rax
adc 0x8(%rdi),%rdx
adc 0x10(%rsi),%rdx
ret
------
# Not over a label: another path comes in there.
	cmp %esi, %edx
	je 1f
	cmp %esi, %ecx
1:	mov (%rdi), %eax
	cmova %esi, %eax
	ret
>>>
cmp %esi,%edx
je L1
cmp %esi,%ecx
L1:
pushf
bts $0x2f,%rdi
popf
mov (%rdi),%eax
cmova %esi,%eax
ret
------
# A call passes no flags.
	sub $8, %rsp
	call schedule
	mov (%rdi), %eax
	add $8, %rsp
	ret
>>>
sub $0x8,%rsp
call schedule
bts $0x2f,%rdi
mov (%rdi),%eax
add $0x8,%rsp
ret
------
# A shift by 0, also by 32 of 32 bits, leaves the flags as they are: they are live in front of it.
	mov (%rdi), %rdi
	cmp %rsi, %rdx
	mov (%rdi), %rax
	shl $32, %eax
	je 1f
	mov $0, %eax
1:	ret
>>>
bts $0x2f,%rdi
mov (%rdi),%rdi
bts $0x2f,%rdi
cmp %rsi,%rdx
mov (%rdi),%rax
shl $0x20,%eax
je L1
mov $0x0,%eax
L1:
ret
