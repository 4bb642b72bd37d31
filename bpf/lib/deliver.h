/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The last step of a forwarded packet: into a pod, into the tunnel, to the stack. */
#pragma once
#include "drop.h"
#include "mark.h"
#include "tunnel.h"

#ifndef PACKET_HOST
#define PACKET_HOST 0
#endif

/* Ethernet addresses of the pod's pair, and the hop count when we act as a router. Returns 0 or a negative reason. */
static __always_inline int rewrite_link(struct __sk_buff *ctx, const struct packet *p, const struct endpoint_row *row, int routed)
{
	__u32 need = ETHERNET_BYTES + (is_ipv6(p) ? 40 : 20), sum;
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethernet_header *eth = data;
	struct ipv4_header *ip4 = data + ETHERNET_BYTES;
	struct ipv6_header *ip6 = data + ETHERNET_BYTES;

	if (data + ETHERNET_BYTES + 20 > end) {
		if (bpf_skb_pull_data(ctx, need) < 0)
			return -DROP_INVALID;
		data = (void *)(long)ctx->data;
		end = (void *)(long)ctx->data_end;
		if (data + ETHERNET_BYTES + 20 > end)
			return -DROP_INVALID;
		eth = data;
		ip4 = data + ETHERNET_BYTES;
		ip6 = data + ETHERNET_BYTES;
	}
	eth->destination[0] = row->container_mac.parts[0];
	eth->destination[1] = row->container_mac.parts[1];
	eth->destination[2] = row->container_mac.parts[2];
	eth->source[0] = row->host_mac.parts[0];
	eth->source[1] = row->host_mac.parts[1];
	eth->source[2] = row->host_mac.parts[2];
	if (!routed)
		return 0;
	if (p->ttl <= 1)
		return -DROP_TTL_EXCEEDED;
	if (is_ipv6(p)) {
		ip6->hop_limit = p->ttl - 1;
	} else {
		/* RFC 1624 for a TTL that falls by one. */
		sum = ip4->checksum + bpf_htons(0x0100);
		ip4->checksum = sum + (sum >> 16);
		ip4->ttl = p->ttl - 1;
	}
	return 0;
}

enum delivery {
	DELIVER_PEER = 0,              /* from an ingress hook: straight into the pod's namespace */
	DELIVER_DEVICE = 1,            /* from an egress hook: through the host-side device, marked as done */
};

static __always_inline int deliver_local(struct __sk_buff *ctx, struct flow *flow, const struct endpoint_row *row, enum delivery how,
					 int routed)
{
	int ret = rewrite_link(ctx, &flow->packet, row, routed);

	if (ret < 0)
		return drop(ctx, flow, ret);
	trace_to(ctx, flow, TRACE_TO_ENDPOINT, row->ifindex);
	if (how == DELIVER_DEVICE) {
		ctx->mark = mark_identity(flow->source_identity);
		return bpf_redirect(row->ifindex, 0);
	}
	if (ctx->mark)
		ctx->mark = 0;
	if (ctx->pkt_type != PACKET_HOST)
		bpf_skb_change_type(ctx, PACKET_HOST);
	return bpf_redirect_peer(row->ifindex, 0);
}

/* Into the tunnel; the VNI is the sender's identity. `direct`: without visiting the tunnel device, where that can be. */
static __always_inline int deliver_tunnel(struct __sk_buff *ctx, struct flow *flow, const struct addr128 *node, int direct)
{
	struct bpf_tunnel_key key = {};
	int ret;

	trace_to(ctx, flow, TRACE_TO_OVERLAY, overlay_ifindex);
	if (direct && underlay_ifindex) {
		ret = encapsulate(ctx, flow, node);
		if (ret >= 0)
			return ret;
	}
	key.tunnel_id = tunnel_identity(flow->source_identity);
	key.tunnel_ttl = TUNNEL_TTL;
	if (tunnel_over_ipv6) {
		key.remote_ipv6[0] = node->words[0];
		key.remote_ipv6[1] = node->words[1];
		key.remote_ipv6[2] = node->words[2];
		key.remote_ipv6[3] = node->words[3];
	} else {
		key.remote_ipv4 = bpf_ntohl(node->words[3]);
	}
	if (bpf_skb_set_tunnel_key(ctx, &key, TUNNEL_KEY_BYTES, tunnel_over_ipv6 ? BPF_F_TUNINFO_IPV6 : BPF_F_ZERO_CSUM_TX) < 0)
		return drop(ctx, flow, DROP_WRITE_ERROR);
	ctx->mark = MARK_OVERLAY;
	return bpf_redirect(overlay_ifindex, 0);
}

static __always_inline int deliver_stack(struct __sk_buff *ctx, struct flow *flow, __u32 point)
{
	trace_to(ctx, flow, point, point == TRACE_TO_HOST ? cilium_host_ifindex : 0);
	if (ctx->pkt_type != PACKET_HOST)
		bpf_skb_change_type(ctx, PACKET_HOST);
	return TC_ACT_OK;
}
