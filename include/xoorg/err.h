/* SPDX-License-Identifier: ISC */
/*
 * What pure code answers.
 *
 * Zero is success; positive says that the call was fine but is not done;
 * negative is the class of the failure. Nothing here aborts, logs or exits.
 */
#ifndef XOORG_ERR_H
#define XOORG_ERR_H

enum xo_err {
	XO_OK = 0,
	XO_MORE = 1,		/* needs more input */
	XO_END = 2,		/* nothing left to iterate */
	XO_ERR_SYNTAX = -1,
	XO_ERR_LIMIT = -2,	/* longer, larger or more than allowed */
	XO_ERR_POLICY = -3,
	XO_ERR_STATE = -4,
	XO_ERR_MEMORY = -5,
};

#define XO_MUST_CHECK __attribute__((warn_unused_result))

/* What stands between these two is the library's to its users; all else in it
 * is hidden (-fvisibility=hidden, src/libxoorg.map). */
#define XO_API_BEGIN _Pragma("GCC visibility push(default)")
#define XO_API_END _Pragma("GCC visibility pop")

#endif
