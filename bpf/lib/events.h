/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Counters and events. A source file defines SOURCE_FILE before it includes this. Nothing here changes a verdict. */
#pragma once
#include "lost.h"
#include "packet.h"

static __always_inline void count_forwarded(struct __sk_buff *ctx, __u32 direction)
{
	struct metrics_value *value = bpf_map_lookup_elem(&cilium_forwarded, &direction);

	if (value) {
		value->count++;
		value->bytes += ctx->len;
	}
}

/* A wake-up costs microseconds: of the records only that makes one which crosses a multiple of `bytes`, never each while the reader is
 * behind. In between the reader drains by a timer. Records lie at multiples of eight bytes.
 */
static __always_inline __u64 ring_wakeup(void *ring, __u32 bytes, __u32 record)
{
	__u64 waiting = bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA);

	return waiting >= bytes && waiting % bytes < ((record + BPF_RINGBUF_HDR_SZ + 7) & ~7U) ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
}

/* The first event after a long quiet wakes the reader too. */
static __always_inline __u64 event_wakeup(void)
{
	__u32 zero = 0, *sleeps = bpf_map_lookup_elem(&cilium_reader_sleeps, &zero);

	if (sleeps && *sleeps) {
		*sleeps = 0;
		return BPF_RB_FORCE_WAKEUP;
	}
	return ring_wakeup(&cilium_events, event_wakeup_bytes, sizeof(struct packet_event));
}

static __always_inline void capture(struct __sk_buff *ctx, struct packet_event *event)
{
	__u32 length = ctx->len;

	if (length > capture_length)
		length = capture_length;
	asm volatile("" : "+r"(length));
	if (length >= CAPTURE_BYTES) {
		length = CAPTURE_BYTES;
		if (bpf_skb_load_bytes(ctx, 0, event->data, CAPTURE_BYTES) < 0)
			length = 0;
	} else if (length == 0 || bpf_skb_load_bytes(ctx, 0, event->data, length) < 0) {
		length = 0;
	}
	event->header.captured_length = length;
}

static __always_inline struct packet_event *event_begin(struct __sk_buff *ctx, const struct flow *flow, __u8 type, __u8 subtype)
{
	struct packet_event *event = bpf_ringbuf_reserve(&cilium_events, sizeof(*event), 0);
	struct packet_event_header *h;

	if (!event) {
		count_lost(0);
		return 0;
	}
	h = &event->header;
	h->type = type;
	h->subtype = subtype;
	h->source_endpoint = flow->endpoint;
	h->hash = bpf_get_hash_recalc(ctx);
	h->timestamp_ns = bpf_ktime_get_ns();
	h->packet_length = ctx->len;
	h->version = 1;
	h->flags = is_ipv6(&flow->packet) ? EVENT_IPV6 : 0;
	h->source_identity = flow->source_identity;
	h->destination_identity = flow->destination_identity;
	h->destination_endpoint = flow->destination_endpoint;
	h->ifindex = 0;
	h->verdict = 0;
	h->destination_port = bpf_ntohs(flow->packet.policy_port);
	h->protocol = flow->packet.protocol;
	h->policy_flags = 0;
	h->auth_type = 0;
	h->trace_reason = flow->reason;
	h->direction = flow->direction;
	h->file = SOURCE_FILE;
	h->line = 0;
	h->ext_error = 0;
	h->pad = 0;
	h->original_address = flow->original_source;
	capture(ctx, event);
	return event;
}

__shared_body int send_trace(struct __sk_buff *ctx, const struct flow *flow, __u32 point, __u32 ifindex)
{
	struct packet_event *event;

	if (!flow)
		return 0;
	event = event_begin(ctx, flow, EVENT_TRACE, point);
	if (event) {
		event->header.ifindex = ifindex;
		bpf_ringbuf_submit(event, event_wakeup());
	}
	return 0;
}

#define AGGREGATE_LOWEST 1
#define AGGREGATE_MEDIUM 3

/* Where a packet leaves us: at medium aggregation only when conntrack asked for it. */
static __always_inline void trace_to(struct __sk_buff *ctx, const struct flow *flow, __u32 point, __u32 ifindex)
{
	if (enable_trace_events && (monitor_aggregation < AGGREGATE_MEDIUM || flow->report))
		send_trace(ctx, flow, point, ifindex);
	count_forwarded(ctx, flow->direction);
}

/* Where a packet comes in: only without aggregation. */
static __always_inline void trace_from(struct __sk_buff *ctx, const struct flow *flow, __u32 point)
{
	if (enable_trace_events && monitor_aggregation < AGGREGATE_LOWEST)
		send_trace(ctx, flow, point, 0);
}

/* `detail`: match type, audited << 8, direction of enum metric_direction << 16. */
__shared_body int send_verdict(struct __sk_buff *ctx, const struct flow *flow, int verdict, __u32 detail)
{
	struct packet_event *event;

	if (!flow)
		return 0;
	event = event_begin(ctx, flow, EVENT_POLICY_VERDICT, 0);
	if (event) {
		event->header.verdict = verdict;
		event->header.policy_flags = ((detail >> 16) & 3) | (is_ipv6(&flow->packet) ? 4 : 0) | (detail & 7) << 3 |
					     ((detail >> 8) & 1) << 6;
		bpf_ringbuf_submit(event, event_wakeup());
	}
	return 0;
}
