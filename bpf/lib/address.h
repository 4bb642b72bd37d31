/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* 128-bit addresses. */
#pragma once
#include "types.h"
#include "net.h"

#define MAPPED_WORD bpf_htonl(0x0000FFFF)

static __always_inline void address_from_ipv4(struct addr128 *to, __be32 address)
{
	to->words[0] = 0;
	to->words[1] = 0;
	to->words[2] = MAPPED_WORD;
	to->words[3] = address;
}

static __always_inline void address_from_ipv6(struct addr128 *to, const __be32 *words)
{
	to->words[0] = words[0];
	to->words[1] = words[1];
	to->words[2] = words[2];
	to->words[3] = words[3];
}

static __always_inline int address_equal(const struct addr128 *a, const struct addr128 *b)
{
	return ((a->words[3] ^ b->words[3]) | (a->words[2] ^ b->words[2]) | (a->words[1] ^ b->words[1]) |
		(a->words[0] ^ b->words[0])) == 0;
}

static __always_inline int address_is_ipv4(const struct addr128 *a)
{
	return (a->words[0] | a->words[1]) == 0 && a->words[2] == MAPPED_WORD;
}

static __always_inline int address_is_none(const struct addr128 *a)
{
	return (a->words[0] | a->words[1] | a->words[2] | a->words[3]) == 0;
}

/* The constants are volatile, which struct copies cannot be. */
static __always_inline void address_from_config(struct addr128 *to, const volatile struct addr128 *from)
{
	to->words[0] = from->words[0];
	to->words[1] = from->words[1];
	to->words[2] = from->words[2];
	to->words[3] = from->words[3];
}

static __always_inline int address_equals_config(const struct addr128 *a, const volatile struct addr128 *b)
{
	struct addr128 copy;

	address_from_config(&copy, b);
	return address_equal(a, &copy);
}

static __always_inline int address_in_prefix(const struct addr128 *a, const volatile struct addr128 *prefix, __u32 bits)
{
	struct addr128 copy;
	int i;

	if (bits == 0)
		return 0;
	address_from_config(&copy, prefix);
#pragma unroll
	for (i = 0; i < 4; i++) {
		__be32 mask = bits >= 32 ? 0xFFFFFFFF : bits == 0 ? 0 : bpf_htonl(0xFFFFFFFFU << (32 - bits));

		if ((a->words[i] ^ copy.words[i]) & mask)
			return 0;
		bits = bits >= 32 ? bits - 32 : 0;
	}
	return 1;
}
