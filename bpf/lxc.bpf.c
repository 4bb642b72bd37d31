// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* On the host side of a pod's pair: everything the pod sends, and what reaches it from the stack. */
#define SOURCE_FILE FILE_LXC
#include "lib/ingress.h"
#include "lib/neighbour.h"
#include "lib/reject.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

static __always_inline int source_is_valid(const struct packet *p, const struct endpoint_row *row)
{
	const struct addr128 *own = is_ipv6(p) ? &row->ipv6 : &row->ipv4;

	return row->flags & ENDPOINT_NO_SOURCE_CHECK || (!address_is_none(own) && address_equal(&p->source, own));
}

/* Whether a packet of this connection may be for a service. An entry towards the pod network was made after translation. */
static __always_inline int may_be_service(const struct flow *flow, const struct ct_view *view)
{
	if (!enable_packet_lb || (flow->packet.protocol != PROTO_TCP && flow->packet.protocol != PROTO_UDP))
		return 0;
	return flow->reason == REASON_NEW ||
	       (flow->reason == REASON_ESTABLISHED && view->entry && !is_cluster_identity(view->entry->destination_identity));
}

/* 1. connection  2. service or reply of a service  3. destination  4. policies of both ends  5. remember  6. deliver */
static __always_inline int from_pod(struct __sk_buff *ctx, struct flow *flow, const struct endpoint_row *row)
{
	const struct frontend_value *frontend;
	const struct ipcache_value *remote = 0;
	const struct endpoint_row *local;
	struct ct_view view;
	struct ct_verdicts verdicts = {};
	int ret;

	/* 1. */
	flow->packet.kind |= PACKET_FROM_POD;
	ct_find(ctx, flow, &view);

	/* 2. */
	if (may_be_service(flow, &view)) {
		frontend = service_asked(&flow->packet);
		if (frontend) {
			ret = service_translate(ctx, flow, frontend, CLIENT_INSIDE);
			if (ret == -DROP_NO_SERVICE)
				return reject_no_service(ctx, flow, 0);
			if (ret < 0)
				return drop(ctx, flow, ret);
			ct_find(ctx, flow, &view);
		}
	}
	/* What came this way is the tunnel's to whom it reaches, and its VNI an identity. */
	if (flow->packet.protocol == PROTO_UDP && enable_tunnel && flow->packet.destination_port == bpf_htons(tunnel_port))
		return drop(ctx, flow, DROP_ENCAPSULATION_PROHIBITED);
	ct_touch(ctx, flow, &view);
	ct_refresh_service(flow, view.entry);
	if (view.entry && view.entry->service_id && flow->reason >= REASON_REPLY) {
		ret = service_reverse(ctx, flow, view.entry->service_id, view.entry->flags & CT_LOOPBACK);
		if (ret < 0)
			return drop(ctx, flow, ret);
	}

	/* 3. */
	local = endpoint_of_address(&flow->packet.destination);
	if (local) {
		flow->destination_identity = local->flags & ENDPOINT_HOST ? host_identity : local->identity;
		flow->destination_endpoint = local->endpoint_id;
	} else {
		remote = ipcache_lookup(&flow->packet.destination);
		flow->destination_identity = remote ? remote->identity : world_identity(&flow->packet);
	}
	ct_refresh_identities(flow, view.entry);

	/* 4. */
	ret = policy_check(ctx, flow, row, view.entry, POLICY_EGRESS, &verdicts.egress);
	if (ret < 0)
		return drop(ctx, flow, ret);
	if (local && !(local->flags & ENDPOINT_HOST)) {
		flow->endpoint = local->endpoint_id;
		flow->direction = METRIC_INGRESS;
		ret = policy_check(ctx, flow, local, view.entry, POLICY_INGRESS, &verdicts.ingress);
		if (ret < 0)
			return drop(ctx, flow, ret);
		flow->endpoint = row->endpoint_id;
		flow->direction = METRIC_EGRESS;
	}

	/* 5. */
	if (view.entry) {
		if (verdicts.egress.stamp)
			view.entry->egress = verdicts.egress;
		if (verdicts.ingress.stamp)
			view.entry->ingress = verdicts.ingress;
	} else if (!is_icmp_error(&flow->packet)) {
		ret = ct_create(ctx, flow, &view, &verdicts, flow->packet.kind & PACKET_LOOPBACK ? CT_LOOPBACK : 0);
		if (ret < 0)
			return drop(ctx, flow, ret);
	}

	/* 6. */
	if (local) {
		if (local->flags & ENDPOINT_HOST)
			return deliver_stack(ctx, flow, TRACE_TO_HOST);
		count_forwarded(ctx, METRIC_EGRESS);
		flow->endpoint = local->endpoint_id;
		flow->direction = METRIC_INGRESS;
		return deliver_local(ctx, flow, local, DELIVER_PEER, 1);
	}
	if (enable_tunnel && remote && !(remote->flags & IPCACHE_SKIP_TUNNEL) && !address_is_none(&remote->tunnel_endpoint))
		return deliver_tunnel(ctx, flow, &remote->tunnel_endpoint, 1);
	return deliver_stack(ctx, flow, TRACE_TO_STACK);
}

