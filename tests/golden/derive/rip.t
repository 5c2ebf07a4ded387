# Data of the module: no guard; the address becomes absolute, with the module section's address.
	mov own_data+8(%rip), %rax
	movq $7, own_data(%rip)
	lea own_data(%rip), %rdx
	mov 16(%rdx), %rcx
	ret
>>>
mov 0x0,%rax  # .data+0x8
movq $0x7,0x0  # .data+0x0
lea 0x0,%rdx  # .data+0x0
mov 0x10(%rdx),%rcx
ret
------
# Kernel data.
	mov jiffies(%rip), %rax
	add page_offset_base(%rip), %rax
	ret
>>>
mov %gs:0x40,%rax
add 0x0,%rax  # page_offset_base+0x0
ret
------
# A bounded index into a table of the module needs no guard.
	mov %edi, %edi
	mov own_table(,%rdi,8), %rax
	movzwl own_table(%rdi,%rdi), %eax
	ret
>>>
mov %edi,%edi
mov 0x0(,%rdi,8),%rax  # .rodata+0x0
movzwl 0x0(%rdi,%rdi,1),%eax  # .rodata+0x0
ret
------
# An unbounded one does.
	mov own_table(,%rdi,8), %rax
	mov own_table(%rsi), %rax
	movzwl own_table(%rsi,%rsi), %eax
	ret
>>>
lea 0x0(,%rdi,8),%rax  # .rodata+0x0
bts $0x2f,%rax
mov (%rax),%rax
lea 0x0(%rsi),%rax  # .rodata+0x0
bts $0x2f,%rax
mov (%rax),%rax
lea 0x0(%rsi,%rsi,1),%rax  # .rodata+0x0
bts $0x2f,%rax
movzwl (%rax),%eax
ret
------
# The address as a number is the dvm's; so is that of a function, which is data to the twin.
#conf entry xmit f
#conf target g
func g
	ret
end g
func f
	mov $own_data, %rax
	mov (%rax), %rcx
	movq $g, (%rdi)
	push $own_table
	pop %rdx
	cmp $own_data+32, %rax
	ret
end f
>>>
g:
ret
f:
mov $0x0,%rax  # .data+0x0
mov (%rax),%rcx
bts $0x2f,%rdi
movq $0x0,(%rdi)  # .text+0x0
push $0x0  # .rodata+0x0
pop %rdx
cmp $0x0,%rax  # .data+0x20
ret
------
# The address of the next instruction.
	lea 0(%rip), %rdi
	ret
>>>
lea 0x0,%rdi  # .text+0x7
ret
------
# A reference without a relocation cannot be moved.
	mov 0(%rip), %rdi
	ret
>>>
derive: golden.ko: refused: f+0x0 (.text+0x0): memory operand of an unknown kind
derive: golden.ko: 1 function of the set cannot be derived
------
# The address of a per-CPU variable is an offset, not an address.
	mov $softnet_data, %rax
	ret
>>>
derive: golden.ko: refused: f+0x0 (.text+0x0): address of the per-CPU variable softnet_data
derive: golden.ko: 1 function of the set cannot be derived
------
# The number in the file is not the number at run time: nothing is known of it.
#conf entry xmit f
	mov $own_data, %ecx
	ret
>>>
derive: golden.ko: refused: f+0x0 (.text+0x0): address as an immediate in an unknown form
derive: golden.ko: 1 function of the set cannot be derived
------
	and $own_data, %rdi
	mov (%rdi), %rax
	ret
>>>
and $0x0,%rdi  # .data+0x0
bts $0x2f,%rdi
mov (%rdi),%rax
ret
