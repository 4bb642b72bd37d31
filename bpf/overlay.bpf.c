// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* On the tunnel device: what other nodes send, with the sender's identity in the VNI, and what goes to them. */
#define SOURCE_FILE FILE_OVERLAY
#include "lib/ingress.h"
#include "lib/neighbour.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* The sender's identity. A node calls itself remote-node; a refined identity of that node may be in the ipcache. */
static __always_inline int sender_identity(struct __sk_buff *ctx, struct flow *flow)
{
	const struct ipcache_value *known;
	struct bpf_tunnel_key key = {};

	if (bpf_skb_get_tunnel_key(ctx, &key, sizeof(key), tunnel_over_ipv6 ? BPF_F_TUNINFO_IPV6 : 0) < 0)
		return -DROP_NO_TUNNEL_KEY;
	flow->source_identity = key.tunnel_id;
	if (key.tunnel_id == 0 || key.tunnel_id == host_identity)
		return -DROP_INVALID_IDENTITY;
	if (key.tunnel_id == host_tunnel_identity) {
		known = ipcache_lookup(&flow->packet.source);
		if (known && known->identity != host_identity && known->identity < 256)
			flow->source_identity = known->identity;
	} else if (key.tunnel_id == 2) {
		flow->source_identity = world_identity(&flow->packet);
	}
	return 0;
}

SEC("tc")
int cil_from_overlay(struct __sk_buff *ctx)
{
	const struct endpoint_row *local;
	struct flow flow = {};
	int ret;

	flow.direction = METRIC_INGRESS;
	flow.reason = REASON_UNKNOWN;
	flow.report = 1;
	ret = parse_packet(ctx, &flow.packet);
	if (ret < 0)
		return drop(ctx, &flow, ret);
	ret = sender_identity(ctx, &flow);
	if (ret < 0)
		return drop(ctx, &flow, ret);
	trace_from(ctx, &flow, TRACE_FROM_OVERLAY);
	local = endpoint_of_address(&flow.packet.destination);
	if (!local)
		return drop(ctx, &flow, DROP_UNROUTABLE);
	if (local->flags & ENDPOINT_HOST)
		return to_node(ctx, &flow, 1);
	return to_pod(ctx, &flow, local, DELIVER_PEER, 1, CT_FROM_TUNNEL);
}

SEC("tc")
int cil_to_overlay(struct __sk_buff *ctx)
{
	/* Lets cil_to_netdev know the encapsulated packet without parsing it. */
	ctx->mark = MARK_OVERLAY;
	return TC_ACT_OK;
}
