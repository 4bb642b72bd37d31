/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Who stands at an address or a device. */
#pragma once
#include "drop.h"

static __always_inline const struct endpoint_row *endpoint_of_device(__u32 ifindex)
{
	const struct endpoint_row *row;

	if (ifindex < DEVICE_SLOTS)
		row = bpf_map_lookup_elem(&cilium_devices, &ifindex);
	else
		row = bpf_map_lookup_elem(&cilium_devices_high, &ifindex);
	return row && row->flags & ENDPOINT_PRESENT ? row : 0;
}

static __always_inline const struct endpoint_row *endpoint_of_address(const struct addr128 *address)
{
	return bpf_map_lookup_elem(&cilium_lxc, address);
}

static __always_inline const struct ipcache_value *ipcache_lookup(const struct addr128 *address)
{
	struct ipcache_key key = { .prefix_length = 128 };

	key.address = *address;
	return bpf_map_lookup_elem(&cilium_ipcache, &key);
}

static __always_inline __u32 world_identity(const struct packet *p)
{
	return is_ipv6(p) ? world_ipv6_identity : world_ipv4_identity;
}

/* Who sent a packet that did not originate here. Its sender chose the source address: the node's own makes nobody the node. */
static __always_inline __u32 identity_from_outside(const struct packet *p)
{
	const struct ipcache_value *known = ipcache_lookup(&p->source);

	return known && known->identity != host_identity ? known->identity : world_identity(p);
}

/* Whether this identity is that of pods with labels: neither reserved nor of a CIDR or a node. */
static __always_inline int is_pod_identity(__u32 identity)
{
	return identity >= 256 && identity >> 24 == 0;
}

/* Another node, also when it is the API server's. */
static __always_inline int is_remote_node(__u32 identity)
{
	return identity == 6 || identity == 7;
}

/* Whether traffic to this identity stays in the cluster: pods, nodes and other reserved identities; not the world, not CIDRs. */
static __always_inline int is_cluster_identity(__u32 identity)
{
	return identity != 0 && identity != 2 && identity != 9 && identity != 10 && identity >> 24 == 0;
}
