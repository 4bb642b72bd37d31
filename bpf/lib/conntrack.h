/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Connection tracking: one entry per connection and node, found by one lookup from either direction (see struct ct_tuple). */
#pragma once
#include "events.h"

/* Where a packet stands in its connection. */
struct ct_view {
	struct ct_tuple tuple;
	struct ct_entry *entry;        /* null: none, or expired */
	__u32 now;
	__u32 from_high;               /* the packet's source is the high end */
};

/* What the policies of a packet's two ends said, as its connection remembers it. */
struct ct_verdicts {
	struct cached_verdict egress;
	struct cached_verdict ingress;
};

/* Coarse: a few milliseconds late, without reading the clock. */
static __always_inline __u32 now_seconds(void)
{
	return bpf_ktime_get_coarse_ns() / 1000000000ULL;
}

/* Whether (a, port a) comes after (b, port b); any order does, user space repeats this one: raw little-endian words. */
static __always_inline __u32 is_high(const struct addr128 *a, __be16 a_port, const struct addr128 *b, __be16 b_port)
{
	if (a->words[3] != b->words[3])
		return a->words[3] > b->words[3];
	if (a->words[2] != b->words[2])
		return a->words[2] > b->words[2];
	if (a->words[1] != b->words[1])
		return a->words[1] > b->words[1];
	if (a->words[0] != b->words[0])
		return a->words[0] > b->words[0];
	return a_port > b_port;
}

/* Orders the two ends of a packet into a key. Returns whether the packet comes from the high end. */
static __always_inline __u32 ct_fill(struct ct_tuple *tuple, const struct packet *p)
{
	__u32 high = is_high(&p->source, p->source_port, &p->destination, p->destination_port);

	tuple->low_address = high ? p->destination : p->source;
	tuple->high_address = high ? p->source : p->destination;
	tuple->low_port = high ? p->destination_port : p->source_port;
	tuple->high_port = high ? p->source_port : p->destination_port;
	tuple->protocol = p->protocol;
	tuple->flags = 0;
	tuple->pad = 0;
	return high;
}

/* The packet that an ICMP error quotes. Its sender must be the one the error is sent to. One buffer, as the stack is short. */
static __always_inline int parse_quoted(struct __sk_buff *ctx, const struct packet *p, struct packet *quoted)
{
	__u32 offset = p->l4_offset + 8;
	union {
		struct ipv4_header ip4;
		struct ipv6_header ip6;
		struct l4_start l4;
	} at;

	if (is_ipv6(p)) {
		if (bpf_skb_load_bytes(ctx, offset, &at.ip6, sizeof(at.ip6)) < 0)
			return -DROP_CT_INVALID_HEADER;
		address_from_ipv6(&quoted->source, at.ip6.source);
		address_from_ipv6(&quoted->destination, at.ip6.destination);
		quoted->kind = PACKET_IPV6;
		quoted->protocol = at.ip6.next_header;
		quoted->l4_offset = offset + sizeof(at.ip6);
	} else {
		if (bpf_skb_load_bytes(ctx, offset, &at.ip4, sizeof(at.ip4)) < 0)
			return -DROP_CT_INVALID_HEADER;
		address_from_ipv4(&quoted->source, at.ip4.source);
		address_from_ipv4(&quoted->destination, at.ip4.destination);
		quoted->protocol = at.ip4.protocol;
		quoted->l4_offset = offset + (at.ip4.version_ihl & 0xF) * 4;
	}
	if (!address_equal(&quoted->source, &p->destination))
		return -DROP_INVALID;
	if (bpf_skb_load_bytes(ctx, quoted->l4_offset, &at.l4, 8) < 0)
		return -DROP_CT_INVALID_HEADER;
	if (quoted->protocol == PROTO_TCP || quoted->protocol == PROTO_UDP || quoted->protocol == PROTO_SCTP) {
		quoted->source_port = at.l4.source;
		quoted->destination_port = at.l4.destination;
	} else if (quoted->protocol == (is_ipv6(p) ? PROTO_ICMPV6 : PROTO_ICMP)) {
		if (at.l4.icmp_type == (is_ipv6(p) ? ICMPV6_ECHO : ICMP_ECHO))
			quoted->source_port = at.l4.icmp_id;
		else if (at.l4.icmp_type == (is_ipv6(p) ? ICMPV6_ECHO_REPLY : ICMP_ECHO_REPLY))
			quoted->destination_port = at.l4.icmp_id;
		else
			return -DROP_CT_UNKNOWN_PROTOCOL;
	} else {
		return -DROP_CT_UNKNOWN_PROTOCOL;
	}
	return 0;
}

/* The key of the connection that an ICMP error is about; left as it was, zero, when it quotes nothing we could track. A pod may only quote
 * what was sent to it, since it could make up the rest; routers may speak about any connection.
 */
