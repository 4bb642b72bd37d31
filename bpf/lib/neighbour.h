/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Answers ARP and neighbour solicitations for the pods' gateway with the host-side device's own address. */
#pragma once
#include "deliver.h"

#define ARP_REQUEST bpf_htons(1)
#define ARP_REPLY bpf_htons(2)
#define HOPS_ON_LINK 255               /* what a router forwarded has less */

/* An ARP packet for Ethernet and IPv4 in 16-bit units: 3 operation, 4-6 sender, 7-8 its address, 9-11 target, 12-13 its address. */
struct arp_frame {
	struct ethernet_header eth;
	__be16 arp[14];
};

struct advert_frame {
	struct ethernet_header eth;
	struct {
		__be32 version_class_flow;
		__be16 payload_length;
		__u8 next_header;
		__u8 hop_limit;
		struct addr128 source;
		struct addr128 destination;
		__u8 type;
		__u8 code;
		__u16 checksum;
		__be32 flags;
		struct addr128 target;
		__u8 option_type;
		__u8 option_length;
		struct mac_addr option_mac;
	} __attribute__((packed, aligned(2))) ip;
} __attribute__((packed, aligned(2)));

_Static_assert(sizeof(struct advert_frame) == 86, "an advertisement with one option");

static __always_inline __u16 checksum_fold(__s64 sum)
{
	__u32 folded = sum;

	folded = (folded & 0xFFFF) + (folded >> 16);
	folded = (folded & 0xFFFF) + (folded >> 16);
	return ~folded;
}

static __always_inline int send_back(struct __sk_buff *ctx)
{
	ctx->mark = MARK_IDENTITY;
	return bpf_redirect(ctx->ifindex, 0);
}

__shared_body int answer_arp(struct __sk_buff *ctx, const struct endpoint_row *row)
{
	struct arp_frame frame;
	__be32 gateway = router_ipv4.words[3], target;
	int i;

	if (!row)
		return -DROP_INVALID;
	if (bpf_skb_load_bytes(ctx, 0, &frame, sizeof(frame)) < 0)
		return TC_ACT_OK;
	__builtin_memcpy(&target, &frame.arp[12], 4);
	if (frame.arp[3] != ARP_REQUEST || gateway == 0 || target != gateway)
		return TC_ACT_OK;
	frame.arp[3] = ARP_REPLY;
#pragma unroll
	for (i = 0; i < 3; i++) {
		frame.eth.destination[i] = frame.arp[4 + i];
		frame.eth.source[i] = row->host_mac.parts[i];
		frame.arp[9 + i] = frame.arp[4 + i];
		frame.arp[4 + i] = row->host_mac.parts[i];
	}
	frame.arp[12] = frame.arp[7];
	frame.arp[13] = frame.arp[8];
	__builtin_memcpy(&frame.arp[7], &target, 4);
	if (bpf_skb_store_bytes(ctx, 0, &frame, sizeof(frame), 0) < 0)
		return TC_ACT_OK;
	return send_back(ctx);
}

__shared_body int answer_solicitation(struct __sk_buff *ctx, const struct packet *p, const struct endpoint_row *row)
{
	struct advert_frame frame = {};
	struct mac_addr sender;
	struct addr128 target;
	__s64 sum;

	if (!p || !row)
		return -DROP_INVALID;
	if (p->policy_port != bpf_htons(ICMPV6_NEIGHBOUR_SOLICIT) || p->ttl != HOPS_ON_LINK || address_is_none(&p->source))
		return TC_ACT_OK;
	if (bpf_skb_load_bytes(ctx, p->l4_offset + 8, &target, sizeof(target)) < 0 || address_is_none(&target) ||
	    !address_equals_config(&target, &router_ipv6))
		return TC_ACT_OK;
	if (bpf_skb_load_bytes(ctx, 6, &sender, sizeof(sender)) < 0)
		return TC_ACT_OK;
	__builtin_memcpy(frame.eth.destination, &sender, 6);
	__builtin_memcpy(frame.eth.source, &row->host_mac, 6);
	frame.eth.protocol = bpf_htons(ETHERTYPE_IPV6);
	frame.ip.version_class_flow = bpf_htonl(0x60000000);
	frame.ip.source = target;
	frame.ip.destination = p->source;
	/* The pseudo header is summed where its fields lie: length and protocol in place of the first eight bytes. */
	frame.ip.type = ICMPV6_NEIGHBOUR_ADVERT;
	frame.ip.flags = bpf_htonl(0xE0000000);
	frame.ip.target = target;
	frame.ip.option_type = 2;
	frame.ip.option_length = 1;
	frame.ip.option_mac = row->host_mac;
	frame.ip.version_class_flow = bpf_htonl(32);
	frame.ip.payload_length = 0;
	frame.ip.next_header = 0;
	frame.ip.hop_limit = PROTO_ICMPV6;
	sum = bpf_csum_diff(0, 0, (void *)&frame.ip, sizeof(frame.ip), 0);
	frame.ip.checksum = checksum_fold(sum);
	frame.ip.version_class_flow = bpf_htonl(0x60000000);
	frame.ip.payload_length = bpf_htons(32);
	frame.ip.next_header = PROTO_ICMPV6;
	frame.ip.hop_limit = 255;
	if (ctx->len != sizeof(frame) && bpf_skb_change_tail(ctx, sizeof(frame), 0) < 0)
		return TC_ACT_OK;
	if (bpf_skb_store_bytes(ctx, 0, &frame, sizeof(frame), 0) < 0)
		return TC_ACT_OK;
	return send_back(ctx);
}

/* Whether a packet's type is one of neighbour discovery or group membership; it may have been sent to anybody. */
static __always_inline int is_control_type(const struct packet *p)
{
	__u16 type = bpf_ntohs(p->policy_port);

	if (p->protocol != PROTO_ICMPV6 || p->kind & PACKET_LATER_FRAGMENT)
		return 0;
	return (type >= 130 && type <= ICMPV6_NEIGHBOUR_ADVERT) || type == 143;
}

/* Neighbour discovery and group membership on the link: to a group, a link-local address or the gateway, which no router forwards. */
static __always_inline int is_link_control(const struct packet *p)
{
	const __u8 *to = p->destination.bytes;

	if (!is_control_type(p))
		return 0;
	return to[0] == 0xFF || (to[0] == 0xFE && (to[1] & 0xC0) == 0x80) ||
	       (p->ttl == HOPS_ON_LINK && address_equals_config(&p->destination, &router_ipv6));
}
