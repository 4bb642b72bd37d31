/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Masquerading: pods and clients outside speak with an address of the node, by ports that no socket of the node speaks by to the same peer.
 * A connection that the node opens later from such a port gets another one; the node's other connections are not in cilium_snat.
 */
#pragma once
#include "conntrack.h"
#include "rewrite.h"

#define SNAT_ATTEMPTS 128
#define SOCKET_LISTENS 10
#define SNAT_FIN_BOTH (SNAT_FIN_EGRESS | SNAT_FIN_INGRESS)
#define SNAT_RST_EITHER (SNAT_RST_EGRESS | SNAT_RST_INGRESS)

static __always_inline __u32 snat_timeout(__u8 protocol, __u16 flags)
{
	if (protocol != PROTO_TCP)
		return ct_timeout_any;
	return (flags & (SNAT_CLOSING | SNAT_CONFIRMED)) == SNAT_CONFIRMED ? ct_timeout_tcp : ct_timeout_tcp_syn;
}

static __always_inline __u16 snat_flags_after(const struct packet *p, __u16 flags, __u8 direction)
{
	__u16 reset = direction == SNAT_EGRESS ? SNAT_RST_EGRESS : SNAT_RST_INGRESS;

	if (p->protocol != PROTO_TCP || p->kind & PACKET_LATER_FRAGMENT)
		return flags;
	if ((p->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN)
		return 0;
	if (p->tcp_flags & TCP_FIN)
		flags |= direction == SNAT_EGRESS ? SNAT_FIN_EGRESS : SNAT_FIN_INGRESS;
	/* Who goes on has not reset the connection: that was somebody else, in its name. */
	flags = p->tcp_flags & TCP_RST ? flags | reset : flags & ~reset;
	flags = flags & SNAT_RST_EITHER || (flags & SNAT_FIN_BOTH) == SNAT_FIN_BOTH ? flags | SNAT_CLOSING : flags & ~SNAT_CLOSING;
	return flags | SNAT_CONFIRMED;
}

/* The entry that the other direction uses. */
static __always_inline void snat_partner(struct snat_key *partner, const struct snat_key *key, const struct snat_value *value)
{
	*partner = *key;
	partner->direction = !key->direction;
	partner->source = key->destination;
	partner->source_port = key->destination_port;
	partner->destination = value->to_address;
	partner->destination_port = value->to_port;
	if (key->direction == SNAT_INGRESS) {
		partner->source = value->to_address;
		partner->source_port = value->to_port;
		partner->destination = key->source;
		partner->destination_port = key->source_port;
	}
}

static __always_inline void snat_announce(const struct snat_key *key, __u32 created, __u32 lifetime)
{
	struct created_record *record = bpf_ringbuf_reserve(&cilium_ct_created, sizeof(*record), 0);

	if (!record) {
		count_lost(1);
		return;
	}
	record->lifetime = lifetime;
	record->kind = CREATED_SNAT;
	record->pad[0] = 0;
	record->pad[1] = 0;
	record->pad[2] = 0;
	__builtin_memcpy(&record->key, key, sizeof(*key));
	record->created = created;
	created_submit(record);
}

/* Sees to it that the partner of `value` leads back to `key` and lives as long. Returns 0, or a negative reason when another connection has
 * its place. One that expired has none, collected or not; its way out finds that when a late packet comes.
 */
__shared_body int snat_join(const struct snat_key *key, const struct snat_value *value)
{
	struct snat_value back = {}, *other;
	struct snat_key partner = {};
	__u32 now, lifetime;

	if (!key || !value)
		return -DROP_INVALID;
	snat_partner(&partner, key, value);
	back.to_address = key->direction == SNAT_EGRESS ? key->source : key->destination;
	back.to_port = key->direction == SNAT_EGRESS ? key->source_port : key->destination_port;
	now = now_seconds();
	other = bpf_map_lookup_elem(&cilium_snat, &partner);
	if (other && other->to_port == back.to_port && address_equal(&other->to_address, &back.to_address)) {
		other->flags = value->flags;
		other->lifetime = value->lifetime;
		return 0;
	}
	if (other) {
		lifetime = other->lifetime;
		/* Of several that want it one gets it. */
		if ((__s32)(lifetime - now) >= 0 || !__sync_bool_compare_and_swap(&other->lifetime, lifetime, value->lifetime))
			return -DROP_SNAT_NO_MAPPING;
		other->to_address = back.to_address;
		other->to_port = back.to_port;
		other->flags = value->flags;
		other->created = now;
		snat_announce(&partner, now, value->lifetime);
		return 0;
	}
	back.flags = value->flags;
	back.created = now;
	back.lifetime = value->lifetime;
	if (bpf_map_update_elem(&cilium_snat, &partner, &back, BPF_NOEXIST) < 0)
		return -DROP_SNAT_NO_MAPPING;
	snat_announce(&partner, back.created, back.lifetime);
	return 0;
}

/* Both entries live as long as either is used; they are written at most once a second or when the TCP state moves. That is also when an
 * evicted partner is noticed and entered again. Returns 0, or a negative reason when its place is taken.
 */
static __always_inline int snat_refresh(const struct packet *p, const struct snat_key *key, struct snat_value *value)
{
	__u16 flags = snat_flags_after(p, value->flags, key->direction);
	__u32 lifetime = now_seconds() + snat_timeout(p->protocol, flags);

	if (flags == value->flags && lifetime == value->lifetime)
		return 0;
	value->flags = flags;
	value->lifetime = lifetime;
	return snat_join(key, value);
}

/* Whether a socket of the node takes what the peer of `key` sends to the end that `value` names: a connection with that peer, or datagrams.
 * The programs run in the node's network namespace, on its side of the pods' pairs too.
 */
static __always_inline int snat_meets_socket(struct __sk_buff *ctx, const struct snat_key *key, const struct snat_value *value)
{
	struct bpf_sock_tuple ends = {};
	struct bpf_sock *socket;
	__u32 bytes = sizeof(ends.ipv6);
	int is_met;

	if (address_is_ipv4(&value->to_address)) {
		ends.ipv4.saddr = key->destination.words[3];
		ends.ipv4.daddr = value->to_address.words[3];
		ends.ipv4.sport = key->destination_port;
		ends.ipv4.dport = value->to_port;
		bytes = sizeof(ends.ipv4);
	} else {
		__builtin_memcpy(ends.ipv6.saddr, key->destination.words, 16);
		__builtin_memcpy(ends.ipv6.daddr, value->to_address.words, 16);
		ends.ipv6.sport = key->destination_port;
		ends.ipv6.dport = value->to_port;
	}
	if (key->protocol == PROTO_TCP)
		socket = bpf_sk_lookup_tcp(ctx, &ends, bytes, BPF_F_CURRENT_NETNS, 0);
	else if (key->protocol == PROTO_UDP)
		socket = bpf_sk_lookup_udp(ctx, &ends, bytes, BPF_F_CURRENT_NETNS, 0);
	else
		return 0;
	if (!socket)
		return 0;
	is_met = key->protocol == PROTO_UDP || socket->state != SOCKET_LISTENS;
	bpf_sk_release(socket);
	return is_met;
}

/* Whether what comes to the end that `value` names is for a service: that is asked first when it comes. */
static __always_inline int snat_meets_service(const struct snat_key *key, const struct snat_value *value)
{
	struct frontend_key service = { .port = value->to_port, .protocol = key->protocol };

	service.address = value->to_address;
	return enable_node_port && bpf_map_lookup_elem(&cilium_lb_frontends, &service);
}

/* Enters the way back of `value` at `port`, unless another connection, a service or a socket of the node holds it. */
__shared_body int snat_claim(struct __sk_buff *ctx, const struct snat_key *key, struct snat_value *value, __u32 port)
{
	if (!key || !value)
		return -DROP_INVALID;
	value->to_port = bpf_htons(port);
	if (snat_meets_service(key, value) || snat_meets_socket(ctx, key, value))
		return -DROP_SNAT_NO_MAPPING;
	return snat_join(key, value);
}

/* Finds a free port of `node` towards the peer and enters both directions. The old port is kept when it is free. */
__shared_body int snat_allocate(struct __sk_buff *ctx, const struct packet *p, const struct snat_key *key, const struct addr128 *node,
				struct snat_value *value)
{
	__u32 range = snat_port_max - snat_port_min + 1, port, start, i;
	int ret = -DROP_SNAT_NO_MAPPING;

	if (!p || !key || !node || !value)
		return -DROP_INVALID;
	value->to_address = *node;
	value->flags = snat_flags_after(p, 0, SNAT_EGRESS);
	value->created = now_seconds();
	value->lifetime = value->created + snat_timeout(p->protocol, value->flags);
	port = bpf_ntohs(key->source_port);
	if (port >= snat_port_min && port <= snat_port_max)
		ret = snat_claim(ctx, key, value, port);
	start = bpf_get_prandom_u32();
	for (i = 0; ret < 0 && i < SNAT_ATTEMPTS; i++)
		ret = snat_claim(ctx, key, value, snat_port_min + (start + i) % range);
	if (ret < 0)
		return ret;
	if (bpf_map_update_elem(&cilium_snat, key, value, BPF_ANY) < 0)
		return -DROP_SNAT_NO_MAPPING;
	snat_announce(key, value->created, value->lifetime);
	return 0;
}

static __always_inline void snat_key_of(struct snat_key *key, const struct packet *p, __u8 direction)
{
	key->source = p->source;
	key->destination = p->destination;
	key->source_port = p->source_port;
	key->destination_port = p->destination_port;
	key->protocol = p->protocol;
	key->direction = direction;
	key->pad = 0;
}

/* The key of the connection that an ICMP error quotes, as the other side of the quoted packet. */
__shared_body int snat_key_of_quoted(struct __sk_buff *ctx, struct snat_key *key, const struct packet *p, __u32 direction)
{
	struct packet quoted = {};
	int ret;

	if (!key || !p)
		return -DROP_INVALID;
	ret = parse_quoted(ctx, p, &quoted);
	if (ret < 0)
		return ret;
	key->source = quoted.destination;
	key->destination = quoted.source;
	key->source_port = quoted.destination_port;
	key->destination_port = quoted.source_port;
	key->protocol = quoted.protocol;
	key->direction = direction;
	key->pad = 0;
	return 0;
}

/* An ICMP error about a masqueraded connection, from the pod to the world. */
__shared_body int snat_egress_error(struct __sk_buff *ctx, struct flow *flow)
{
	struct snat_key key = {};
	struct snat_value *value;
	int ret;

	if (!flow)
		return -DROP_INVALID;
	ret = snat_key_of_quoted(ctx, &key, &flow->packet, SNAT_EGRESS);
	if (ret < 0)
		return ret;
	value = bpf_map_lookup_elem(&cilium_snat, &key);
	if (!value)
		return -DROP_SNAT_NO_MAPPING;
	flow->original_source = flow->packet.source;
	ret = rewrite_quoted(ctx, &flow->packet, REWRITE_DESTINATION, &value->to_address, value->to_port);
	if (ret < 0)
		return ret;
	return rewrite_end(ctx, &flow->packet, REWRITE_SOURCE, &value->to_address, KEEP_PORT);
}

/* Gives a packet that leaves for the world the node's address; sets flow->report when a connection begins or ends. Returns 0 or a negative reason. */
__shared_body int snat_egress(struct __sk_buff *ctx, struct flow *flow, const struct addr128 *node)
{
	struct packet *p;
	struct snat_value *value, fresh = {};
	struct snat_key key = {};
	__u64 checksum;
	__u16 flags;
	__u8 type;
	int ret;

	if (!flow || !node)
		return -DROP_INVALID;
	p = &flow->packet;
	type = bpf_ntohs(p->policy_port);
	if (l4_checksum_offset(p->protocol, &checksum) < 0)
		return -DROP_SNAT_UNSUPPORTED_PROTOCOL;
	if (p->protocol == PROTO_ICMP && type != ICMP_ECHO && type != ICMP_ECHO_REPLY)
		return -DROP_SNAT_UNSUPPORTED_PROTOCOL;
	if (p->protocol == PROTO_ICMPV6 && type != ICMPV6_ECHO && type != ICMPV6_ECHO_REPLY)
		return -DROP_SNAT_UNSUPPORTED_PROTOCOL;
	snat_key_of(&key, p, SNAT_EGRESS);
	value = bpf_map_lookup_elem(&cilium_snat, &key);
	flags = value ? value->flags : 0;
	/* An address that the node no longer has, or a way back that another connection took meanwhile, is as good as none. */
	if (!value || !address_equal(&value->to_address, node) || snat_refresh(p, &key, value) < 0) {
		ret = snat_allocate(ctx, p, &key, node, &fresh);
		if (ret < 0)
			return ret;
		value = &fresh;
		flow->report = 1;
	} else if ((value->flags ^ flags) & (SNAT_FIN_BOTH | SNAT_RST_EITHER)) {
		flow->report = 1;
	}
	if (address_equal(&value->to_address, &p->source) && value->to_port == p->source_port)
		return 0;
	flow->original_source = p->source;
	return rewrite_end(ctx, p, REWRITE_SOURCE, &value->to_address, value->to_port);
}

/* Whether the node's own packet cannot keep its port, as a pod or a client outside speaks by it to the same peer since before. That is asked
 * when a connection of TCP begins, and for each datagram: the ports that are given avoid the sockets that there are.
 */
__shared_body int snat_concerns(const struct packet *p)
{
	struct snat_key key = {};
	__u32 port;

	if (!p)
		return 0;
	port = bpf_ntohs(p->source_port);
	if ((p->protocol != PROTO_TCP && p->protocol != PROTO_UDP) || port < snat_port_min || port > snat_port_max)
		return 0;
	snat_key_of(&key, p, SNAT_EGRESS);
	if (bpf_map_lookup_elem(&cilium_snat, &key))
		return 1;
	if (p->protocol == PROTO_TCP && (p->tcp_flags & (TCP_SYN | TCP_ACK)) != TCP_SYN)
		return 0;
	key.source = p->destination;
	key.destination = p->source;
	key.source_port = p->destination_port;
	key.destination_port = p->source_port;
	key.direction = SNAT_INGRESS;
	return !!bpf_map_lookup_elem(&cilium_snat, &key);
}

/* Gives the node's own packet another port where it has to. Returns 0 or a negative reason. */
static __always_inline int snat_own(struct __sk_buff *ctx, struct flow *flow)
{
	return snat_concerns(&flow->packet) ? snat_egress(ctx, flow, &flow->packet.source) : 0;
}

/* Gives a packet that came back its old destination. Returns 1 when it did, 0 when the packet is none of ours, or a negative reason. */
__shared_body int snat_ingress(struct __sk_buff *ctx, struct flow *flow)
{
	struct packet *p;
	struct snat_value *value;
	struct snat_key key = {};
	int ret;

	if (!flow)
		return -DROP_INVALID;
	p = &flow->packet;
	if (is_icmp_error(p)) {
		if (snat_key_of_quoted(ctx, &key, p, SNAT_INGRESS) < 0)
			return 0;
	} else {
		snat_key_of(&key, p, SNAT_INGRESS);
	}
	value = bpf_map_lookup_elem(&cilium_snat, &key);
	if (!value)
		return 0;
	if (!is_icmp_error(p))
		snat_refresh(p, &key, value);      /* the way out has another port by now: this answer is still its pod's */
	if (address_equal(&value->to_address, &key.destination) && value->to_port == key.destination_port)
		return 0;
	if (is_icmp_error(p)) {
		ret = rewrite_quoted(ctx, p, REWRITE_SOURCE, &value->to_address, value->to_port);
		if (ret < 0)
			return ret;
	}
	ret = rewrite_end(ctx, p, REWRITE_DESTINATION, &value->to_address, value->to_port);
	return ret < 0 ? ret : 1;
}
