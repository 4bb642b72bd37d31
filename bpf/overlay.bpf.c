// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* On the tunnel device: what other nodes send, with the sender's identity in the VNI, and what goes to them. */
#define SOURCE_FILE FILE_OVERLAY
#include "lib/ingress.h"
#include "lib/neighbour.h"
#include "lib/nodeport.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("tc")
int cil_from_overlay(struct __sk_buff *ctx)
{
	const struct endpoint_row *local;
	struct bpf_tunnel_key key = {};
	struct flow flow = {};
	int ret;

	flow.direction = METRIC_INGRESS;
	flow.reason = REASON_UNKNOWN;
	flow.report = 1;
	ret = parse_packet(ctx, &flow.packet);
	if (ret < 0)
		return drop(ctx, &flow, ret);
	if (bpf_skb_get_tunnel_key(ctx, &key, TUNNEL_KEY_BYTES, tunnel_over_ipv6 ? BPF_F_TUNINFO_IPV6 : 0) < 0)
		return drop(ctx, &flow, DROP_NO_TUNNEL_KEY);
	ret = take_tunnel_identity(&flow, key.tunnel_id);
	if (ret < 0)
		return drop(ctx, &flow, ret);
	trace_from(ctx, &flow, TRACE_FROM_OVERLAY);
	local = endpoint_of_address(&flow.packet.destination);
	if (!local)
		return drop(ctx, &flow, DROP_UNROUTABLE);
	if (local->flags & ENDPOINT_HOST) {
		ret = enable_node_port ? snat_ingress(ctx, &flow) : 0;
		if (ret < 0)
			return drop(ctx, &flow, ret);
		/* What was sent by another port than the node's socket has is for the node still. */
		if (ret && !endpoint_of_address(&flow.packet.destination))
			return to_outside(ctx, &flow, 0);
		return to_node(ctx, &flow, 1);
	}
	return to_pod(ctx, &flow, local, DELIVER_PEER, 1, CT_FROM_TUNNEL);
}

SEC("tc")
int cil_to_overlay(struct __sk_buff *ctx)
{
	/* Lets cil_to_netdev know the encapsulated packet without parsing it. */
	ctx->mark = MARK_OVERLAY;
	return TC_ACT_OK;
}
