/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What a packet says about itself, for both families; and the flow that events report. */
#pragma once
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "address.h"
#include "config.h"
#include "drop_reasons.h"
#include "maps.h"

/* A global function: the verifier checks it once, not per call. It must check its pointers for null, as any caller could give one. */
#define __shared_body __attribute__((noinline))

enum packet_kind {
	PACKET_IPV6 = 1,
	PACKET_LATER_FRAGMENT = 2,     /* has no L4 header; its ports come from cilium_frag */
	PACKET_ICMP_ERROR = 4,
	PACKET_FRAGMENT_NEEDED = 8,
	PACKET_LOOPBACK = 16,
	PACKET_FROM_POD = 32,          /* known once its source is */
};

struct packet {
	struct addr128 source;
	struct addr128 destination;
	__be16 source_port;            /* ICMP echo: the id, on the side that asks; of other types ICMP_OTHER_TYPE and the type */
	__be16 destination_port;
	__be16 policy_port;            /* the destination port, or the ICMP type */
	__u16 l4_offset;
	__u8 protocol;
	__u8 tcp_flags;
	__u8 kind;                     /* enum packet_kind */
	__u8 ttl;
};

/* A packet with what is known about its ends. */
struct flow {
	struct packet packet;
	__u32 source_identity;
	__u32 destination_identity;
	__u16 endpoint;                /* at which policy is applied or the event is made */
	__u16 destination_endpoint;
	__u32 service_id;
	__u32 backend_id;
	struct addr128 original_source;
	__u8 direction;                /* enum metric_direction */
	__u8 reason;                   /* enum trace_reason */
	__u8 report;                   /* aggregation lets a trace event through */
	__u8 pad;
};

static __always_inline int is_ipv6(const struct packet *p)
{
	return p->kind & PACKET_IPV6;
}

static __always_inline int is_icmp_error(const struct packet *p)
{
	return p->kind & PACKET_ICMP_ERROR;
}

/* Where a packet ends by its own word; what lies behind its receiver cuts off. Only a GSO packet may be longer than its header can say. */
static __always_inline __u32 packet_end(struct __sk_buff *ctx, __u32 l3, __be16 length)
{
	return length == 0 && ctx->gso_size ? ctx->len : l3 + bpf_ntohs(length);
}

/* Ports and flags of the L4 header at p->l4_offset, of a packet that ends at `end`. */
static __always_inline int parse_l4(struct __sk_buff *ctx, struct packet *p, __u32 end)
{
	struct l4_start l4;
	__u8 type;

	if (p->l4_offset + (p->protocol == PROTO_TCP ? 16u : 8u) > end)
		return -DROP_CT_INVALID_HEADER;
	switch (p->protocol) {
	case PROTO_TCP:
		if (bpf_skb_load_bytes(ctx, p->l4_offset, &l4, 16) < 0)
			return -DROP_CT_INVALID_HEADER;
		p->tcp_flags = l4.tcp_flags;
		break;
	case PROTO_UDP:
	case PROTO_SCTP:
		if (bpf_skb_load_bytes(ctx, p->l4_offset, &l4, 8) < 0)
			return -DROP_CT_INVALID_HEADER;
		break;
	case PROTO_ICMP:
	case PROTO_ICMPV6:
		if ((p->protocol == PROTO_ICMPV6) != !!is_ipv6(p))
			return -DROP_CT_UNKNOWN_PROTOCOL;
		if (bpf_skb_load_bytes(ctx, p->l4_offset, &l4, 8) < 0)
			return -DROP_CT_INVALID_HEADER;
		type = l4.icmp_type;
		p->policy_port = bpf_htons(type);
		if (type == (is_ipv6(p) ? ICMPV6_ECHO : ICMP_ECHO)) {
			p->source_port = l4.icmp_id;
		} else if (type == (is_ipv6(p) ? ICMPV6_ECHO_REPLY : ICMP_ECHO_REPLY)) {
			p->destination_port = l4.icmp_id;
		} else if (is_ipv6(p) ? (type >= ICMPV6_UNREACHABLE && type <= ICMPV6_PARAMETER)
				      : (type == ICMP_UNREACHABLE || type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETER)) {
			p->kind |= PACKET_ICMP_ERROR;
			if (!is_ipv6(p) && type == ICMP_UNREACHABLE && l4.icmp_code == ICMP_FRAGMENTATION_NEEDED)
				p->kind |= PACKET_FRAGMENT_NEEDED;
		} else {
			/* No echo has both. */
			p->source_port = ICMP_OTHER_TYPE;
			p->destination_port = bpf_htons(type);
		}
		return 0;
	default:
		return -DROP_CT_UNKNOWN_PROTOCOL;
	}
	p->source_port = l4.source;
	p->destination_port = l4.destination;
	p->policy_port = l4.destination;
	return 0;
}

