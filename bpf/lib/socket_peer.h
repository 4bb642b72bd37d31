/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Which service a TCP socket believes to speak to: in a slot by its cookie, and on the socket itself once somebody asked. */
#pragma once
#include "address.h"
#include "config.h"
#include "maps.h"

static __always_inline struct socket_slot *socket_slot_of(__u64 cookie)
{
	__u32 index = cookie & socket_slot_mask;

	return bpf_map_lookup_elem(&cilium_lb_sk_recent, &index);
}

/* Storage of its own costs a connection more than all else here, and few sockets ask: it is written where it is there already. */
static __always_inline void socket_peer_remember(struct bpf_sock *sk, __u64 cookie, const struct socket_service *service)
{
	struct socket_service *stored = bpf_sk_storage_get(&cilium_lb_sk_tcp, sk, 0, 0);
	struct socket_slot *slot;

	if (stored) {
		*stored = *service;
		return;
	}
	slot = socket_slot_of(cookie);
	if (!slot)
		return;
	/* Whose it was stops to find it before the first byte changes. */
	__sync_lock_test_and_set(&slot->cookie, 0);
	slot->service = *service;
	__sync_lock_test_and_set(&slot->cookie, cookie);
}

/* Returns whether the socket was connected to a service, and got this backend. Once told so it stays so, whoever takes its slot. */
static __always_inline int socket_peer_recall(struct bpf_sock *sk, __u64 cookie, const struct addr128 *backend, __be16 port, struct socket_service *service)
{
	struct socket_service *stored = bpf_sk_storage_get(&cilium_lb_sk_tcp, sk, 0, 0);
	struct socket_slot *slot;

	if (stored) {
		*service = *stored;
	} else {
		slot = socket_slot_of(cookie);
		if (!slot || __sync_fetch_and_add(&slot->cookie, 0) != cookie)
			return 0;
		*service = slot->service;
		if (__sync_fetch_and_add(&slot->cookie, 0) != cookie)
			return 0;
	}
	/* It may have been connected to somebody else since. */
	if (service->backend_port != port || !address_equal(&service->backend, backend))
		return 0;
	if (!stored)
		bpf_sk_storage_get(&cilium_lb_sk_tcp, sk, service, BPF_SK_STORAGE_GET_F_CREATE);
	return 1;
}