__shared_body int ct_fill_quoted(struct __sk_buff *ctx, const struct packet *p, struct ct_tuple *tuple)
{
	struct packet quoted = {};

	if (!p || !tuple)
		return 0;
	if (parse_quoted(ctx, p, &quoted) < 0 || (p->kind & PACKET_FROM_POD && !address_equal(&quoted.destination, &p->source)))
		return 0;
	ct_fill(tuple, &quoted);
	return 0;
}

static __always_inline int ct_is_closing(const struct ct_entry *entry)
{
	__u8 either = entry->forward_tcp_flags | entry->reverse_tcp_flags;

	return (entry->forward_tcp_flags & entry->reverse_tcp_flags & TCP_FIN) || either & TCP_RST;
}

static __always_inline int ct_is_forward(const struct ct_view *view)
{
	return !!(view->entry->flags & CT_FROM_HIGH) == view->from_high;
}

static __always_inline __u32 ct_timeout(__u8 protocol, __u8 forward_tcp_flags, int closing)
{
	if (protocol != PROTO_TCP)
		return ct_timeout_any;
	if (closing)
		return ct_timeout_tcp_closing;
	return forward_tcp_flags & (__u8)~TCP_SYN ? ct_timeout_tcp : ct_timeout_tcp_syn;
}

/* Whether a SYN opens a new connection in place of a known one: of one that closes, or from the end that did not open it and must
 * not pass as its reply.
 */
static __always_inline int ct_is_superseded(const struct ct_entry *entry, int forward)
{
	return ct_is_closing(entry) || (entry->forward_tcp_flags | entry->reverse_tcp_flags) & TCP_FIN ||
	       (!forward && entry->forward_tcp_flags & TCP_ACK);
}

