/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Debug register 0 on an instruction of the twin, and what happens there. */
#include "twin/step.h"

#include "cpu/trap.h"
#include "cpu/x86.h"
#include "debug/log.h"
#include "debug/monitor.h"
#include "drivers/verify/decode.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "mem/layout.h"
#include "mem/paging.h"
#include "twin/load.h"

/* AMD APM 2 13.1.1: reserved bits, and breakpoint 0 on execution in any task. */
#define DR7_OFF   0x400UL
#define DR7_ON    (DR7_OFF | BIT(1))
#define DR6_CLEAR 0xffff0ff0UL
#define DR6_B0    BIT(0)
#define RFLAGS_RF BIT(16) /* the next instruction meets no breakpoint */

enum action { ACTION_KILL, ACTION_LOOP, ACTION_REG, ACTION_LOAD, ACTION_DATA, ACTION_WORD };
static const char *const action_names[] = { "kill", "loop", "reg", "load", "data", "word" };
static const int action_words[] = { 5, 5, 7, 6, 6, 7 }; /* of the command, `fault at` included */

/* written by the monitor and, interrupts off, by the handler */
static struct {
	bool armed;
	bool behind; /* ACTION_LOAD: the load is done, `reg` has what it got */
	enum action action;
	uint64_t at;      /* of the instruction */
	uint64_t left;    /* executions until it happens, this one included */
	unsigned int reg; /* x86 number */
	dva_t word;       /* ACTION_WORD: of eight bytes */
	uint64_t flip;    /* bits that change */
} step;

/* What happened, for the log, which no handler writes to. */
static struct {
	bool news, done;
	uint64_t at, was, is;
	dva_t datum; /* that changed in the dvm's memory, or 0 */
} report;

static bool on;
static uint64_t vm_dr0; /* of whichever VM used it last */

void step_on(void)
{
	if (!step.armed || on)
		return;
	asm volatile("movq %%dr0, %0" : "=r"(vm_dr0));
	asm volatile("movq %0, %%dr6" ::"r"(DR6_CLEAR));
	asm volatile("movq %0, %%dr0" ::"r"(step.at));
	asm volatile("movq %0, %%dr7" ::"r"(DR7_ON));
	on = true;
}

static void say(void)
{
	char where[96];

	report.news = false;
	twin_symbol(report.at, where, sizeof(where));
	if (step.action <= ACTION_LOOP)
		log_info("twin's step: %s at %s", action_names[step.action], where);
	else if (report.datum)
		log_info("twin's step: %s at %s: %lx becomes %lx in %lx", action_names[step.action],
			 where, report.was, report.is, report.datum);
	else if (report.done)
		log_info("twin's step: %s at %s: %lx becomes %lx", action_names[step.action], where,
			 report.was, report.is);
	else
		log_info("twin's step: %s at %s: there is nothing to change",
			 action_names[step.action], where);
}

void step_off(void)
{
	if (on) {
		asm volatile("movq %0, %%dr7" ::"r"(DR7_OFF));
		asm volatile("movq %0, %%dr0" ::"r"(vm_dr0));
		on = false;
	}
	if (!report.news)
		return;
	if (step.action == ACTION_LOOP) /* the twin died of it */
		step.armed = false;
	say();
}

/* The frame has them from r15 to rax, without rsp. */
static uint64_t *saved_register(struct trap_frame *frame, unsigned int reg)
{
	return &frame->r15 + (reg >= RSP ? 15 - reg : 14 - reg);
}

static void changed(uint64_t was, uint64_t is)
{
	report.done = true;
	report.was = was;
	report.is = is;
}

static void change_register(struct trap_frame *frame, unsigned int reg)
{
	uint64_t *r = saved_register(frame, reg), was = *r;

	*r ^= step.flip;
	changed(was, *r);
}

static uint64_t operand_address(struct trap_frame *frame, const struct mem_operand *m)
{
	uint64_t addr = m->disp;

	if (m->base < NR_REGS)
		addr += *saved_register(frame, m->base);
	if (m->index < NR_REGS)
		addr += *saved_register(frame, m->index) * m->scale;
	return addr;
}

/* Memory of the driver VM's that the twin has touched before and may write. */
static void *window_memory(uint64_t addr, uint64_t bytes)
{
	int level;
	uint64_t e = addr >> 63 ? paging_lookup(addr, &level) : 0;

	if (!(e & PTE_W) || (e & PTE_PCD) || bytes == 0 || addr % PAGE_SIZE > PAGE_SIZE - bytes)
		return NULL;
	return (void *)addr;
}

