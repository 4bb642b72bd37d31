/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* `return drop(ctx, &flow, DROP_X)` is the only way to drop: it counts reason, direction and line, and makes an event. */
#pragma once
#include "events.h"

static __always_inline void count_dropped(struct __sk_buff *ctx, __u8 reason, __u8 direction, __u16 line)
{
	struct metrics_key key = { .reason = reason, .direction = direction, .line = line, .file = SOURCE_FILE };
	struct metrics_value *value = bpf_map_lookup_elem(&cilium_metrics, &key), first = { 1, ctx->len };

	if (value) {
		value->count++;
		value->bytes += ctx->len;
	} else {
		bpf_map_update_elem(&cilium_metrics, &key, &first, BPF_ANY);
	}
}

__shared_body int send_drop(struct __sk_buff *ctx, const struct flow *flow, int reason, __u32 line)
{
	struct packet_event *event;

	if (!flow)
		return TC_ACT_SHOT;
	if (reason < 0)
		reason = -reason;
	count_dropped(ctx, reason, flow->direction, line);
	if (enable_drop_events) {
		event = event_begin(ctx, flow, EVENT_DROP, reason);
		if (event) {
			event->header.line = line;
			bpf_ringbuf_submit(event, event_wakeup());
		}
	}
	return TC_ACT_SHOT;
}

/* `reason` may be negated, as functions return it. */
#define drop(ctx, flow, reason) send_drop(ctx, flow, reason, __LINE__)
