/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Tunnels between nodes: what an encapsulated packet says of its sender, and VXLAN by the programs themselves.
 * What is common (no options, no fragments, fits the underlay, for or from a pod) does not visit the tunnel device: its headers are put on
 * and taken off here. Whatever else comes, and whatever a kernel refuses here, takes the device, which speaks the same on the wire.
 */
#pragma once
#include "endpoint.h"
#include "mark.h"

#define VXLAN_HAS_VNI 0x08000000
#define ECN_MASK 3
#define ECN_CONGESTED 3
#define TUNNEL_TTL 64
/* The length that kernels before 6.0 know as well. */
#define TUNNEL_KEY_BYTES __builtin_offsetof(struct bpf_tunnel_key, local_ipv4)
#define TUNNEL_PORT_MIN 32768u
#define TUNNEL_PORTS 28232u            /* to 60999, as the kernel chooses by default */

/* Of kernels younger than the headers that we compile with, or with a length that they compute with a signed shift. */
#define ADJ_ROOM_ENCAP_ETHERNET (1ULL << 6)
#define ADJ_ROOM_DECAP_L3_IPV6 (1ULL << 8)

struct udp_header {
	__be16 source;
	__be16 destination;
	__be16 length;
	__u16 checksum;
};

/* From the underlay's Ethernet header to the inner one's end. */
struct vxlan_headers {
	struct ipv4_header ip;
	struct udp_header udp;
	__be32 flags;
	__be32 vni;                    /* in the upper 24 bits */
	struct ethernet_header inner;
};

/* The struct has two bytes of padding behind. */
#define VXLAN_BYTES 50
_Static_assert(__builtin_offsetof(struct vxlan_headers, inner) + ETHERNET_BYTES == VXLAN_BYTES, "vxlan_headers changed its size");

#define INNER_OFFSET (ETHERNET_BYTES + VXLAN_BYTES)

/* The number in the VNI: the sender's identity. The world's two families share one number on the wire, and what only this node calls by a
 * number of its own, which no 24 bits hold, is the world to others.
 */
static __always_inline __u32 tunnel_identity(__u32 identity)
{
	if (identity == host_identity)
		return host_tunnel_identity;
	if (identity == world_ipv4_identity || identity == world_ipv6_identity || identity >> 24)
		return 2;
	return identity;
}

/* Takes the sender's identity from the VNI. A node calls itself remote-node; a refined identity of that node may be in the ipcache. */
static __always_inline int take_tunnel_identity(struct flow *flow, __u32 identity)
{
	const struct ipcache_value *known;

	flow->source_identity = identity;
	if (identity == 0 || identity == host_identity)
		return -DROP_INVALID_IDENTITY;
	if (identity == host_tunnel_identity) {
		known = ipcache_lookup(&flow->packet.source);
		if (known && known->identity != host_identity && known->identity < 256)
			flow->source_identity = known->identity;
	} else if (identity == 2) {
		flow->source_identity = world_identity(&flow->packet);
	}
	return 0;
}

static __always_inline __u16 ipv4_checksum(struct ipv4_header ip)
{
	const __u16 *words = (const __u16 *)&ip;
	__u32 sum = 0;
	int i;

#pragma unroll
	for (i = 0; i < 10; i++)
		sum += words[i];
	sum = (sum & 0xFFFF) + (sum >> 16);
	return ~(sum + (sum >> 16));
}

/* Bytes of the largest packet on the underlay that this one becomes; 0 when the programs leave it to the tunnel device. */
static __always_inline __u32 encapsulated_bytes(struct __sk_buff *ctx, const struct packet *p)
{
	__u32 bytes = ctx->len - ETHERNET_BYTES;
	__u8 tcp_words;

	if (ctx->gso_size) {
		/* Only TCP is segmented right behind these headers: the kernel loses sight of UDP's segments. */
		if (p->protocol != PROTO_TCP || bpf_skb_load_bytes(ctx, p->l4_offset + 12, &tcp_words, 1) < 0)
			return 0;
		if (bytes + VXLAN_BYTES > 0xFFFF)
			return 0;
		bytes = p->l4_offset - ETHERNET_BYTES + (tcp_words >> 4) * 4 + ctx->gso_size;
	}
	return bytes + VXLAN_BYTES;
}

static __always_inline __u8 traffic_class(struct __sk_buff *ctx, const struct packet *p)
{
	__u8 bytes[2];

	if (bpf_skb_load_bytes(ctx, ETHERNET_BYTES, bytes, 2) < 0)
		return 0;
	return is_ipv6(p) ? bytes[0] << 4 | bytes[1] >> 4 : bytes[1];
}

