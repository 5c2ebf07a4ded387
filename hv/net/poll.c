/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Deficit round robin over the ports, and the timer for busy ones. */
#include "net/poll.h"

#include "cpu/timer.h"
#include "lib/errno.h"

#define QUANTUM    16384 /* what a port may spend per round: bytes, and for each frame ... */
#define FRAME_COST 200   /* ... so many more, as small ones cost as well */
#define ROUNDS_MAX 64    /* of one run; what is left waits until timers and VMs had their turn */
#define RUN_US     1000  /* ... and about how long one lasts */
#define LONGEST_US 10000 /* that a run counts for: the machine may have stood still */
#define HOLD_US    500   /* longest time that a frame waits while kicks are held back */

struct poll_counters poll_counters;

static struct net_switch *sw;
static unsigned int active; /* ports */
static unsigned int turn;   /* port to start with: the one behind the last served */
static bool running;        /* poll_run() is under way */
static uint64_t rest_until; /* the VMs' time: no run before */

static void timer_fire(struct timer *timer);
static struct timer hold_timer = { .fire = timer_fire };

static void arm(uint64_t us)
{
	timer_arm(&hold_timer, tsc_now() + us_to_tsc(us));
}

void poll_init(struct net_switch *sw_)
{
	sw = sw_;
	active = turn = 0;
	running = false;
	rest_until = 0;
	poll_counters = (struct poll_counters){ 0 };
}

void poll_activate(struct port *port)
{
	port->worked = true; /* the hold time starts now */
	if (port->active)
		return;
	port->active = true;
	port->deficit = 0;
	if (active++ == 0)
		arm(HOLD_US);
}

/* Is another try worth it? */
static bool still_blocked(struct port *port)
{
	if (port->blocked && sw->uplink && !sw->uplink->ops->has_room(sw->uplink))
		return true;
	port->blocked = false;
	return false;
}

/*
 * One visit: true when the port may have more that it could send now. A port that was pushed back
 * goes on with what it had left of its round: the uplink's room comes in small lots.
 */
static bool visit(struct port *port)
{
	int len = 1;

	if (!port->blocked)
		port->deficit += QUANTUM;
	if (still_blocked(port))
		return false;
	while (port->deficit > 0) {
		len = port->ops->take(port);
		if (len <= 0)
			break;
		port->deficit -= len + FRAME_COST;
		port->dirty = port->worked = true;
	}
	port->blocked = len == -EAGAIN;
	if (len == 0)
		port->deficit = 0; /* nobody saves up for later */
	return len > 0;
}

/* A division would cost more than all else that an idle port costs. */
static unsigned int behind(unsigned int n)
{
	return n + 1 < sw->ports ? n + 1 : 0;
}

/* The first that was pushed back is the first next time, else the one behind the last served. */
static bool round_of_visits(void)
{
	unsigned int start = turn, pushed_back = sw->ports;
	bool more = false;

	for (unsigned int i = 0, n = start; i < sw->ports; i++, n = behind(n)) {
		struct port *port = sw->port[n];

		if (!port->active)
			continue;
		if (visit(port))
			more = true;
		turn = behind(n);
		if (port->blocked && pushed_back == sw->ports)
			pushed_back = n;
	}
	if (pushed_back < sw->ports)
		turn = pushed_back;
	return more;
}

static void flush(void)
{
	for (unsigned int i = 0; i < sw->ports; i++) {
		struct port *port = sw->port[i];

		if (!port->dirty)
			continue;
		if (port->ops->flush)
			port->ops->flush(port);
		port->dirty = false;
	}
}

/*
 * Frames were dropped because VMs do not get to take what they have: without a rest, serving the
 * wire would take all of the CPU and nothing would arrive any more (receive livelock: Mogul and
 * Ramakrishnan, USENIX 1996). So the VMs get as much time as the run took.
 */
static void rest(uint64_t start)
{
	uint64_t now = tsc_now(), took = MIN(now - start, us_to_tsc(LONGEST_US));

	rest_until = now + took;
	timer_arm(&hold_timer, rest_until);
}

bool poll_end_rest(void)
{
	bool resting = tsc_now() < rest_until;

	rest_until = 0;
	return resting;
}

void poll_run(void)
{
	uint64_t start = tsc_now();
	int rounds = 0;
	bool more;

	if (!active || start < rest_until)
		return;
	poll_counters.runs++;
	running = true;
	sw->overrun = false;
	do {
		more = round_of_visits();
	} while (more && ++rounds < ROUNDS_MAX && tsc_now() - start < us_to_tsc(RUN_US));
	flush();
	running = false;
	if (sw->overrun)
		rest(start);
	else if (more)
		arm(0); /* go on right after what else is due */
}

/* Ports that did nothing since the last time, unless a frame came in this very moment. */
static void idle_ports_sleep(void)
{
	for (unsigned int i = 0; i < sw->ports; i++) {
		struct port *port = sw->port[i];

		if (port->active && !port->worked && !port->blocked && port->ops->sleep(port)) {
			port->active = false;
			active--;
			poll_counters.sleeps++;
		}
		port->worked = false;
	}
}

/*
 * A port that waits inside poll_run(), as the twin does for an upcall, looks idle from outside and
 * would be left with half of its work: no sleep then.
 */
static void timer_fire(struct timer *timer)
{
	(void)timer;
	poll_counters.timer++;
	if (!running)
		idle_ports_sleep();
	if (active)
		arm(HOLD_US);
}
