/* SPDX-License-Identifier: ISC */
/*
 * The key process and how a worker asks it: see keys.h.
 *
 * Records hold numbers of fixed width and the octets behind them; both ends are
 * one program. All the same neither believes a length: a worker that was taken
 * over can send anything.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <net/clock.h>
#include <net/tls.h>

#include "keys.h"
#include "privileges.h"
#include "sandbox.h"
#include "title.h"

/* ms that a worker waits for a signature: hundreds of times what one takes. */
#define KEYS_WAIT ((uint64_t)2000)
/* ms for which a key process that did not answer is not asked again. */
#define KEYS_DEAF ((uint64_t)1000)
/* ms for reading all keys at the start. */
#define START_WAIT 60000
/* ms between two looks for keys of the folder that are to be wiped. */
#define TIDY_EVERY 1000
/* Of what is wrong with a key, for the operator. */
#define ERROR_MAX 1024

enum question_kind {
	ASK_BY_NUMBER,			/* a signature, with a key of a number */
	ASK_BY_OWNER,			/* one, with a tenant's out of the folder */
	ASK_CERTIFICATE,		/* of a tenant out of the folder */
};

struct question {
	uint64_t id;
	uint32_t key;
	uint16_t kind;
	uint16_t scheme;
	uint16_t digest;
	struct xo_tls_owner owner;
	uint8_t input[XO_SIGN_INPUT_MAX];
};

#define QUESTION_HEAD offsetof(struct question, input)

struct answer {
	uint64_t id;
	uint8_t octets[XO_TLS_FOUND_MAX];	/* none: there is no answer */
};

#define ANSWER_HEAD offsetof(struct answer, octets)
_Static_assert(XO_TLS_FOUND_MAX >= XO_SIGNATURE_MAX,
    "a signature needs more room");

/* The key process */

struct keys {
	struct xo_tls_keyring *keyring;
	struct xo_tls_folder *folder;	/* NULL: none is set */
};

static size_t
sign(const struct keys *keys, const struct question *q, struct xo_span input,
    uint8_t *signature)
{
	const struct xo_sign_request request = {
		.key = q->key,
		.owner = q->kind == ASK_BY_OWNER ? &q->owner : NULL,
		.scheme = (enum xo_sign_scheme)q->scheme,
		.digest = (enum xo_sign_digest)q->digest,
		.input = input,
	};
	size_t len = 0;
	bool is_signed;

	if (request.owner == NULL)
		is_signed = xo_tls_keyring_sign(keys->keyring, &request,
		    signature, &len);
	else
		is_signed = keys->folder != NULL && xo_tls_folder_sign(
		    keys->folder, &request, xo_clock_now(), signature, &len);
	return is_signed ? len : 0;
}

static size_t
look(const struct keys *keys, const struct question *q, uint8_t *octets)
{
	struct xo_buf out = {.max = XO_TLS_FOUND_MAX};
	size_t len = 0;

	if (keys->folder != NULL)
		xo_tls_folder_look(keys->folder, &q->owner, xo_clock_now(),
		    &out);
	if (out.err == XO_OK && out.len > 0) {
		len = out.len;
		memcpy(octets, out.p, len);
	}
	xo_buf_fini(&out);
	return len;
}

/* What cannot be a question gets no answer. False: there was no octet. */
static bool
answer_one(int fd, const struct keys *keys)
{
	static struct question q;
	static struct answer a;
	size_t len = 0;
	ssize_t n = recv(fd, &q, sizeof(q), MSG_DONTWAIT);

	if (n < (ssize_t)QUESTION_HEAD)
		return n > 0;
	q.owner.name[sizeof(q.owner.name) - 1] = '\0';
	if (q.kind == ASK_CERTIFICATE)
		len = look(keys, &q, a.octets);
	else if (q.kind <= ASK_BY_OWNER)
		len = sign(keys, &q, xo_span(q.input, (size_t)n -
		    QUESTION_HEAD), a.octets);
	a.id = q.id;
	/* Answers that a worker does not read are dropped. */
	(void)send(fd, &a, ANSWER_HEAD + len, MSG_DONTWAIT | MSG_NOSIGNAL);
	return true;
}

