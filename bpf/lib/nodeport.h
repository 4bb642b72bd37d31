/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Services reached from outside the cluster: what a client sends goes to a backend here or on another node, and what that one answers comes
 * back by the same node. A backend elsewhere sees this node: by the tunnel its gateway with the client's identity, otherwise its address.
 */
#pragma once
#include "ingress.h"
#include "reject.h"
#include "snat.h"

/* Enters the connection of a translated packet, so that its answers are given the service's face. Returns 0 or a negative reason. */
static __always_inline int track_translated(struct __sk_buff *ctx, struct flow *flow)
{
	struct ct_view view;

	ct_find(ctx, flow, &view);
	ct_touch(ctx, flow, &view);
	ct_refresh_service(flow, view.entry);
	if (view.entry)
		return 0;
	return ct_create(ctx, flow, &view, 0, 0);
}

static __always_inline int source_is_welcome(const struct frontend_value *frontend, const struct packet *p)
{
	struct source_range_key key = { .prefix_length = 32 + 128, .service_id = frontend->service_id };

	if (!(frontend->flags & FRONTEND_SOURCE_RANGE))
		return 1;
	key.address = p->source;
	return !!bpf_map_lookup_elem(&cilium_lb_source_ranges, &key);
}

#define GO_ON -1

#define FIB_IPV4 2
#define FIB_IPV6 10

/* A client's packet becomes one for a backend. Returns GO_ON, or a verdict when it goes nowhere. */
static __always_inline int outside_translate(struct __sk_buff *ctx, struct flow *flow, const struct frontend_value *frontend)
{
	int ret;

	flow->source_identity = identity_from_outside(&flow->packet);
	trace_from(ctx, flow, TRACE_FROM_NETWORK);
	if (!(frontend->flags & FRONTEND_ROUTABLE))
		return drop(ctx, flow, DROP_IS_CLUSTER_IP);
	if (!source_is_welcome(frontend, &flow->packet))
		return drop(ctx, flow, DROP_NOT_IN_SRC_RANGE);
	ret = service_translate(ctx, flow, frontend, CLIENT_OUTSIDE);
	/* Whoever balances among nodes learns from the health check who has backends; clients are not to give up because of one. */
	if (ret == -DROP_NO_SERVICE && !(frontend->flags & FRONTEND_EXTERNAL_LOCAL))
		return reject_no_service(ctx, flow, 0);
	return ret < 0 ? drop(ctx, flow, ret) : GO_ON;
}

/* The id of the backend whose answer to a client outside an ICMP error quotes as the service gave it; 0: it quotes none. A pod may only quote
 * what was sent to it.
 */
__shared_body int backend_of_error(struct __sk_buff *ctx, const struct packet *p, __u32 source_identity)
{
	const struct ct_entry *entry;
	struct packet quoted = {};
	struct ct_tuple tuple;

	if (!p || parse_quoted(ctx, p, &quoted) < 0)
		return 0;
	if (is_pod_identity(source_identity) && !address_equal(&quoted.destination, &p->source))
		return 0;
	ct_fill(&tuple, &quoted);
	tuple.flags = CT_TUPLE_SERVICE;
	entry = bpf_map_lookup_elem(&cilium_ct, &tuple);
	return entry && (__s32)(entry->lifetime - now_seconds()) >= 0 ? entry->backend_id : 0;
}

/* Turns an ICMP error about what a service answered a client outside into one about what the backend sent, for the backend. Returns 1, 0 when it
 * is about nothing of that kind, or a negative reason.
 */
static __always_inline int outside_error(struct __sk_buff *ctx, struct flow *flow)
{
	const struct backend_value *backend;
	__u32 identity = identity_from_outside(&flow->packet), id;
	int ret;

	id = backend_of_error(ctx, &flow->packet, identity);
	backend = id ? bpf_map_lookup_elem(&cilium_lb_backends, &id) : 0;
	if (!backend)
		return 0;
	flow->source_identity = identity;
	ret = rewrite_quoted(ctx, &flow->packet, REWRITE_SOURCE, &backend->address, backend->port);
	if (ret < 0)
		return ret;
	ret = rewrite_end(ctx, &flow->packet, REWRITE_DESTINATION, &backend->address, KEEP_PORT);
	return ret < 0 ? ret : 1;
}

