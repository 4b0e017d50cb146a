/* SPDX-License-Identifier: ISC */
/*
 * SipHash-2-4 (Aumasson and Bernstein, 2012): a hash under a secret, for tables
 * whose keys a stranger chooses.
 */
#ifndef XO_SIPHASH_H
#define XO_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

#define XO_SIPHASH_KEY 16

uint64_t xo_siphash(const uint8_t key[XO_SIPHASH_KEY], const uint8_t *p,
    size_t len);

#endif