/* ms until a key's time may be over; -1: none waits for that. */
static int
patience(const struct keys *keys)
{
	return keys->folder == NULL || xo_tls_folder_tidy(keys->folder,
	    xo_clock_now()) ? -1 : TIDY_EVERY;
}

static void
serve(struct pollfd *fds, size_t n, const struct keys *keys)
{
	size_t n_open = n;

	while (n_open > 0) {
		if (poll(fds, n, patience(keys)) < 0 && errno != EINTR)
			return;
		for (size_t i = 0; i < n; i++) {
			if (fds[i].revents == 0 ||
			    answer_one(fds[i].fd, keys) ||
			    (fds[i].revents & (POLLHUP | POLLERR)) == 0)
				continue;
			/* Nobody has the other end any more. */
			fds[i].fd = -1;
			n_open--;
		}
	}
}

static void
tell(int fd, struct xo_span text)
{
	(void)send(fd, text.p, text.len < ERROR_MAX ? text.len : ERROR_MAX,
	    MSG_NOSIGNAL);
}

/* The ends of the workers would keep this process from seeing theirs. */
static struct pollfd *
take_own_ends(const struct xo_pairs *pairs, int report)
{
	struct pollfd *fds = calloc(pairs->n + 1, sizeof(*fds));
	int *kept = calloc(pairs->n + 1, sizeof(*kept));

	for (size_t i = 0; fds != NULL && kept != NULL && i < pairs->n; i++) {
		fds[i] = (struct pollfd){.fd = pairs->others[i],
			.events = POLLIN};
		kept[i] = pairs->others[i];
	}
	if (kept != NULL) {
		kept[pairs->n] = report;
		xo_descriptors_close_but(kept, pairs->n + 1);
	}
	free(kept);
	return fds;
}

/* The folder is read later, hence by the user that the process is then. */
static bool
open_folder(struct keys *keys, const struct xo_conf_path *path,
    struct xo_buf *error)
{
	if (path->path == NULL)
		return true;
	keys->folder = xo_tls_folder_open(path, error);
	return keys->folder != NULL;
}

static bool
take_keys(struct keys *keys, const struct xo_conf *conf, struct xo_buf *error)
{
	const char *readable[] = {conf->tenant_certificates.path, NULL};
	const struct xo_sandbox sandbox = {
		.role = readable[0] != NULL ? XO_SANDBOX_KEYS_FOLDER :
		    XO_SANDBOX_KEYS,
		.mode = conf->process.sandbox,
		.readable = readable,
	};

	return xo_tls_library_init() &&
	    xo_tls_keyring_load(keys->keyring, error) &&
	    xo_privileges_drop(conf->process.user, error) &&
	    open_folder(keys, &conf->tenant_certificates, error) &&
	    xo_sandbox_enter(&sandbox, error);
}

static _Noreturn void
run(const struct xo_pairs *pairs, struct xo_tls_keyring *keyring,
    const struct xo_conf *conf, int report)
{
	struct keys keys = {.keyring = keyring};
	struct xo_buf error = {0};
	struct pollfd *fds = take_own_ends(pairs, report);

	/* It ends when its workers have gone, not by a signal to the group. */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	xo_tls_memory_wipe();
	(void)prctl(PR_SET_NAME, "xoorgd: keys");
	xo_title_set("keys", 0);
	if (fds == NULL || !take_keys(&keys, conf, &error)) {
		if (error.len == 0)
			xo_buf_add_cstr(&error, "no memory");
		tell(report, xo_buf_span(&error));
		_exit(1);
	}
	tell(report, XO_LIT("+"));
	close(report);
	serve(fds, pairs->n, &keys);
	xo_tls_keyring_forget(keyring);
	xo_tls_folder_close(&keys.folder);
	_exit(0);
}

/* The master */

/* What the process says once it has the keys, or has not. */
static bool
is_ready(int fd, struct xo_buf *error)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	uint8_t text[ERROR_MAX];
	ssize_t n = 0;
	int ready;

	do
		ready = poll(&p, 1, START_WAIT);
	while (ready < 0 && errno == EINTR);
	if (ready == 1)
		n = recv(fd, text, sizeof(text), MSG_DONTWAIT);
	if (n == 1 && text[0] == '+')
		return true;
	xo_buf_clear(error);
	if (n > 0)
		xo_buf_add(error, xo_span(text, (size_t)n));
	else
		xo_buf_add_cstr(error, "the key process ended before it "
		    "was ready");
	return false;
}

