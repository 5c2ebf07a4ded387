/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An HTTP server for small files. GET and HEAD; connections stay open as HTTP/1.1 says (RFC 9112
 * 9.3), requests may be pipelined. lwIP's httpd would do but for that: it keeps a connection only
 * if the client names the header, and announces in its answer what it then does not do.
 *
 * A body goes out by reference; only the header is copied. Byte i of /1k, /16k, /64k and /1m is
 * body_byte(i).
 */
#include "apps/apps.h"
#include "lib/print.h"

#include "lwip/mem.h"
#include "lwip/tcp.h"

#include <string.h>

#define PORT        80
#define REQUEST_MAX 1024
#define BODY_MAX    (1024 * 1024)
#define IDLE_POLLS  60 /* of half a second each: close a silent connection */
#define WRITE_MAX   32768

struct connection {
	struct pbuf *input;  /* received, not yet parsed; NULL = none */
	const uint8_t *body; /* what is left to write of the current answer */
	uint32_t body_left;
	bool close; /* when that is written */
	bool peer_done;
	uint8_t silent_polls;
};

struct file {
	const char *path, *type;
	const uint8_t *body;
	uint32_t length;
};

static const char index_page[] =
	"<!DOCTYPE html>\n<html><head><title>Pollux guest</title></head>\n"
	"<body><p>A guest of the Pollux hypervisor.</p>\n"
	"<p><a href=\"/1k\">1k</a> <a href=\"/16k\">16k</a> <a href=\"/64k\">64k</a> "
	"<a href=\"/1m\">1m</a></p></body></html>\n";
static const char missing_page[] = "no such file\n";

static uint8_t bytes[BODY_MAX];

static const struct file files[] = {
	{ "/", "text/html", (const uint8_t *)index_page, sizeof(index_page) - 1 },
	{ "/1k", "application/octet-stream", bytes, 1024 },
	{ "/16k", "application/octet-stream", bytes, 16 * 1024 },
	{ "/64k", "application/octet-stream", bytes, 64 * 1024 },
	{ "/1m", "application/octet-stream", bytes, BODY_MAX },
};

static const struct file missing = { "", "text/plain", (const uint8_t *)missing_page,
				     sizeof(missing_page) - 1 };

static uint8_t body_byte(uint32_t i)
{
	return (uint8_t)(i * 7 + (i >> 8));
}

static const struct file *file_find(const char *path, size_t length)
{
	for (const struct file *f = files; f < files + sizeof(files) / sizeof(files[0]); f++) {
		if (strlen(f->path) == length && !strncmp(f->path, path, length))
			return f;
	}
	return &missing;
}

/* Free the connection's state and let go of its pcb. The pcb itself is the caller's affair. */
static void forget(struct tcp_pcb *pcb, struct connection *c)
{
	tcp_arg(pcb, NULL);
	tcp_recv(pcb, NULL);
	tcp_sent(pcb, NULL);
	tcp_err(pcb, NULL);
	tcp_poll(pcb, NULL, 0);
	if (c->input)
		pbuf_free(c->input);
	mem_free(c);
}

static err_t finish(struct tcp_pcb *pcb, struct connection *c)
{
	forget(pcb, c);
	if (tcp_close(pcb) == ERR_OK)
		return ERR_OK;
	tcp_abort(pcb);
	return ERR_ABRT;
}

/* Write more of the current body. True when all of it is with TCP. */
static bool body_write(struct tcp_pcb *pcb, struct connection *c)
{
	while (c->body_left) {
		u16_t n = (u16_t)LWIP_MIN(LWIP_MIN(c->body_left, tcp_sndbuf(pcb)), WRITE_MAX);

		if (!n || tcp_write(pcb, c->body, n, 0) != ERR_OK)
			return false;
		c->body += n;
		c->body_left -= n;
	}
	return true;
}

/* Case-insensitive: does `line` begin with lower-case `name`? */
static bool has_prefix(const char *line, const char *name)
{
	for (; *name; line++, name++) {
		if ((*line >= 'A' && *line <= 'Z' ? *line | 0x20 : *line) != *name)
			return false;
	}
	return true;
}

enum persistence { CLOSE, KEEP, KEEP_SAY_SO };

static const char *const connection_header[] = {
	[CLOSE] = "Connection: close\r\n",
	[KEEP] = "",
	[KEEP_SAY_SO] = "Connection: keep-alive\r\n",
};

/*
 * RFC 9112 9.3: 1.1 stays open unless "close"; 1.0 closes unless "keep-alive", which must be
 * confirmed.
 */
static enum persistence wanted_persistence(const char *head, const char *version)
{
	enum persistence want = strncmp(version, "HTTP/1.1", 8) ? CLOSE : KEEP;