/* The first fragment leaves its ports in cilium_frag, later ones take them from there. `end`: where the first ends; 0 for later ones. */
__shared_body int parse_fragment(struct __sk_buff *ctx, struct packet *p, __u32 id, __u32 end)
{
	struct fragment_key key = {};
	struct fragment_value value = {}, *found;
	int ret;

	if (!p)
		return -DROP_INVALID;
	key.source = p->source;
	key.destination = p->destination;
	key.id = id;
	key.protocol = p->protocol;
	if (end) {
		ret = parse_l4(ctx, p, end);
		if (ret < 0)
			return ret;
		value.source_port = p->source_port;
		value.destination_port = p->destination_port;
		bpf_map_update_elem(&cilium_frag, &key, &value, BPF_ANY);
		return 0;
	}
	found = bpf_map_lookup_elem(&cilium_frag, &key);
	if (!found)
		return -DROP_FRAGMENT_NOT_FOUND;
	p->kind |= PACKET_LATER_FRAGMENT;
	p->source_port = found->source_port;
	p->destination_port = found->destination_port;
	p->policy_port = found->destination_port;
	if (found->source_port && found->destination_port)
		return 0;
	if (p->protocol == PROTO_ICMP)
		p->policy_port = bpf_htons(found->source_port ? ICMP_ECHO : ICMP_ECHO_REPLY);
	else if (p->protocol == PROTO_ICMPV6)
		p->policy_port = bpf_htons(found->source_port ? ICMPV6_ECHO : ICMPV6_ECHO_REPLY);
	return 0;
}

static __always_inline int parse_ipv4(struct __sk_buff *ctx, struct packet *p)
{
	struct ipv4_header ip;
	__u16 fragment;
	__u32 ihl;

	if (bpf_skb_load_bytes(ctx, ETHERNET_BYTES, &ip, sizeof(ip)) < 0)
		return -DROP_INVALID;
	ihl = (ip.version_ihl & 0xF) * 4;
	if ((ip.version_ihl >> 4) != 4 || ihl < sizeof(ip))
		return -DROP_INVALID;
	address_from_ipv4(&p->source, ip.source);
	address_from_ipv4(&p->destination, ip.destination);
	p->protocol = ip.protocol;
	p->ttl = ip.ttl;
	p->l4_offset = ETHERNET_BYTES + ihl;
	fragment = bpf_ntohs(ip.fragment);
	if (fragment & (IPV4_MORE_FRAGMENTS | IPV4_FRAGMENT_OFFSET))
		return parse_fragment(ctx, p, ip.id, fragment & IPV4_FRAGMENT_OFFSET ? 0 : packet_end(ctx, ETHERNET_BYTES, ip.total_length));
	return parse_l4(ctx, p, packet_end(ctx, ETHERNET_BYTES, ip.total_length));
}

#define IPV6_MAX_EXTENSIONS 6

static __always_inline int parse_ipv6(struct __sk_buff *ctx, struct packet *p)
{
	struct ipv6_header ip;
	struct ipv6_extension ext;
	__u32 offset = ETHERNET_BYTES + sizeof(ip), id = 0, end;
	int i, fragment = -1;
	__u8 next;

	if (bpf_skb_load_bytes(ctx, ETHERNET_BYTES, &ip, sizeof(ip)) < 0)
		return -DROP_INVALID;
	if ((ip.version_class_flow & bpf_htonl(0xF0000000)) != bpf_htonl(0x60000000))
		return -DROP_INVALID;
	address_from_ipv6(&p->source, ip.source);
	address_from_ipv6(&p->destination, ip.destination);
	p->kind = PACKET_IPV6;
	p->ttl = ip.hop_limit;
	next = ip.next_header;
	end = packet_end(ctx, offset, ip.payload_length);
	for (i = 0; i < IPV6_MAX_EXTENSIONS; i++) {
		if (next != PROTO_HOPOPTS && next != PROTO_ROUTING && next != PROTO_FRAGMENT && next != PROTO_DSTOPTS &&
		    next != PROTO_AH)
			break;
		if (offset + sizeof(ext) > end || bpf_skb_load_bytes(ctx, offset, &ext, sizeof(ext)) < 0)
			return -DROP_INVALID_EXTENSION_HEADER;
		if (next == PROTO_FRAGMENT) {
			fragment = bpf_ntohs(ext.fragment);
			id = ext.id;
			offset += 8;
		} else if (next == PROTO_AH) {
			offset += (ext.length + 2) * 4;
		} else {
			offset += (ext.length + 1) * 8;
		}
		next = ext.next_header;
		if (fragment > 7)
			break;
	}
	if (i == IPV6_MAX_EXTENSIONS)
		return -DROP_INVALID_EXTENSION_HEADER;
	p->protocol = next;
	p->l4_offset = offset;
	if (fragment > 0)
		return parse_fragment(ctx, p, id, fragment <= 7 ? end : 0);
	return parse_l4(ctx, p, end);
}

/* Fills `p`, which must be zero. A packet of a switched-off family is an unknown protocol. */
static __always_inline int parse_packet(struct __sk_buff *ctx, struct packet *p)
{
	switch (ctx->protocol) {
	case bpf_htons(ETHERTYPE_IPV4):
		return enable_ipv4 ? parse_ipv4(ctx, p) : -DROP_UNKNOWN_L3;
	case bpf_htons(ETHERTYPE_IPV6):
		return enable_ipv6 ? parse_ipv6(ctx, p) : -DROP_UNKNOWN_L3;
	default:
		return -DROP_UNKNOWN_L3;
	}
}
