# The canary keeps its place.
	mov %gs:0x28, %rax
	sub %gs:0x28, %rax
	ret
>>>
mov %gs:0x28,%rax
sub %gs:0x28,%rax
ret
------
# Each per-CPU variable gets a place in the gs block.
	incl %gs:__preempt_count(%rip)
	movzbl %gs:softnet_data+0x7a(%rip), %eax
	mov %gs:softnet_data+0x70(%rip), %rax
	decl %gs:__preempt_count(%rip)
	ret
>>>
incl %gs:0x40
movzbl %gs:0x52,%eax
mov %gs:0x48,%rax
decl %gs:0x40
ret
------
# What a per-CPU variable holds is not trusted.
	mov %gs:this_cpu_off(%rip), %rax
	mov (%rax), %rax
	ret
>>>
mov %gs:0x40,%rax
bts $0x2f,%rax
mov (%rax),%rax
ret
------
# Other constants are not per-CPU variables.
	mov %gs:0x30, %rax
	ret
>>>
derive: golden.ko: refused: f+0x0 (.text+0x0): per-CPU operand of an unknown kind
derive: golden.ko: 1 function of the set cannot be derived
------
# Nor is a register.
	mov %gs:(%rdi), %rax
	ret
>>>
derive: golden.ko: refused: f+0x0 (.text+0x0): memory operand of an unknown kind
derive: golden.ko: 1 function of the set cannot be derived
------
	mov %fs:0, %rax
	ret
>>>
derive: golden.ko: refused: f+0x0 (.text+0x0): memory operand of an unknown kind
derive: golden.ko: 1 function of the set cannot be derived
------
# jiffies is read where the hv keeps it, whole or in part ...
	mov jiffies(%rip), %rax
	sub jiffies+4(%rip), %eax
	cmp jiffies(%rip), %rdi
	mov jiffies, %ecx
	ret
>>>
mov %gs:0x40,%rax
sub %gs:0x44,%eax
cmp %gs:0x40,%rdi
mov %gs:0x40,%ecx
ret
------
# ... but it is the driver VM's where it is written, where its address is taken, and beyond its end.
	incq jiffies(%rip)
	lea jiffies(%rip), %rax
	mov (%rax), %rax
	add jiffies+1(%rip), %rax
	ret
>>>
incq 0x0  # jiffies+0x0
lea 0x0,%rax  # jiffies+0x0
mov (%rax),%rax
add 0x0,%rax  # jiffies+0x1
ret
------
# Other variables of the kernel stay where they are.
	mov page_offset_base(%rip), %rax
	ret
>>>
mov 0x0,%rax  # page_offset_base+0x0
ret
