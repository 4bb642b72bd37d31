/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Policy of a local endpoint. Any deny wins, then any allow; the entry of the peer's identity is preferred to the wildcard's. */
#pragma once
#include "events.h"
#include "conntrack.h"

static __always_inline __u32 match_of(const struct policy_value *value, int wildcard)
{
	if (value->prefix_length > 48)
		return wildcard ? MATCH_L4_ONLY : MATCH_L3_L4;
	if (value->prefix_length > 40)
		return wildcard ? MATCH_PROTO_ONLY : MATCH_L3_PROTO;
	return wildcard ? MATCH_ALL : MATCH_L3_ONLY;
}

/* What decided. */
struct policy_match {
	__u32 type;                    /* enum match_type */
	__u32 counter;
};

static __always_inline void policy_count(struct __sk_buff *ctx, __u32 counter)
{
	struct metrics_value *value;
	__u32 index;

	if (!counter)
		return;
	index = bpf_get_smp_processor_id() * POLICY_COUNTERS + counter;
	value = bpf_map_lookup_elem(&cilium_policy_stats, &index);
	if (value) {
		value->count++;
		value->bytes += ctx->len;
	}
}

static __always_inline void policy_matched(struct policy_match *match, const struct policy_value *value, int wildcard)
{
	match->type = match_of(value, wildcard);
	match->counter = value->counter;
}

/* Returns 0 or a negative reason. */
static __always_inline int policy_lookup(__u32 policy_id, __u32 peer, __u8 direction, const struct packet *p, struct policy_match *match)
{
	struct policy_key key = { 64, peer, direction, p->protocol, p->policy_port };
	const struct policy_value *exact, *any;
	void *inner = bpf_map_lookup_elem(&cilium_policy, &policy_id);

	match->type = MATCH_NONE;
	match->counter = 0;
	if (!inner)
		return -DROP_NO_ENDPOINT_POLICY;
	exact = bpf_map_lookup_elem(inner, &key);
	if (exact && exact->flags & POLICY_DENY) {
		policy_matched(match, exact, 0);
		return -DROP_POLICY_DENY;
	}
	key.identity = 0;
	any = bpf_map_lookup_elem(inner, &key);
	if (any && any->flags & POLICY_DENY) {
		policy_matched(match, any, 1);
		return -DROP_POLICY_DENY;
	}
	if (exact)
		policy_matched(match, exact, 0);
	else if (any)
		policy_matched(match, any, 1);
	else
		return -DROP_POLICY;
	return 0;
}

/* Returns the counter of the entry that allowed, or a negative reason. */
__shared_body int policy_evaluate(struct __sk_buff *ctx, const struct flow *flow, const struct endpoint_row *row, __u32 direction)
{
	__u32 peer, detail, audited = 0;
	struct policy_match match;
	int verdict;

	if (!flow || !row)
		return -DROP_INVALID;
	peer = direction == POLICY_INGRESS ? flow->source_identity : flow->destination_identity;
	verdict = policy_lookup(row->policy_id, peer, direction, &flow->packet, &match);
	policy_count(ctx, match.counter);
	if (verdict < 0 && row->flags & ENDPOINT_POLICY_AUDIT)
		audited = 1;
	detail = match.type | audited << 8 | (direction == POLICY_INGRESS ? METRIC_INGRESS : METRIC_EGRESS) << 16;
	if (enable_verdict_events && (verdict < 0 || flow->reason == REASON_NEW))
		send_verdict(ctx, flow, verdict, detail);
	return verdict < 0 && !audited ? verdict : (int)match.counter;
}

static __always_inline __u32 policy_stamp(__u32 policy_id)
{
	const __u32 *stamp = bpf_map_lookup_elem(&cilium_policy_stamp, &policy_id);

	return stamp ? *stamp : 0;
}

/* Decides whether `flow` may pass `row`'s policy. The verdict is kept in the connection's entry under the policy's stamp and the
 * identities it was made for; replies, errors that ct_find knows as related, and "fragmentation needed" need none.
 */
static __always_inline int policy_check(struct __sk_buff *ctx, struct flow *flow, const struct endpoint_row *row,
					struct ct_entry *entry, __u32 direction, struct cached_verdict *verdict)
{
	const struct cached_verdict *seen;
	__u32 now;
	int ret;

	verdict->stamp = 0;
	verdict->counter = 0;
	if (!(row->flags & (direction == POLICY_INGRESS ? ENDPOINT_INGRESS_ENFORCED : ENDPOINT_EGRESS_ENFORCED)))
		return 0;
	if (flow->reason != REASON_NEW && flow->reason != REASON_ESTABLISHED)
		return 0;
	if (flow->packet.kind & (PACKET_FRAGMENT_NEEDED | PACKET_LOOPBACK))
		return 0;
	now = policy_stamp(row->policy_id);
	if (entry && flow->reason == REASON_ESTABLISHED) {
		seen = direction == POLICY_INGRESS ? &entry->ingress : &entry->egress;
		if (now != 0 && seen->stamp == now && entry->source_identity == flow->source_identity &&
		    entry->destination_identity == flow->destination_identity) {
			policy_count(ctx, seen->counter);
			return 0;
		}
	}
	ret = policy_evaluate(ctx, flow, row, direction);
	if (ret < 0)
		return ret;
	verdict->stamp = now;
	verdict->counter = ret;
	return 0;
}
