// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* On cilium_host and cilium_net: what the node itself, or its routing table, sends to pods of this node and of others. */
#define SOURCE_FILE FILE_HOST
#include "lib/ingress.h"
#include "lib/neighbour.h"
#include "lib/snat.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("tc")
int cil_from_host(struct __sk_buff *ctx)
{
	const struct endpoint_row *local;
	const struct ipcache_value *peer;
	struct flow flow = {};
	int ret;

	if (ctx->protocol == bpf_htons(ETHERTYPE_ARP))
		return TC_ACT_OK;
	flow.direction = METRIC_EGRESS;
	flow.source_identity = host_identity;
	flow.reason = REASON_UNKNOWN;
	flow.report = 1;
	ret = parse_packet(ctx, &flow.packet);
	if (is_ipv6(&flow.packet) && (flow.packet.destination.bytes[0] == 0xFF || is_link_control(&flow.packet)))
		return TC_ACT_OK;
	if (ctx->ingress_ifindex != 0)
		flow.source_identity = identity_from_outside(&flow.packet);
	trace_from(ctx, &flow, TRACE_FROM_HOST);
	if (ret < 0)
		return drop(ctx, &flow, ret);
	local = endpoint_of_address(&flow.packet.destination);
	if (local) {
		if (local->flags & ENDPOINT_HOST)
			return TC_ACT_OK;
		return to_pod(ctx, &flow, local, DELIVER_DEVICE, 0, 0);
	}
	peer = ipcache_lookup(&flow.packet.destination);
	flow.destination_identity = peer ? peer->identity : world_identity(&flow.packet);
	if (enable_tunnel && peer && !(peer->flags & IPCACHE_SKIP_TUNNEL) && !address_is_none(&peer->tunnel_endpoint)) {
		struct ct_view view;

		ct_find(ctx, &flow, &view);
		ct_touch(ctx, &flow, &view);
		ct_refresh_service(&flow, view.entry);
		if (!view.entry && !is_icmp_error(&flow.packet)) {
			ret = ct_create(ctx, &flow, &view, 0, 0);
			if (ret < 0)
				return drop(ctx, &flow, ret);
		}
		ret = enable_node_port ? snat_own(ctx, &flow) : 0;
		if (ret < 0)
			return drop(ctx, &flow, ret);
		return deliver_tunnel(ctx, &flow, &peer->tunnel_endpoint, 0);
	}
	return drop(ctx, &flow, DROP_UNROUTABLE);
}

SEC("tc")
int cil_to_host(struct __sk_buff *ctx)
{
	struct flow flow = {};

	flow.direction = METRIC_INGRESS;
	flow.reason = REASON_UNKNOWN;
	if (parse_packet(ctx, &flow.packet) == 0)
		trace_to(ctx, &flow, TRACE_TO_HOST, ctx->ifindex);
	return TC_ACT_OK;
}