pid_t
xo_keys_start(const struct xo_pairs *pairs, struct xo_tls_keyring *keyring,
    const struct xo_conf *conf, struct xo_buf *error)
{
	int pair[2];
	pid_t pid;
	bool is_up;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
		xo_buf_add_all(error, "key process: ", strerror(errno),
		    (char *)NULL);
		return 0;
	}
	pid = fork();
	if (pid == 0)
		run(pairs, keyring, conf, pair[1]);
	close(pair[1]);
	if (pid < 0)
		xo_buf_add_all(error, "key process: ", strerror(errno),
		    (char *)NULL);
	is_up = pid > 0 && is_ready(pair[0], error);
	close(pair[0]);
	if (is_up || pid < 0)
		return is_up ? pid : 0;
	kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	return 0;
}

/* A worker */

static struct {
	int fd;
	pid_t pid;			/* makes the numbers of questions ours */
	uint32_t n_asked;
	uint64_t deaf_until;		/* it did not answer: not asked again */
} worker = {.fd = -1};

/* False: nothing more will come in time. */
static bool
wait_for_answer(uint64_t until)
{
	struct pollfd p = {.fd = worker.fd, .events = POLLIN};
	uint64_t now = xo_clock_now();
	int n;

	if (now >= until)
		return false;
	n = poll(&p, 1, (int)(until - now));
	return n == 1 || (n < 0 && errno == EINTR);
}

/* Answers to others are late ones, or a predecessor's. The octets of ours, which
 * are there until the next; none: there is no answer. */
static struct xo_span
take_answer(uint64_t id)
{
	static struct answer a;
	uint64_t until = xo_clock_now() + KEYS_WAIT;

	while (wait_for_answer(until)) {
		ssize_t n = recv(worker.fd, &a, sizeof(a), MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n < (ssize_t)ANSWER_HEAD)
			break;
		if (a.id == id)
			return xo_span(a.octets, (size_t)n - ANSWER_HEAD);
	}
	worker.deaf_until = xo_clock_now() + KEYS_DEAF;
	return xo_span(NULL, 0);
}

/* `q` but for its number, with so much of its input. */
static struct xo_span
ask(struct question *q, size_t len)
{
	if (xo_clock_now() < worker.deaf_until)
		return xo_span(NULL, 0);
	q->id = (uint64_t)worker.pid << 32 | ++worker.n_asked;
	if (send(worker.fd, q, QUESTION_HEAD + len,
	    MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		worker.deaf_until = xo_clock_now() + KEYS_DEAF;
		return xo_span(NULL, 0);
	}
	return take_answer(q->id);
}

static bool
ask_signature(void *arg, const struct xo_sign_request *request,
    uint8_t signature[XO_SIGNATURE_MAX], size_t *len_r)
{
	static struct question q;
	struct xo_span answer;

	(void)arg;
	if (request->input.len > sizeof(q.input))
		return false;
	q.kind = request->owner != NULL ? ASK_BY_OWNER : ASK_BY_NUMBER;
	q.key = request->key;
	q.owner = request->owner != NULL ? *request->owner :
	    (struct xo_tls_owner){.name = ""};
	q.scheme = (uint16_t)request->scheme;
	q.digest = (uint16_t)request->digest;
	memcpy(q.input, request->input.p, request->input.len);
	answer = ask(&q, request->input.len);
	if (answer.len == 0 || answer.len > XO_SIGNATURE_MAX)
		return false;
	*len_r = answer.len;
	memcpy(signature, answer.p, answer.len);
	return true;
}

bool
xo_keys_ask_certificate(void *arg, const struct xo_tls_owner *known,
    struct xo_buf *answer)
{
	struct question q = {.kind = ASK_CERTIFICATE, .owner = *known};
	struct xo_span said = ask(&q, 0);

	(void)arg;
	xo_buf_add(answer, said);
	return said.len > 0 && answer->err == XO_OK;
}

void
xo_keys_attach(int fd)
{
	worker.fd = fd;
	worker.pid = getpid();
	xo_tls_keyring_use(ask_signature, NULL);
}
