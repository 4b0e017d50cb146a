/* SPDX-License-Identifier: ISC */
/*
 * The file of what was seen (watch/seen.h): the master reads it at its start, and
 * writes it now and then, at a reload and at its end. No mail waits for that, and
 * no error of it stops anything: the log has one line of it.
 */
#ifndef XO_SEEN_FILE_H
#define XO_SEEN_FILE_H

#include <watch/log.h>
#include <watch/metrics.h>

/* ms behind the start: a folder that is not to be written is told soon. */
#define XO_SEEN_FILE_FIRST 2000

/* All-zero is ready. */
struct xo_seen_file {
	uint64_t write_at;		/* the next time; of xo_clock_now() */
	int error;			/* of the last try: said once */
	struct xo_buf path;		/* of that file; */
	struct xo_buf written;		/* what stands in it */
};

/* By seen_file, or if that is "auto" in the state directory that the service
 * manager gave us. False: there is none. */
bool xo_seen_file_path(const struct xo_conf *conf, struct xo_buf *path_r);

/* Once, before workers are made. A file that is not there is no error. */
void xo_seen_file_load(const struct xo_conf *conf, struct xo_metrics *metrics,
    struct xo_log *log);

/* In the loop: writes if it is time, and if something is new. `is_now`: its time
 * does not matter. */
void xo_seen_file_save(struct xo_seen_file *file, const struct xo_conf *conf,
    const struct xo_metrics *metrics, struct xo_log *log, bool is_now);
void xo_seen_file_fini(struct xo_seen_file *file);

#endif