/* Finds the connection of flow->packet, sets flow->reason and flow->report. */
static __always_inline void ct_find(struct __sk_buff *ctx, struct flow *flow, struct ct_view *view)
{
	const struct packet *p = &flow->packet;
	struct ct_entry *entry;
	int forward;

	view->now = now_seconds();
	if (is_icmp_error(p)) {
		__builtin_memset(&view->tuple, 0, sizeof(view->tuple));
		view->from_high = 0;
		ct_fill_quoted(ctx, p, &view->tuple);
	} else {
		view->from_high = ct_fill(&view->tuple, p);
	}
	entry = bpf_map_lookup_elem(&cilium_ct, &view->tuple);
	view->entry = 0;
	flow->reason = REASON_NEW;
	flow->report = 1;
	if (!entry || (__s32)(entry->lifetime - view->now) < 0)
		return;
	if (is_icmp_error(p)) {
		view->entry = entry;
		flow->reason = REASON_RELATED;
		return;
	}
	view->entry = entry;
	forward = ct_is_forward(view);
	if (p->protocol == PROTO_TCP && (p->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN && ct_is_superseded(entry, forward)) {
		view->entry = 0;
		return;
	}
	flow->reason = forward ? REASON_ESTABLISHED : REASON_REPLY;
}

/* Records that a packet passed: counters, TCP state, lifetime, and whether it is worth a trace event. Not for related errors.
 * The counters are plain: a direction of a connection stays on one CPU at a time.
 */
static __always_inline void ct_touch(struct __sk_buff *ctx, struct flow *flow, struct ct_view *view)
{
	const struct packet *p = &flow->packet;
	struct ct_entry *entry = view->entry;
	__u8 *seen, flags = p->tcp_flags & (TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK);
	__u32 *last, lifetime;
	int closing = 0;

	if (!entry || flow->reason == REASON_RELATED)
		return;
	flow->report = 0;
	if (flow->reason == REASON_REPLY) {
		seen = &entry->reverse_tcp_flags;
		last = &entry->last_reverse_report;
		entry->reverse_packets++;
		entry->reverse_bytes += ctx->len;
	} else {
		seen = &entry->forward_tcp_flags;
		last = &entry->last_forward_report;
		entry->forward_packets++;
		entry->forward_bytes += ctx->len;
	}
	if (p->protocol == PROTO_TCP) {
		/* Who goes on has not reset the connection: that was somebody else, in its name. */
		if (*seen & TCP_RST && !(flags & TCP_RST))
			*seen &= ~TCP_RST;
		closing = ct_is_closing(entry);
		if (flags & ~*seen) {
			if (flags & ~*seen & monitor_tcp_flags)
				flow->report = 1;
			*seen |= flags;
			if (!closing && ct_is_closing(entry)) {
				entry->lifetime = view->now + ct_timeout_tcp_closing;
				closing = 1;
			}
		}
	}
	if (!closing) {
		lifetime = view->now + ct_timeout(p->protocol, entry->forward_tcp_flags, 0);
		if (entry->lifetime != lifetime)
			entry->lifetime = lifetime;
	}
	if (flow->report || *last + monitor_interval <= view->now) {
		*last = view->now;
		flow->report = 1;
	}
}

static __always_inline void created_submit(struct created_record *record)
{
	bpf_ringbuf_submit(record, ring_wakeup(&cilium_ct_created, created_wakeup_bytes, sizeof(*record)));
}

static __always_inline void ct_announce(const struct ct_tuple *tuple, __u32 created, __u32 lifetime)
{
	struct created_record *record = bpf_ringbuf_reserve(&cilium_ct_created, sizeof(*record), 0);

	if (!record) {
		count_lost(1);
		return;
	}
	record->lifetime = lifetime;
	record->kind = CREATED_CT;
	record->pad[0] = 0;
	record->pad[1] = 0;
	record->pad[2] = 0;
	record->key = *tuple;
	record->created = created;
	created_submit(record);
}

static __always_inline __u32 ct_service_timeout(__u8 protocol, __u8 seen, int closing)
{
	if (protocol != PROTO_TCP)
		return ct_timeout_service_any;
	if (seen & TCP_RST || closing)
		return ct_timeout_tcp_closing;
	return seen & TCP_ACK ? ct_timeout_service_tcp : ct_timeout_tcp_syn;
}

__shared_body int ct_insert(struct __sk_buff *ctx, const struct flow *flow, const struct ct_tuple *tuple,
			    const struct ct_verdicts *verdicts, __u32 flags)
{
	__u32 zero = 0, now = now_seconds();
	struct ct_entry *entry = bpf_map_lookup_elem(&cilium_ct_scratch, &zero);
	const struct ct_entry *former;
	int is_announced;
	__u8 seen;

	if (!flow || !tuple || !entry)
		return -DROP_INVALID;
	__builtin_memset(entry, 0, sizeof(*entry));
	seen = flow->packet.tcp_flags & (TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK);
	entry->forward_tcp_flags = seen;
	/* Whatever a first packet of TCP says, a second has to come. */
	if (flow->packet.protocol == PROTO_TCP)
		entry->lifetime = now + ct_timeout_tcp_syn;
	else
		entry->lifetime = now + (tuple->flags & CT_TUPLE_SERVICE ? ct_timeout_service_any : ct_timeout_any);
	entry->flags = flags;
	entry->last_forward_report = now;
	entry->source_identity = flow->source_identity;
	entry->destination_identity = flow->destination_identity;
	if (verdicts) {
		entry->egress = verdicts->egress;
		entry->ingress = verdicts->ingress;
	}
	entry->service_id = flow->service_id;
	entry->backend_id = flow->backend_id;
	entry->source_endpoint = flow->direction == METRIC_EGRESS ? flow->endpoint : 0;
	entry->destination_endpoint = flow->destination_endpoint;
	entry->created = now;
	entry->forward_packets = 1;
	entry->forward_bytes = ctx->len;
	if (bpf_map_update_elem(&cilium_ct, tuple, entry, BPF_NOEXIST) < 0) {
		former = bpf_map_lookup_elem(&cilium_ct, tuple);
		is_announced = former && former->created == now;
		if (bpf_map_update_elem(&cilium_ct, tuple, entry, BPF_ANY) < 0)
			return -DROP_CT_CREATE_FAILED;
		/* What is filed for an entry of this second is for its successor too. */
		if (is_announced)
			return 0;
	}
	ct_announce(tuple, now, entry->lifetime);
	return 0;
}

/* Makes the entry of a new connection, whose opener sent flow->packet; `verdicts` 0: no policy was asked. Returns 0 or a negative reason. */
static __always_inline int ct_create(struct __sk_buff *ctx, const struct flow *flow, const struct ct_view *view,
				     const struct ct_verdicts *verdicts, __u16 flags)
{
	return ct_insert(ctx, flow, &view->tuple, verdicts, flags | (view->from_high ? CT_FROM_HIGH : 0));
}

/* The identities of an established connection as they are now: verdicts given for others are void. */
static __always_inline void ct_refresh_identities(const struct flow *flow, struct ct_entry *entry)
{
	if (!entry || flow->reason != REASON_ESTABLISHED)
		return;
	if (entry->source_identity == flow->source_identity && entry->destination_identity == flow->destination_identity)
		return;
	entry->egress.stamp = 0;
	entry->ingress.stamp = 0;
	entry->source_identity = flow->source_identity;
	entry->destination_identity = flow->destination_identity;
}

/* The service by which the opener speaks to its peer: it may reach the same backend by another one now, or by itself. */
static __always_inline void ct_refresh_service(const struct flow *flow, struct ct_entry *entry)
{
	if (entry && flow->reason == REASON_ESTABLISHED && entry->service_id != flow->service_id)
		entry->service_id = flow->service_id;
}
