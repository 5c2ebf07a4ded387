/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is known of each byte of the machine's stack in an invocation: was it written since it was
 * last below the stack pointer, and is it part of a return address that a call put there?
 */
#ifndef FUZZ_SHADOW_H
#define FUZZ_SHADOW_H

#include <stdbool.h>
#include <stdint.h>

/* An invocation begins; its return address lies at rsp, nothing is written below it. */
void shadow_begin(uint64_t rsp);

/* The stack pointer is at rsp now: what lies below it is dead. */
void shadow_at(uint64_t rsp);

/* n bytes at a were written; is_call: by a call, as its return address. */
void shadow_write(uint64_t a, uint32_t n, bool is_call);

/* Are all of the n bytes at a written, and is none part of a return address? */
bool shadow_is_data(uint64_t a, uint32_t n);

/* Is any of the n bytes at a part of a return address? */
bool shadow_touches_return(uint64_t a, uint32_t n);

/* Do exactly the 8 bytes at a hold a return address? */
bool shadow_is_return(uint64_t a);

#endif
