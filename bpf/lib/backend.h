/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Which backend a client of a service gets: the one it had, where it is to keep that, or any. */
#pragma once
#include "maps.h"

enum client_kind {
	CLIENT_INSIDE = 0,             /* a pod or the node, by its packets */
	CLIENT_OUTSIDE = 1,            /* a client outside the cluster */
	CLIENT_SOCKET = 2,             /* a process of a network namespace, by its socket */
};

/* A backend that was kept has to be one of the service still: members are those that new connections of such a client go to. */
static __always_inline __u32 backend_kept(const struct frontend_value *frontend, const struct affinity_key *key, __u32 kind, __u32 now)
{
	const __u32 *clients;
	struct affinity_member member = { .service_id = key->service_id };
	struct affinity_value *known = bpf_map_lookup_elem(&cilium_lb_affinity, key);

	if (!known || now - known->last_used >= frontend->affinity_seconds)
		return 0;
	member.backend_id = known->backend_id;
	clients = bpf_map_lookup_elem(&cilium_lb_affinity_members, &member);
	if (!clients || (*clients != AFFINITY_ALL && *clients != (kind == CLIENT_OUTSIDE ? AFFINITY_OUTSIDE : AFFINITY_INSIDE)))
		return 0;
	known->last_used = now;
	return member.backend_id;
}

/* Returns the id of a backend, 0 when there is none. */
static __always_inline __u32 backend_choose(const struct frontend_value *frontend, const struct addr128 *client, __u32 kind, __u32 now)
{
	struct affinity_key key = { .service_id = frontend->service_id, .is_socket = kind == CLIENT_SOCKET };
	struct slot_key place = { .service_id = frontend->service_id, .slot = frontend->first };
	struct affinity_value chosen = { .last_used = now };
	__u32 count = frontend->count, affine = frontend->flags & FRONTEND_AFFINITY;
	const struct slot_value *slot;

	if (affine) {
		key.client = *client;
		chosen.backend_id = backend_kept(frontend, &key, kind, now);
		if (chosen.backend_id)
			return chosen.backend_id;
	}
	if (kind == CLIENT_OUTSIDE && frontend->flags & FRONTEND_EXTERNAL_LOCAL) {
		place.slot = 0;
		count = frontend->local_count;
	}
	if (count == 0)
		return 0;
	place.slot += bpf_get_prandom_u32() % count;
	slot = bpf_map_lookup_elem(&cilium_lb_slots, &place);
	if (!slot)
		return 0;
	chosen.backend_id = slot->backend_id;
	if (affine)
		bpf_map_update_elem(&cilium_lb_affinity, &key, &chosen, BPF_ANY);
	return chosen.backend_id;
}
