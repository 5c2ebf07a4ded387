/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How strict the judge of twins is in this run (R6), and which file suits it.
 *
 * The strict level accepts no fact that only the outcome of an access proves and none that lies
 * in a stack slot: a processor that runs ahead has seen neither. That matters where speculation
 * is real, so it is the default on metal. Under an emulator or another hypervisor (CPUID says so)
 * the normal level is: it needs fewer guards. The boot word judge= overrides. With the strict level
 * the thunks of indirect calls are retpolines (R5), on every CPU.
 *
 * A twin is derived for a level (drivers/twin_abi.h, enum twin_facts), and a medium may carry two
 * files. What a file says of its level only chooses between them and words a message; whether its
 * code may run is the judge's reading of the bytes.
 */
#ifndef HV_TWIN_JUDGE_H
#define HV_TWIN_JUDGE_H

#include "drivers/twin_abi.h"
#include "lib/types.h"

struct config;
struct twin_image;

/* Decides the level and logs it with its reason. Once, at boot, before any VM runs. */
void judge_init(const struct config *cfg);
bool judge_is_strict(void);

/*
 * Checks the files on the medium, once. Of each engine's the one that suits the level best is
 * kept; that of the engine which the boot word svm= names becomes twin_image. -ENOENT: none is
 * sound, or of that engine; the reasons have been logged.
 */
int judge_read_images(const struct config *cfg);

bool judge_has_engine(enum twin_engine engine);

/*
 * Makes the one of that engine twin_image: true. False: it is that one already, or there is none.
 * Only while no twin is placed: all that is placed is described by twin_image.
 */
bool judge_take_engine(enum twin_engine engine);

/* After a refusal: logs what to do, if the file says that it was made for a weaker level. */
void judge_advise(const struct twin_image *image);

/* "window", "stlb", "?"; as derive's option --svm= and the boot word name them. */
const char *judge_engine_name(unsigned int engine);

/* "strict", "access", "slots", "?"; as derive's option names them. */
const char *judge_level_name(unsigned int facts);

#endif
