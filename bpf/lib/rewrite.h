/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Replaces an end of a packet, checksums included, and keeps struct packet in step. */
#pragma once
#include "events.h"
#include "conntrack.h"

enum rewrite_end {
	REWRITE_SOURCE = 0,
	REWRITE_DESTINATION = 1,
};

static __always_inline int l4_checksum_offset(__u8 protocol, __u64 *flags)
{
	*flags = 0;
	switch (protocol) {
	case PROTO_TCP:
		return 16;
	case PROTO_UDP:
		*flags = BPF_F_MARK_MANGLED_0;
		return 6;
	case PROTO_ICMP:
	case PROTO_ICMPV6:
		return 2;
	default:
		return -1;
	}
}

/* The address at `offset` of the IP header at `l3`; *difference is what its change adds to a pseudo header's sum. */
static __always_inline int rewrite_address(struct __sk_buff *ctx, int ipv6, __u32 l3, __u32 end, struct addr128 *old,
					   const struct addr128 *address, __s64 *difference)
{
	__u32 offset;

	if (ipv6) {
		offset = l3 + (end == REWRITE_SOURCE ? 8 : 24);
		*difference = bpf_csum_diff(old->words, 16, (__be32 *)address->words, 16, 0);
		if (bpf_skb_store_bytes(ctx, offset, address->words, 16, 0) < 0)
			return -DROP_WRITE_ERROR;
		return 0;
	}
	offset = l3 + (end == REWRITE_SOURCE ? 12 : 16);
	*difference = bpf_csum_diff(&old->words[3], 4, (__be32 *)&address->words[3], 4, 0);
	if (bpf_skb_store_bytes(ctx, offset, &address->words[3], 4, 0) < 0)
		return -DROP_WRITE_ERROR;
	if (bpf_l3_csum_replace(ctx, l3 + 10, 0, *difference, 0) < 0)
		return -DROP_L3_CHECKSUM;
	return 0;
}

/* A router's part, for what the stack does not route: two nodes that send each other a packet end some time. Returns 0 or a negative reason. */
__shared_body int count_hop(struct __sk_buff *ctx, struct packet *p)
{
	__u32 offset = ETHERNET_BYTES + 8;
	__u8 hops;

	if (!p)
		return -DROP_INVALID;
	if (p->ttl <= 1)
		return -DROP_TTL_EXCEEDED;
	hops = --p->ttl;
	if (is_ipv6(p))
		offset = ETHERNET_BYTES + 7;
	else if (bpf_l3_csum_replace(ctx, ETHERNET_BYTES + 10, bpf_htons(0x0100), 0, 2) < 0)
		return -DROP_L3_CHECKSUM;
	return bpf_skb_store_bytes(ctx, offset, &hops, 1, 0) < 0 ? -DROP_WRITE_ERROR : 0;
}

/* In place of a port: the one that is there. */
#define KEEP_PORT 0x10000

/* Returns 0 or a negative reason. */
__shared_body int rewrite_end(struct __sk_buff *ctx, struct packet *p, __u32 end, const struct addr128 *address, __u32 port)
{
	struct addr128 *old;
	__be16 *old_port;
	__be16 to_port = port;
	__u64 flags;
	__u32 offset;
	__s64 difference;
	int checksum, ret;

	if (!p || !address)
		return -DROP_INVALID;
	old = end == REWRITE_SOURCE ? &p->source : &p->destination;
	old_port = end == REWRITE_SOURCE ? &p->source_port : &p->destination_port;
	checksum = l4_checksum_offset(p->protocol, &flags);
	ret = rewrite_address(ctx, is_ipv6(p), ETHERNET_BYTES, end, old, address, &difference);
	if (ret < 0)
		return ret;
	if (!(p->kind & PACKET_LATER_FRAGMENT) && checksum >= 0) {
		if (p->protocol != PROTO_ICMP &&
		    bpf_l4_csum_replace(ctx, p->l4_offset + checksum, 0, difference, flags | BPF_F_PSEUDO_HDR) < 0)
			return -DROP_L4_CHECKSUM;
		if (port != KEEP_PORT && to_port != *old_port && !is_icmp_error(p)) {
			if (p->protocol == PROTO_ICMP || p->protocol == PROTO_ICMPV6)
				offset = p->l4_offset + 4;
			else
				offset = p->l4_offset + (end == REWRITE_SOURCE ? 0 : 2);
			if (bpf_l4_csum_replace(ctx, p->l4_offset + checksum, *old_port, to_port, flags | 2) < 0)
				return -DROP_L4_CHECKSUM;
			if (bpf_skb_store_bytes(ctx, offset, &to_port, 2, 0) < 0)
				return -DROP_WRITE_ERROR;
		}
	}
	*old = *address;
	if (port != KEEP_PORT && !is_icmp_error(p)) {
		*old_port = to_port;
		if (end == REWRITE_DESTINATION && p->protocol != PROTO_ICMP && p->protocol != PROTO_ICMPV6)
			p->policy_port = to_port;
	}
	return 0;
}

/* Replaces an end of the packet that an ICMP error quotes, in step with the error's own checksum. */
__shared_body int rewrite_quoted(struct __sk_buff *ctx, const struct packet *p, __u32 end, const struct addr128 *address, __u32 port)
{
	struct packet quoted = {};
	__be16 to_port = port, old_port;
	__s64 difference;
	__u64 flags;
	__u32 offset, sum;
	int ret, checksum;

	if (!p || !address)
		return -DROP_INVALID;
	sum = p->l4_offset + 2;
	ret = parse_quoted(ctx, p, &quoted);
	if (ret < 0)
		return ret;
	old_port = end == REWRITE_SOURCE ? quoted.source_port : quoted.destination_port;
	ret = rewrite_address(ctx, is_ipv6(p), p->l4_offset + 8, end, end == REWRITE_SOURCE ? &quoted.source : &quoted.destination,
			      address, &difference);
	if (ret < 0)
		return ret;
	/* In IPv4 the quoted header's own checksum changed as well and both cancel out. */
	if (is_ipv6(p) && bpf_l4_csum_replace(ctx, sum, 0, difference, 0) < 0)
		return -DROP_L4_CHECKSUM;
	if (to_port == old_port)
		return 0;
	checksum = l4_checksum_offset(quoted.protocol, &flags);
	if (checksum < 0)
		return 0;
	if (quoted.protocol == PROTO_ICMP || quoted.protocol == PROTO_ICMPV6)
		offset = quoted.l4_offset + 4;
	else
		offset = quoted.l4_offset + (end == REWRITE_SOURCE ? 0 : 2);
	if (bpf_l4_csum_replace(ctx, sum, old_port, to_port, 2) < 0)
		return -DROP_L4_CHECKSUM;
	if (bpf_skb_store_bytes(ctx, offset, &to_port, 2, 0) < 0)
		return -DROP_WRITE_ERROR;
	return 0;
}
