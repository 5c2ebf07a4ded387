/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The judge's level and the choice between files; see judge.h. */
#include "twin/judge.h"

#include "cpu/x86.h"
#include "debug/log.h"
#include "drivers/castor_abi.h"
#include "lib/errno.h"
#include "mem/layout.h"
#include "twin/load.h"
#include "vm/config.h"

#define L1_ECX_HYPERVISOR BIT(31) /* APM 3 E.3.2: "reserved for use by hypervisor", 0 on metal */

#define ENGINES (TWIN_ENGINE_STLB + 1)

static bool strict;
static struct twin_image best[ENGINES]; /* of the files on the medium; head NULL: none */

void judge_init(const struct config *cfg)
{
	bool below = cpuid(1, 0).ecx & L1_ECX_HYPERVISOR;
	const char *why;

	if (cfg->judge != JUDGE_BY_MACHINE) {
		strict = cfg->judge == JUDGE_STRICT;
		why = "by the boot word judge=";
	} else {
		strict = !below;
		why = below ? "an emulator or hypervisor is below"
			    : "on metal, no hypervisor is below";
	}
	log_info("judge of twins: %s (%s); indirect calls by %s", strict ? "strict" : "normal", why,
		 strict ? "retpoline" : "jump");
}

bool judge_is_strict(void)
{
	return strict;
}

/*
 * What derive makes for the strict judge passes each one; for the normal one the file with the
 * fewest guards is best.
 */
static bool suits_better(uint8_t facts, uint8_t than)
{
	return strict ? facts < than : facts > than;
}

static bool agent_can_resolve(void)
{
	if (twin_count(TWIN_TABLE_SECTIONS) <= CASTOR_SECTIONS &&
	    twin_count(TWIN_TABLE_IMPORTS) <= CASTOR_IMPORTS)
		return true;
	log_warn("twin refused: more sections or imports than the agent can resolve");
	return false;
}

int judge_read_images(const struct config *cfg)
{
	unsigned int sound = 0;

	for (unsigned int i = 0; i < cfg->twins; i++) {
		const struct boot_module *m = cfg->twin[i];
		struct twin_image *b;

		if (twin_image_check(hpa_to_hva(m->start), m->size) || !agent_can_resolve())
			continue;
		sound++;
		b = &best[twin_image.head->engine];
		if (!b->head || suits_better(twin_image.head->facts, b->head->facts))
			*b = twin_image;
	}
	if (!best[cfg->svm].head && sound)
		log_warn("no twin of engine %s is on the medium (boot word svm=)",
			 judge_engine_name(cfg->svm));
	twin_image = best[cfg->svm];
	return twin_image.head ? 0 : -ENOENT;
}

bool judge_has_engine(enum twin_engine engine)
{
	return best[engine].head;
}

bool judge_take_engine(enum twin_engine engine)
{
	if (!best[engine].head || twin_image.head == best[engine].head)
		return false;
	twin_image = best[engine];
	return true;
}

void judge_advise(const struct twin_image *image)
{
	if (!strict || image->head->facts == TWIN_FACTS_STRICT)
		return;
	if (image->head->engine == TWIN_ENGINE_STLB) {
		log_warn("a twin of engine stlb has no proof for the strict judge: boot with "
			 "judge=normal");
		return;
	}
	log_warn("this twin was derived at level %s: put one made with `derive --facts=strict` on "
		 "the medium, or boot with judge=normal",
		 judge_level_name(image->head->facts));
}

const char *judge_engine_name(unsigned int engine)
{
	static const char *const names[] = {
		[TWIN_ENGINE_WINDOW] = "window", [TWIN_ENGINE_STLB] = "stlb"
	};

	return engine < ARRAY_SIZE(names) ? names[engine] : "?";
}

const char *judge_level_name(unsigned int facts)
{
	static const char *const names[] = { "strict", "access", "slots" };

	return facts < ARRAY_SIZE(names) ? names[facts] : "?";
}
