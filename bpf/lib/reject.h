/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Turns a packet into the ICMP "port unreachable" that answers it. */
#pragma once
#include "neighbour.h"

struct unreachable_ipv4 {
	struct ipv4_header ip;
	__u8 type;
	__u8 code;
	__u16 checksum;
	__be32 unused;
	__be32 quoted[7];              /* the header and eight bytes */
};

struct unreachable_ipv6 {
	struct ipv6_header ip;
	__u8 type;
	__u8 code;
	__u16 checksum;
	__be32 unused;
	__be32 quoted[12];
};

static __always_inline int swap_link(struct __sk_buff *ctx)
{
	struct ethernet_header eth;
	struct mac_addr other;

	if (bpf_skb_load_bytes(ctx, 0, &eth, sizeof(eth)) < 0)
		return -DROP_INVALID;
	__builtin_memcpy(&other, eth.destination, 6);
	__builtin_memcpy(eth.destination, eth.source, 6);
	__builtin_memcpy(eth.source, &other, 6);
	return bpf_skb_store_bytes(ctx, 0, &eth, sizeof(eth), 0) < 0 ? -DROP_WRITE_ERROR : 0;
}

__shared_body int reject_ipv4(struct __sk_buff *ctx)
{
	struct unreachable_ipv4 answer = {};

	if (bpf_skb_load_bytes(ctx, ETHERNET_BYTES, answer.quoted, sizeof(answer.quoted)) < 0)
		return -DROP_INVALID;
	answer.ip.version_ihl = 0x45;
	answer.ip.total_length = bpf_htons(sizeof(answer));
	answer.ip.ttl = 64;
	answer.ip.protocol = PROTO_ICMP;
	answer.ip.source = answer.quoted[4];
	answer.ip.destination = answer.quoted[3];
	answer.ip.checksum = checksum_fold(bpf_csum_diff(0, 0, (__be32 *)&answer.ip, sizeof(answer.ip), 0));
	answer.type = ICMP_UNREACHABLE;
	answer.code = ICMP_PORT_UNREACHABLE;
	answer.checksum = checksum_fold(bpf_csum_diff(0, 0, (__be32 *)&answer.type, sizeof(answer) - sizeof(answer.ip), 0));
	if (bpf_skb_change_tail(ctx, ETHERNET_BYTES + sizeof(answer), 0) < 0)
		return -DROP_INVALID;
	return bpf_skb_store_bytes(ctx, ETHERNET_BYTES, &answer, sizeof(answer), 0) < 0 ? -DROP_WRITE_ERROR : 0;
}

__shared_body int reject_ipv6(struct __sk_buff *ctx)
{
	struct unreachable_ipv6 answer = {};
	__s64 sum;

	if (bpf_skb_load_bytes(ctx, ETHERNET_BYTES, answer.quoted, sizeof(answer.quoted)) < 0)
		return -DROP_INVALID;
	/* First the pseudo header in place of the first eight bytes, for the sum. */
	answer.ip.version_class_flow = bpf_htonl(sizeof(answer) - sizeof(answer.ip));
	answer.ip.hop_limit = PROTO_ICMPV6;
	address_from_ipv6((struct addr128 *)answer.ip.source, &answer.quoted[6]);
	address_from_ipv6((struct addr128 *)answer.ip.destination, &answer.quoted[2]);
	answer.type = ICMPV6_UNREACHABLE;
	answer.code = ICMPV6_PORT_UNREACHABLE;
	sum = bpf_csum_diff(0, 0, (__be32 *)&answer, sizeof(answer), 0);
	answer.checksum = checksum_fold(sum);
	answer.ip.version_class_flow = bpf_htonl(0x60000000);
	answer.ip.payload_length = bpf_htons(sizeof(answer) - sizeof(answer.ip));
	answer.ip.next_header = PROTO_ICMPV6;
	answer.ip.hop_limit = 64;
	if (bpf_skb_change_tail(ctx, ETHERNET_BYTES + sizeof(answer), 0) < 0)
		return -DROP_INVALID;
	return bpf_skb_store_bytes(ctx, ETHERNET_BYTES, &answer, sizeof(answer), 0) < 0 ? -DROP_WRITE_ERROR : 0;
}

/* Reports the loss, then answers it: from an ingress hook back out of the device, from an egress hook (BPF_F_INGRESS) back in. */
static __always_inline int reject_no_service(struct __sk_buff *ctx, struct flow *flow, __u64 direction)
{
	int verdict = drop(ctx, flow, DROP_NO_SERVICE), ret;

	if (!reject_no_backend || flow->packet.kind & PACKET_LATER_FRAGMENT)
		return verdict;
	ret = is_ipv6(&flow->packet) ? reject_ipv6(ctx) : reject_ipv4(ctx);
	if (ret < 0 || swap_link(ctx) < 0)
		return verdict;
	if (direction == BPF_F_INGRESS)
		return bpf_redirect(ctx->ifindex, BPF_F_INGRESS);
	return send_back(ctx);
}
