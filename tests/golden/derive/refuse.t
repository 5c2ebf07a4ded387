# What is not on the list.
	outb %al, (%dx)
	ret
>>>
derive: golden.ko: refused: f+0x0 (.text+0x0): port I/O (out)
derive: golden.ko: 1 function of the set cannot be derived
------
	cli
	ret
>>>
derive: golden.ko: refused: f+0x0 (.text+0x0): instruction cli is not on the list of derivable ones
derive: golden.ko: 1 function of the set cannot be derived
------
	rdmsr
	ret
>>>
derive: golden.ko: refused: f+0x0 (.text+0x0): instruction rdmsr is not on the list of derivable ones
derive: golden.ko: 1 function of the set cannot be derived
------
	movups (%rdi), %xmm0
	ret
>>>
derive: golden.ko: refused: f+0x0 (.text+0x0): instruction movups is not on the list of derivable ones
derive: golden.ko: 1 function of the set cannot be derived
------
	pushf
	ret
>>>
derive: golden.ko: refused: f+0x0 (.text+0x0): instruction pushfq is not on the list of derivable ones
derive: golden.ko: 1 function of the set cannot be derived
------
	mov %cr3, %rax
	ret
>>>
derive: golden.ko: refused: f+0x0 (.text+0x0): mov of a register that is no general one
derive: golden.ko: 1 function of the set cannot be derived
------
	mov %ds, %eax
	ret
>>>
derive: golden.ko: refused: f+0x0 (.text+0x0): mov of a register that is no general one
derive: golden.ko: 1 function of the set cannot be derived
------
	syscall
	ret
>>>
derive: golden.ko: refused: f+0x0 (.text+0x0): instruction syscall is not on the list of derivable ones
derive: golden.ko: 1 function of the set cannot be derived
------
	andn %rax, %rcx, %rdx
	ret
>>>
derive: golden.ko: refused: f+0x0 (.text+0x0): instruction andn is not on the list of derivable ones
derive: golden.ko: 1 function of the set cannot be derived
------
	mov (%edi), %eax
	ret
>>>
derive: golden.ko: refused: f+0x0 (.text+0x0): 32-bit address
derive: golden.ko: 1 function of the set cannot be derived
------
1:	jrcxz 1b
	ret
>>>
derive: golden.ko: refused: f+0x0 (.text+0x0): instruction jrcxz is not on the list of derivable ones
derive: golden.ko: 1 function of the set cannot be derived
------
	ret $8
>>>
derive: golden.ko: refused: f+0x0 (.text+0x0): return that pops arguments
derive: golden.ko: 1 function of the set cannot be derived
------
	movabs 0xffffffff81000000, %al
	ret
>>>
derive: golden.ko: refused: f+0x0 (.text+0x0): memory operand of an unknown kind
derive: golden.ko: 1 function of the set cannot be derived
------
# Bytes that are no instruction.
	.byte 0x06
	ret
>>>
derive: golden.ko: f+0x0 (.text+0x0): cannot decode the bytes there
------
# One refused function refuses the twin; all of them are named.
func g
	hlt
	ret
end g
func h
	sti
	ret
end h
func f
	sub $8, %rsp
	call g
	call h
	add $8, %rsp
	ret
end f
>>>
derive: golden.ko: refused: g+0x0 (.text+0x0): instruction hlt is not on the list of derivable ones
derive: golden.ko: refused: h+0x0 (.text+0x10): instruction sti is not on the list of derivable ones
derive: golden.ko: 2 functions of the set cannot be derived
------
# The description must name functions of the module.
#conf entry xmit nothing
	ret
>>>
derive: golden.conf:2: golden.ko has no function nothing
------
# A target must be address-taken.
#conf entry xmit f
#conf target f
	ret
>>>
derive: golden.conf:3: nothing takes the address of f: it cannot be a target
------
#conf entry transmit f
	ret
>>>
derive: golden.conf:2: unknown role 'transmit' (intr, poll, xmit)
------
#conf entry xmit f
#conf frobnicate f
	ret
>>>
derive: golden.conf:3: unknown word 'frobnicate'
------
# The bit number reaches memory at any distance from the operand.
	lock btsq %rsi, (%rdi)
	ret
>>>
derive: golden.ko: refused: f+0x0 (.text+0x0): bts of memory with the bit number in a register
derive: golden.ko: 1 function of the set cannot be derived
------
	bt %esi, 8(%rdi)
	ret
>>>
derive: golden.ko: refused: f+0x0 (.text+0x0): bt of memory with the bit number in a register
derive: golden.ko: 1 function of the set cannot be derived
------
	pushw %ax
	popw %ax
	ret
>>>
derive: golden.ko: refused: f+0x0 (.text+0x0): push of 16 bits
derive: golden.ko: 1 function of the set cannot be derived
------
# A copy out of a segment.
	rep movsb %gs:(%rsi), (%rdi)
	ret
>>>
derive: golden.ko: refused: f+0x0 (.text+0x0): memory operand of an unknown kind
derive: golden.ko: 1 function of the set cannot be derived