	for (const char *line = strstr(head, "\r\n"); line; line = strstr(line, "\r\n")) {
		line += 2;
		if (has_prefix(line, "connection: close"))
			want = CLOSE;
		else if (has_prefix(line, "connection: keep-alive"))
			want = KEEP_SAY_SO;
	}
	return want;
}

/* Answer the request whose head is in `head`. False: no room for the header now, nothing done. */
static bool answer(struct tcp_pcb *pcb, struct connection *c, const char *head)
{
	bool is_head = !strncmp(head, "HEAD ", 5), bad = strncmp(head, "GET ", 4) && !is_head;
	const char *path = strchr(head, ' '), *version = path ? strchr(path + 1, ' ') : NULL;
	enum persistence want = CLOSE;
	const struct file *f = &missing;
	char header[200];
	size_t n;

	bad = bad || !version;
	if (!bad) {
		f = file_find(path + 1, (size_t)(version - path - 1));
		want = wanted_persistence(head, version + 1);
	}
	n = print_to(header, sizeof(header),
		     "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %u\r\n%s\r\n",
		     bad             ? "400 Bad Request"
		     : f == &missing ? "404 Not Found"
				     : "200 OK",
		     f->type, f->length, connection_header[want]);
	if (tcp_write(pcb, header, (u16_t)n, TCP_WRITE_FLAG_COPY | TCP_WRITE_FLAG_MORE) != ERR_OK)
		return false;
	c->close = want == CLOSE;
	c->body = f->body;
	c->body_left = is_head ? 0 : f->length;
	return true;
}

/*
 * Length of the first request head in the input, with the empty line at its end; 0 = not
 * complete.
 */
static u16_t head_length(const struct pbuf *input)
{
	u16_t at = pbuf_memfind(input, "\r\n\r\n", 4, 0);

	return at == 0xffff ? 0 : at + 4;
}

/* Parse and answer what is there. Returns ERR_ABRT if the connection was aborted. */
static err_t work(struct tcp_pcb *pcb, struct connection *c)
{
	char head[REQUEST_MAX + 1];

	while (body_write(pcb, c)) {
		u16_t n = c->input ? head_length(c->input) : 0;

		if (c->close || (c->peer_done && !n) || n > REQUEST_MAX ||
		    (!n && c->input && c->input->tot_len > REQUEST_MAX))
			return finish(pcb, c);
		if (!n)
			break;
		head[pbuf_copy_partial(c->input, head, n, 0)] = '\0';
		if (!answer(pcb, c, head))
			break;
		tcp_recved(pcb, n);
		c->input = pbuf_free_header(c->input, n);
	}
	tcp_output(pcb);
	return ERR_OK;
}

static err_t received(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err)
{
	struct connection *c = arg;

	(void)err;
	c->silent_polls = 0;
	if (!p)
		c->peer_done = true;
	else if (c->input)
		pbuf_cat(c->input, p);
	else
		c->input = p;
	return work(pcb, c);
}

static err_t sent(void *arg, struct tcp_pcb *pcb, u16_t length)
{
	struct connection *c = arg;

	(void)length;
	c->silent_polls = 0;
	return work(pcb, c);
}

static err_t poll(void *arg, struct tcp_pcb *pcb)
{
	struct connection *c = arg;

	if (++c->silent_polls > IDLE_POLLS)
		return finish(pcb, c);
	return work(pcb, c);
}

static void error(void *arg, err_t err)
{
	struct connection *c = arg;

	(void)err;
	if (c->input)
		pbuf_free(c->input);
	mem_free(c);
}

static err_t accepted(void *arg, struct tcp_pcb *pcb, err_t err)
{
	struct connection *c;

	(void)arg;
	if (err != ERR_OK || !pcb)
		return ERR_VAL;
	c = mem_calloc(1, sizeof(*c));
	if (!c)
		return ERR_MEM;
	tcp_arg(pcb, c);
	tcp_recv(pcb, received);
	tcp_sent(pcb, sent);
	tcp_err(pcb, error);
	tcp_poll(pcb, poll, 1);
	tcp_nagle_disable(pcb);
	return ERR_OK;
}

void http_start(const struct request *r)
{
	struct tcp_pcb *pcb = tcp_new();

	(void)r;
	if (!pcb || tcp_bind(pcb, IP_ADDR_ANY, PORT) != ERR_OK) {
		print("http: error cannot listen on port %u\n", PORT);
		return;
	}
	for (uint32_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = body_byte(i);
	pcb = tcp_listen(pcb);
	tcp_accept(pcb, accepted);
	print("http: listening port=%u\n", PORT);
}
