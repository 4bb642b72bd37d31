/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What found no room in a ring. */
#pragma once
#include "maps.h"

static __always_inline void count_lost(__u32 index)
{
	__u64 *lost = bpf_map_lookup_elem(&cilium_lost, &index);

	if (lost)
		(*lost)++;
}
