// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* Programs for the tests of the virtual network: each does one thing to what comes by. */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

volatile const __u32 target = 0;
volatile const __u32 remote = 0;
volatile const __u32 family = 2;

#define OK 0
#define SHOT 2
#define NEXT -1

/* What programs saw: 0 mark, 1 ingress_ifindex, 2 pkt_type, 3 cb[0], 4 tunnel id, 5 tunnel remote, 6 result of fib lookup, 7 its ifindex, 8 runs. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u32);
} seen SEC(".maps");

static __always_inline void note(__u32 index, __u32 value)
{
	bpf_map_update_elem(&seen, &index, &value, 0);
}

SEC("tc")
int look(struct __sk_buff *ctx)
{
	struct bpf_tunnel_key key = {};
	__u32 runs = 8, *count;

	note(0, ctx->mark);
	note(1, ctx->ingress_ifindex);
	note(2, ctx->pkt_type);
	note(3, ctx->cb[0]);
	if (bpf_skb_get_tunnel_key(ctx, &key, sizeof(key), 0) == 0) {
		note(4, key.tunnel_id);
		note(5, key.remote_ipv4);
	}
	count = bpf_map_lookup_elem(&seen, &runs);
	if (count)
		(*count)++;
	return NEXT;
}

SEC("tc")
int paint(struct __sk_buff *ctx)
{
	ctx->mark = 0xABC;
	ctx->cb[0] = 77;
	return NEXT;
}

SEC("tc")
int shoot(struct __sk_buff *ctx)
{
	(void)ctx;
	return SHOT;
}

SEC("tc")
int to_egress(struct __sk_buff *ctx)
{
	if (ctx->protocol != bpf_htons(0x0800))
		return OK;
	return bpf_redirect(target, 0);
}

SEC("tc")
int to_ingress(struct __sk_buff *ctx)
{
	if (ctx->protocol != bpf_htons(0x0800))
		return OK;
	return bpf_redirect(target, BPF_F_INGRESS);
}

SEC("tc")
int to_peer(struct __sk_buff *ctx)
{
	if (ctx->protocol != bpf_htons(0x0800))
		return OK;
	return bpf_redirect_peer(target, 0);
}

SEC("tc")
int to_neighbour(struct __sk_buff *ctx)
{
	if (ctx->protocol != bpf_htons(0x0800))
		return OK;
	return bpf_redirect_neigh(target, 0, 0, 0);
}

SEC("tc")
int to_named_neighbour(struct __sk_buff *ctx)
{
	struct bpf_redir_neigh hop = { .nh_family = family, .ipv4_nh = remote };

	if (ctx->protocol != bpf_htons(0x0800))
		return OK;
	return bpf_redirect_neigh(target, &hop, sizeof(hop), 0);
}

SEC("tc")
int to_tunnel(struct __sk_buff *ctx)
{
	struct bpf_tunnel_key key = { .tunnel_id = 0xABCDEF, .remote_ipv4 = remote, .tunnel_ttl = 33 };

	if (ctx->protocol != bpf_htons(0x0800))
		return OK;
	if (bpf_skb_set_tunnel_key(ctx, &key, sizeof(key), BPF_F_ZERO_CSUM_TX) < 0)
		return SHOT;
	return bpf_redirect(target, 0);
}

SEC("tc")
int ask_routes(struct __sk_buff *ctx)
{
	struct bpf_fib_lookup query = { .family = 2, .ifindex = ctx->ifindex };
	__u8 ip[20];

	if (ctx->protocol != bpf_htons(0x0800) || bpf_skb_load_bytes(ctx, 14, ip, sizeof(ip)) < 0)
		return OK;
	__builtin_memcpy(&query.ipv4_src, ip + 12, 4);
	__builtin_memcpy(&query.ipv4_dst, ip + 16, 4);
	note(6, bpf_fib_lookup(ctx, &query, sizeof(query), 0));
	note(7, query.ifindex);
	note(9, bpf_ntohl(query.ipv4_dst));
	note(10, query.dmac[5]);
	return NEXT;
}

/* 11 word that an XDP program said, 12 Ethernet type. */
SEC("tc")
int look_at_metadata(struct __sk_buff *ctx)
{
	void *data = (void *)(long)ctx->data, *meta = (void *)(long)ctx->data_meta;

	note(11, meta + sizeof(__u32) <= data ? *(__u32 *)meta : 0);
	note(12, bpf_ntohs((__u16)ctx->protocol));
	return NEXT;
}