SEC("tc")
int cil_from_container(struct __sk_buff *ctx)
{
	const struct endpoint_row *row = endpoint_of_device(ctx->ifindex);
	struct flow flow = {};
	int ret;

	flow.direction = METRIC_EGRESS;
	if (!row)
		return drop(ctx, &flow, DROP_NO_ENDPOINT_POLICY);
	flow.endpoint = row->endpoint_id;
	flow.source_identity = row->identity;
	flow.report = 1;
	flow.reason = REASON_UNKNOWN;
	if (ctx->protocol == bpf_htons(ETHERTYPE_ARP))
		return enable_ipv4 ? answer_arp(ctx, row) : TC_ACT_OK;
	ret = parse_packet(ctx, &flow.packet);
	trace_from(ctx, &flow, TRACE_FROM_ENDPOINT);
	if (ret < 0)
		return drop(ctx, &flow, ret);
	if (is_ipv6(&flow.packet) && is_link_control(&flow.packet))
		return answer_solicitation(ctx, &flow.packet, row);
	if (!source_is_valid(&flow.packet, row))
		return drop(ctx, &flow, DROP_INVALID_SOURCE_IP);
	return from_pod(ctx, &flow, row);
}

/* Neighbour discovery of the node itself, which also asks a pod by the pod's own address. */
static __always_inline int is_from_neighbour(struct __sk_buff *ctx, const struct packet *p)
{
	return ctx->ingress_ifindex == 0 && p->ttl == HOPS_ON_LINK && is_control_type(p);
}

SEC("tc")
int cil_to_container(struct __sk_buff *ctx)
{
	const struct endpoint_row *row;
	struct flow flow = {};
	int ret;

	if ((ctx->mark & MARK_MASK) == MARK_IDENTITY) {
		ctx->mark = 0;
		return TC_ACT_OK;
	}
	if (ctx->protocol == bpf_htons(ETHERTYPE_ARP))
		return TC_ACT_OK;
	flow.direction = METRIC_INGRESS;
	flow.report = 1;
	flow.reason = REASON_UNKNOWN;
	row = endpoint_of_device(ctx->ifindex);
	if (!row)
		return drop(ctx, &flow, DROP_NO_ENDPOINT_POLICY);
	flow.endpoint = row->endpoint_id;
	flow.destination_endpoint = row->endpoint_id;
	flow.destination_identity = row->identity;
	ret = parse_packet(ctx, &flow.packet);
	if (ret < 0)
		return drop(ctx, &flow, ret);
	if (is_ipv6(&flow.packet) && (is_link_control(&flow.packet) || is_from_neighbour(ctx, &flow.packet)))
		return TC_ACT_OK;
	flow.source_identity = ctx->ingress_ifindex == 0 ? host_identity : identity_from_outside(&flow.packet);
	return to_pod(ctx, &flow, row, DELIVER_PASS, 0, 0);
}