static void change_memory(dva_t addr, uint64_t bytes)
{
	uint64_t was = 0, is;
	void *p = window_memory(addr, bytes);

	if (!p)
		return;
	memcpy(&was, p, bytes);
	is = was ^ step.flip;
	memcpy(p, &is, bytes);
	changed(was, is);
	report.datum = addr;
}

static void change_operand(struct trap_frame *frame, const struct insn *i)
{
	if ((i->src != OPND_MEM && i->dst != OPND_MEM) || i->mem.seg != SEG_NONE || i->mem.rip ||
	    i->mem.base == RSP)
		return;
	change_memory(operand_address(frame, &i->mem), i->src_size ? i->src_size : i->size);
}

/* Not one that loads into rsp; there is none in code that was judged. */
static bool is_load(const struct insn *i)
{
	return i->src == OPND_MEM && i->dst < NR_REGS && i->dst != RSP &&
	       (i->op == OP_MOV || i->op == OP_MOVZX || i->op == OP_MOVSX);
}

/* true: the fault waits for the instruction behind, when the load is done. */
static bool change(struct trap_frame *frame)
{
	const char *reason;
	struct insn i;

	if (step.action == ACTION_REG || step.behind) {
		change_register(frame, step.reg);
		return false;
	}
	if (step.action == ACTION_WORD) {
		change_memory(step.word, sizeof(uint64_t));
		return false;
	}
	if (insn_decode((const uint8_t *)frame->rip, 16, 0, &i, &reason) != VERIFY_OK)
		return false;
	if (step.action == ACTION_DATA) {
		change_operand(frame, &i);
		return false;
	}
	if (!is_load(&i))
		return false;
	step.behind = true;
	step.reg = i.dst;
	step.at = frame->rip + i.len;
	asm volatile("movq %0, %%dr0" ::"r"(step.at));
	return true;
}

enum step_verdict step_hit(struct trap_frame *frame)
{
	uint64_t dr6;

	asm volatile("movq %%dr6, %0" : "=r"(dr6));
	if (!step.armed || !(dr6 & DR6_B0) || frame->rip != step.at)
		return STEP_NOT_OURS;
	asm volatile("movq %0, %%dr6" ::"r"(DR6_CLEAR));
	if (!step.behind && step.left > 1) {
		step.left--;
		frame->rflags |= RFLAGS_RF;
		return STEP_GO_ON;
	}
	report.news = true;
	report.at = frame->rip;
	if (step.action == ACTION_LOOP) /* again and again, until its time is over */
		return STEP_GO_ON;
	frame->rflags |= RFLAGS_RF;
	if (step.action != ACTION_KILL && change(frame))
		return STEP_GO_ON;
	step.armed = false;
	asm volatile("movq %0, %%dr7" ::"r"(DR7_OFF));
	return step.action == ACTION_KILL ? STEP_KILL : STEP_GO_ON;
}

static bool number(const char *text, uint64_t *n)
{
	return parse_u64(&text, n) == 0 && !*text;
}

static int parse(int argc, char **argv)
{
	uint64_t offset, reg = 0, flip = 0, word = 0;
	unsigned int a = 0;

	while (a < ARRAY_SIZE(action_names) && (argc < 5 || strcmp(argv[4], action_names[a])))
		a++;
	if (a == ARRAY_SIZE(action_names) || !number(argv[2], &offset) ||
	    !number(argv[3], &step.left) || !step.left || !twin_has(TWIN_BASE + offset))
		return -EINVAL;
	if (argc != action_words[a] || (a >= ACTION_REG && !number(argv[argc - 1], &flip)) ||
	    (a == ACTION_REG && (!number(argv[5], &reg) || reg >= NR_REGS || reg == RSP)) ||
	    (a == ACTION_WORD && !number(argv[5], &word)))
		return -EINVAL;
	step.action = a;
	step.at = TWIN_BASE + offset;
	step.reg = reg;
	step.word = word;
	step.flip = flip;
	step.behind = false;
	step.armed = true;
	report.news = report.done = false;
	report.datum = 0;
	return 0;
}

int step_command(int argc, char **argv)
{
	step.armed = false;
	if (argc == 3 && strcmp(argv[2], "off") == 0)
		return 0;
	if (parse(argc, argv) == 0)
		return 0;
	mon("usage: fault at OFFSET COUNT kill|loop|load FLIP|data FLIP|reg NUMBER FLIP|"
	    "word ADDRESS FLIP, fault at off");
	return -EINVAL;
}