/* 14 bytes of payload in a segment, 15 segments. */
SEC("tc")
int look_at_segments(struct __sk_buff *ctx)
{
	note(14, ctx->gso_size);
	note(15, ctx->gso_segs);
	return NEXT;
}

/* Says the device, and that it was here. */
SEC("xdp")
int xdp_say(struct xdp_md *ctx)
{
	__u32 runs = 13, *count = bpf_map_lookup_elem(&seen, &runs);
	void *data, *meta;

	if (count)
		(*count)++;
	if (bpf_xdp_adjust_meta(ctx, -4))
		return XDP_ABORTED;
	data = (void *)(long)ctx->data;
	meta = (void *)(long)ctx->data_meta;
	if (meta + sizeof(__u32) > data)
		return XDP_ABORTED;
	*(__u32 *)meta = 0x5A0000 | ctx->ingress_ifindex;
	return XDP_PASS;
}

static __always_inline int is_ipv4(struct xdp_md *ctx)
{
	struct ethernet {
		__u8 to[6], from[6];
		__be16 type;
	} *header = (void *)(long)ctx->data;

	return (void *)(header + 1) <= (void *)(long)ctx->data_end && header->type == bpf_htons(0x0800);
}

SEC("xdp")
int xdp_shoot(struct xdp_md *ctx)
{
	return is_ipv4(ctx) ? XDP_DROP : XDP_PASS;
}

SEC("xdp")
int xdp_abort(struct xdp_md *ctx)
{
	return is_ipv4(ctx) ? 99 : XDP_PASS;
}

SEC("xdp")
int xdp_redirect(struct xdp_md *ctx)
{
	return is_ipv4(ctx) ? bpf_redirect(target, 0) : XDP_PASS;
}

/* Back to the sender, on its own link. */
SEC("xdp")
int xdp_return(struct xdp_md *ctx)
{
	__u8 *header = (void *)(long)ctx->data, other[6];

	if (!is_ipv4(ctx) || header + 14 > (__u8 *)(long)ctx->data_end)
		return XDP_PASS;
	__builtin_memcpy(other, header, 6);
	__builtin_memcpy(header, header + 6, 6);
	__builtin_memcpy(header + 6, other, 6);
	return XDP_TX;
}

/* Makes IPv4 of what has the type 0x9999 and four bytes before its header, and addresses it to this device. */
SEC("xdp")
int xdp_unwrap(struct xdp_md *ctx)
{
	__u8 *header = (void *)(long)ctx->data, addresses[12];

	if (header + 18 > (__u8 *)(long)ctx->data_end || header[12] != 0x99)
		return XDP_PASS;
	__builtin_memcpy(addresses, header, 12);
	if (bpf_xdp_adjust_head(ctx, 4))
		return XDP_ABORTED;
	header = (void *)(long)ctx->data;
	if (header + 14 > (__u8 *)(long)ctx->data_end)
		return XDP_ABORTED;
	__builtin_memcpy(header, addresses, 12);
	header[12] = 0x08;
	header[13] = 0;
	return XDP_PASS;
}

SEC("cgroup/connect4")
int send_elsewhere(struct bpf_sock_addr *ctx)
{
	if (ctx->user_port == bpf_htons(666)) {
		bpf_set_retval(-111);
		return 0;
	}
	if (ctx->user_port == bpf_htons(80)) {
		ctx->user_ip4 = bpf_htonl(remote);
		ctx->user_port = bpf_htons(8080);
	}
	return 1;
}

SEC("cgroup/getpeername4")
int say_as_asked(struct bpf_sock_addr *ctx)
{
	if (ctx->user_port == bpf_htons(8080))
		ctx->user_port = bpf_htons(80);
	return 1;
}
