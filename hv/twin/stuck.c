/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames that stand still. */
#include "twin/stuck.h"

#include "lib/string.h"

struct stuck_counts stuck_counts;

enum way { TRANSMIT, RECEIVE, WAYS };

static const char *const names[WAYS] = {
	"frames wait to be sent, and none was completed",
	"the card has frames, or no room for any, and none was received",
};

static struct {
	uint64_t moved;      /* frames, at the last look */
	unsigned int stands; /* looks in a row, but for those that did not count */
} way[WAYS];

static uint32_t head, tail;  /* when the driver last received, or brought a buffer */
static unsigned int looks;   /* since the twin was attached; at the first there is no look before */
static unsigned int excuses; /* of these the last ones at which the driver said that it sets up */

/* The driver was reset for a way that stood still; nothing has shown yet that this helped. */
static bool suspect;
static enum way suspect_way;
static uint64_t suspect_moved;

static bool has_moved(enum way w, uint64_t frames)
{
	bool moved = frames != way[w].moved;

	way[w].moved = frames;
	if (moved)
		way[w].stands = 0;
	return moved;
}

static void look_at_transmit(const struct stuck_sight *s)
{
	if (!has_moved(TRANSMIT, s->ended) && s->waits && !s->paused)
		way[TRANSMIT].stands++;
}

static void look_at_receive(const struct stuck_sight *s)
{
	if (has_moved(RECEIVE, s->received) || s->tail != tail || looks == 1) {
		way[RECEIVE].stands = 0;
		head = s->head;
		tail = s->tail;
	} else {
		way[RECEIVE].stands = s->deaf || s->head != head ? way[RECEIVE].stands + 1 : 0;
	}
}

static void stop_counting(void)
{
	for (unsigned int w = 0; w < WAYS; w++)
		way[w].stands = 0;
}

/* Interface down, or the card being set up. */
static bool is_excused(const struct stuck_sight *s)
{
	excuses = s->started && !s->busy ? 0 : excuses + 1;
	if (excuses > STUCK_EXCUSED)
		return false;
	if (!s->started)
		stop_counting();
	return excuses;
}

static enum stuck_verdict verdict(enum way w)
{
	uint64_t *const counts[WAYS] = { &stuck_counts.transmit, &stuck_counts.receive };

	++*counts[w];
	stop_counting();
	stuck_counts.dvm += suspect;
	if (suspect)
		return STUCK_DVM;
	suspect = true;
	suspect_way = w;
	suspect_moved = way[w].moved;
	return STUCK_TWIN;
}

enum stuck_verdict stuck_look(const struct stuck_sight *s, const char **what)
{
	unsigned int limit = suspect ? STUCK_LOOKS_AGAIN : STUCK_LOOKS;

	looks++;
	if (is_excused(s) || !s->link)
		return STUCK_NO;
	look_at_transmit(s);
	look_at_receive(s);
	for (enum way w = TRANSMIT; w < WAYS; w++)
		if (way[w].stands >= limit) {
			*what = names[w];
			return verdict(w);
		}
	if (looks > STUCK_PROOF_LOOKS && way[suspect_way].moved != suspect_moved)
		suspect = false;
	return STUCK_NO;
}

void stuck_attached(void)
{
	looks = excuses = 0;
	stop_counting();
}

void stuck_forget(void)
{
	suspect = false;
	memset(way, 0, sizeof(way));
}