/* The native device to which the routing table sends a packet that is on `device`; that one where the table does not say. */
__shared_body int routed_device(struct __sk_buff *ctx, const struct packet *p, __u32 device)
{
	struct bpf_fib_lookup route = { .ifindex = device };
	__u32 found;
	long ret;

	if (!p)
		return device;
	route.family = is_ipv6(p) ? FIB_IPV6 : FIB_IPV4;
	route.l4_protocol = p->protocol;
	if (is_ipv6(p)) {
		__builtin_memcpy(route.ipv6_src, &p->source, sizeof(p->source));
		__builtin_memcpy(route.ipv6_dst, &p->destination, sizeof(p->destination));
	} else {
		route.ipv4_src = p->source.words[3];
		route.ipv4_dst = p->destination.words[3];
	}
	ret = bpf_fib_lookup(ctx, &route, sizeof(route), 0);
	/* Whether the neighbour is known, and whether the packet fits, is for whoever sends it. */
	if (ret != BPF_FIB_LKUP_RET_SUCCESS && ret != BPF_FIB_LKUP_RET_NO_NEIGH && ret != BPF_FIB_LKUP_RET_FRAG_NEEDED)
		return device;
	found = route.ifindex;
	return bpf_map_lookup_elem(&cilium_device_addresses, &found) ? found : device;
}

/* Sends a translated packet on its way: the one it came by leads to the client, and maybe not to the backend. */
static __always_inline int leave_node(struct __sk_buff *ctx, const struct flow *flow, __u32 device)
{
	if (several_devices)
		device = routed_device(ctx, &flow->packet, device);
	trace_to(ctx, flow, TRACE_TO_NETWORK, device);
	return bpf_redirect_neigh(device, 0, 0, 0);
}

/* A translated packet whose backend is no pod of this node: a process of this node, or on another node, which sees one of our addresses. */
static __always_inline int outside_forward(struct __sk_buff *ctx, struct flow *flow, __u32 is_here)
{
	const struct ipcache_value *peer;
	struct addr128 self;
	int ret, is_tunnelled;

	peer = is_here ? 0 : ipcache_lookup(&flow->packet.destination);
	flow->destination_identity = is_here ? host_identity : peer ? peer->identity : world_identity(&flow->packet);
	ret = is_icmp_error(&flow->packet) ? 0 : track_translated(ctx, flow);
	if (ret < 0)
		return drop(ctx, flow, ret);
	if (is_here)
		return deliver_stack(ctx, flow, TRACE_TO_HOST);
	is_tunnelled = enable_tunnel && peer && !(peer->flags & IPCACHE_SKIP_TUNNEL) && !address_is_none(&peer->tunnel_endpoint);
	if (is_ipv6(&flow->packet))
		address_from_config(&self, is_tunnelled ? &router_ipv6 : &node_ipv6);
	else
		address_from_config(&self, is_tunnelled ? &router_ipv4 : &node_ipv4);
	if (address_is_none(&self))
		return drop(ctx, flow, DROP_SNAT_NO_MAPPING);
	ret = is_icmp_error(&flow->packet) ? snat_egress_error(ctx, flow) : snat_egress(ctx, flow, &self);
	if (ret == 0)
		ret = count_hop(ctx, &flow->packet);
	if (ret < 0)
		return drop(ctx, flow, ret);
	if (is_tunnelled)
		return deliver_tunnel(ctx, flow, &peer->tunnel_endpoint, 0);
	ctx->mark = MARK_SNAT_DONE;
	return leave_node(ctx, flow, ctx->ifindex);
}

/* What a backend on another node answers, with its client's address again: gets the service's face and leaves, as from `device` or by the
 * stack when 0.
 */
static __always_inline int to_outside(struct __sk_buff *ctx, struct flow *flow, __u32 device)
{
	struct ct_view view;
	int ret;

	ct_find(ctx, flow, &view);
	ct_touch(ctx, flow, &view);
	if (!view.entry || !view.entry->service_id || flow->reason < REASON_REPLY)
		return drop(ctx, flow, DROP_UNROUTABLE);
	flow->destination_identity = view.entry->source_identity;
	ret = service_reverse(ctx, flow, view.entry->service_id, 0);
	if (ret < 0)
		return drop(ctx, flow, ret);
	if (!device)
		return deliver_stack(ctx, flow, TRACE_TO_STACK);
	ret = count_hop(ctx, &flow->packet);
	if (ret < 0)
		return drop(ctx, flow, ret);
	ctx->mark = MARK_SNAT_DONE;
	return leave_node(ctx, flow, device);
}
