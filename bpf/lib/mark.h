/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What a packet's mark tells the programs that see it next on this node. */
#pragma once
#include <linux/types.h>

#define MARK_MASK 0x0F00
#define MARK_SNAT_DONE 0x0300          /* has the addresses with which it is to leave */
#define MARK_OVERLAY 0x0400
#define MARK_IDENTITY 0x0F00           /* policy was applied; the identity is in the other bits */

static __always_inline __u32 mark_identity(__u32 identity)
{
	return MARK_IDENTITY | (identity & 0xFFFF) << 16 | ((identity >> 16) & 0xFF);
}
