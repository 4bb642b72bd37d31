// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* XDP programs that do what the first bytes behind the Ethernet header ask for; results are left in a map. */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct order {
	__u8 dst[6];
	__u8 src[6];
	__be16 type;
	__u8 verdict;
	__u8 stamp;
	__s16 head;
	__s16 meta;
	__s16 tail;
	__u32 offset;
} __attribute__((packed));

/* 0 head, 1 meta, 2 tail: results of adjusting; 3 load, 4 store; 5 length, 6 bytes of metadata, 7 first word of it, 8 device, 9 queue, 10 buffer length. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __s64);
} results SEC(".maps");

static __always_inline void note(__u32 index, __s64 value)
{
	bpf_map_update_elem(&results, &index, &value, 0);
}

static __always_inline void note_context(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *meta = (void *)(long)ctx->data_meta;

	note(5, (__s64)ctx->data_end - ctx->data);
	note(6, (__s64)ctx->data - ctx->data_meta);
	note(7, meta + sizeof(__u32) <= data ? *(__u32 *)meta : 0);
	note(8, ctx->ingress_ifindex);
	note(9, ctx->rx_queue_index);
	note(10, (__s64)bpf_xdp_get_buff_len(ctx));
}

/* Adjusts as told, stamps the first byte of the frame and of its metadata, and gives the verdict it was told. */
SEC("xdp")
int obey(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end, *meta;
	struct order order;
	__u8 bytes[8];

	if (data + sizeof(order) > end) {
		note_context(ctx);
		return XDP_ABORTED;
	}
	order = *(struct order *)data;
	if (order.head)
		note(0, bpf_xdp_adjust_head(ctx, order.head));
	if (order.meta)
		note(1, bpf_xdp_adjust_meta(ctx, order.meta));
	if (order.tail)
		note(2, bpf_xdp_adjust_tail(ctx, order.tail));
	note(3, bpf_xdp_load_bytes(ctx, order.offset, bytes, sizeof(bytes)));
	bytes[0] = order.stamp;
	note(4, bpf_xdp_store_bytes(ctx, order.offset, bytes, sizeof(bytes)));
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	meta = (void *)(long)ctx->data_meta;
	if (order.stamp && data + 1 <= end)
		*(__u8 *)data = order.stamp;
	if (order.stamp && meta + sizeof(__u32) <= data)
		*(__u32 *)meta = order.stamp;
	note_context(ctx);
	return order.verdict;
}

/* Sends the frame out of the device that its source address names. */
SEC("xdp")
int redirect(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct order *order = data;

	if (data + sizeof(*order) > end)
		return XDP_ABORTED;
	return bpf_redirect(order->src[0], order->src[1]);
}

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u32);
} programs SEC(".maps");

SEC("xdp")
int pass_on(struct xdp_md *ctx)
{
	bpf_tail_call(ctx, &programs, 1);
	return XDP_PASS;
}
