/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Whose the address of a service is. */
#pragma once
#include "maps.h"

/* An external address that is not this node's own is somebody's real one: a service must not take over what pods and the node say to it. */
static __always_inline int is_foreign_address(const struct frontend_value *frontend, const struct addr128 *address)
{
	const struct endpoint_row *row;

	if (!(frontend->flags & FRONTEND_EXTERNAL_IP))
		return 0;
	row = bpf_map_lookup_elem(&cilium_lxc, address);
	return !row || !(row->flags & ENDPOINT_HOST);
}