/* Puts the headers on and sends. Returns a verdict, or a negative value with the packet as it was. */
static __always_inline int encapsulate(struct __sk_buff *ctx, const struct flow *flow, const struct addr128 *node)
{
	struct vxlan_headers h = {};
	__be16 protocol = bpf_htons(ETHERTYPE_IPV4);
	struct addr128 self;
	__u32 bytes = encapsulated_bytes(ctx, &flow->packet), hash;

	if (bytes == 0 || bytes > underlay_mtu)
		return -1;
	if (bpf_skb_load_bytes(ctx, 0, &h.inner, ETHERNET_BYTES) < 0)
		return -1;
	address_from_config(&self, &node_ipv4);
	hash = bpf_get_hash_recalc(ctx);
	bytes = ctx->len - ETHERNET_BYTES + VXLAN_BYTES;
	h.ip.version_ihl = 0x45;
	h.ip.tos = traffic_class(ctx, &flow->packet) & ECN_MASK;
	h.ip.total_length = bpf_htons(bytes);
	h.ip.id = bpf_get_prandom_u32();
	h.ip.ttl = TUNNEL_TTL;
	h.ip.protocol = PROTO_UDP;
	h.ip.source = self.words[3];
	h.ip.destination = node->words[3];
	h.ip.checksum = ipv4_checksum(h.ip);
	/* One source port per flow, so that the underlay spreads flows and keeps each in order. */
	h.udp.source = bpf_htons(TUNNEL_PORT_MIN + (((hash ^ hash << 16) >> 16) * TUNNEL_PORTS >> 16));
	h.udp.destination = bpf_htons(tunnel_port);
	h.udp.length = bpf_htons(bytes - sizeof(h.ip));
	h.flags = bpf_htonl(VXLAN_HAS_VNI);
	h.vni = bpf_htonl(tunnel_identity(flow->source_identity) << 8);
	if (bpf_skb_adjust_room(ctx, VXLAN_BYTES, BPF_ADJ_ROOM_MAC,
				BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 | BPF_F_ADJ_ROOM_ENCAP_L4_UDP | ADJ_ROOM_ENCAP_ETHERNET |
					BPF_F_ADJ_ROOM_ENCAP_L2(ETHERNET_BYTES) | BPF_F_ADJ_ROOM_FIXED_GSO) < 0)
		return -1;
	if (bpf_skb_store_bytes(ctx, ETHERNET_BYTES, &h, VXLAN_BYTES, 0) < 0 ||
	    (is_ipv6(&flow->packet) && bpf_skb_store_bytes(ctx, 12, &protocol, sizeof(protocol), 0) < 0))
		return drop(ctx, flow, DROP_WRITE_ERROR);
	ctx->mark = MARK_OVERLAY;
	return bpf_redirect_neigh(underlay_ifindex, 0, 0, 0);
}

/* Whether the headers of a packet on the underlay may be taken off here: common ones, around a packet for a pod of this node. */
static __always_inline int is_for_local_pod(struct __sk_buff *ctx, const struct vxlan_headers *h)
{
	const struct endpoint_row *row;
	struct addr128 address;
	__u8 protocol;

	address_from_config(&address, &node_ipv4);
	if (h->ip.version_ihl != 0x45 || h->ip.destination != address.words[3] ||
	    h->ip.fragment & bpf_htons(IPV4_MORE_FRAGMENTS | IPV4_FRAGMENT_OFFSET) || (h->ip.tos & ECN_MASK) == ECN_CONGESTED)
		return 0;
	if (h->udp.checksum || h->udp.length != bpf_htons(bpf_ntohs(h->ip.total_length) - sizeof(h->ip)) ||
	    h->flags != bpf_htonl(VXLAN_HAS_VNI) || bpf_ntohs(h->ip.total_length) + ETHERNET_BYTES > ctx->len)
		return 0;
	if (h->inner.protocol == bpf_htons(ETHERTYPE_IPV4)) {
		struct ipv4_header ip;

		if (bpf_skb_load_bytes(ctx, INNER_OFFSET, &ip, sizeof(ip)) < 0)
			return 0;
		protocol = ip.protocol;
		address_from_ipv4(&address, ip.destination);
	} else if (h->inner.protocol == bpf_htons(ETHERTYPE_IPV6)) {
		struct ipv6_header ip;

		if (bpf_skb_load_bytes(ctx, INNER_OFFSET, &ip, sizeof(ip)) < 0)
			return 0;
		protocol = ip.next_header;
		address_from_ipv6(&address, ip.destination);
	} else {
		return 0;
	}
	if (ctx->gso_size && protocol != PROTO_TCP)
		return 0;
	row = endpoint_of_address(&address);
	return row && !(row->flags & ENDPOINT_HOST);
}

/* Takes the headers off a packet for a pod of this node. Returns its VNI, or a negative value with the packet as it was. */
__shared_body int decapsulate(struct __sk_buff *ctx)
{
	struct vxlan_headers h;
	__u64 flags = BPF_F_ADJ_ROOM_FIXED_GSO;

	if (bpf_skb_load_bytes(ctx, ETHERNET_BYTES, &h, VXLAN_BYTES) < 0 || !is_for_local_pod(ctx, &h))
		return -1;
	if (h.inner.protocol == bpf_htons(ETHERTYPE_IPV6))
		flags |= ADJ_ROOM_DECAP_L3_IPV6;
	if (bpf_skb_adjust_room(ctx, -VXLAN_BYTES, BPF_ADJ_ROOM_MAC, flags) < 0)
		return -1;
	if (h.inner.protocol == bpf_htons(ETHERTYPE_IPV6))
		bpf_skb_store_bytes(ctx, 12, &h.inner.protocol, sizeof(h.inner.protocol), 0);
	return bpf_ntohl(h.vni) >> 8;
}
