/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Every layout that user space shares. Addresses are 128 bits in network order, IPv4 as ::ffff:a.b.c.d; `__be16` is network
 * order, all else host order. Padding is named so that keys compare as a whole.
 */
#pragma once
#include <linux/types.h>

#define ASSERT_SIZE(type, bytes) _Static_assert(sizeof(struct type) == (bytes), #type " changed its size")

struct addr128 {
	union {
		__u8 bytes[16];
		__be32 words[4];
	};
};
ASSERT_SIZE(addr128, 16);

struct mac_addr {
	__be16 parts[3];
};
ASSERT_SIZE(mac_addr, 6);

/* A local endpoint: value of cilium_devices (by ifindex) and cilium_lxc (by address). */
enum endpoint_flags {
	ENDPOINT_PRESENT = 1,
	ENDPOINT_HOST = 2,             /* an address of this node itself: delivered to the stack */
	ENDPOINT_INGRESS_ENFORCED = 4,
	ENDPOINT_EGRESS_ENFORCED = 8,
	ENDPOINT_POLICY_AUDIT = 16,    /* denied packets pass, the verdict event says audited */
	ENDPOINT_NO_SOURCE_CHECK = 32,
	ENDPOINT_SKIP_MASQUERADE_IPV4 = 64, /* reaches the world with its own address */
	ENDPOINT_SKIP_MASQUERADE_IPV6 = 128,
};

struct endpoint_row {
	__u32 identity;
	__u16 endpoint_id;
	__u16 flags;                   /* enum endpoint_flags */
	__u32 policy_id;               /* index into cilium_policy and cilium_policy_stamp */
	__u32 ifindex;                 /* host side of the pod's pair */
	struct mac_addr container_mac;
	struct mac_addr host_mac;      /* of the host-side device; the gateway's address seen by the pod */
	__u32 pad;
	struct addr128 ipv4;           /* zero: none */
	struct addr128 ipv6;
};
ASSERT_SIZE(endpoint_row, 64);

struct device_addresses {
	struct addr128 ipv4;           /* zero: none */
	struct addr128 ipv6;
};
ASSERT_SIZE(device_addresses, 32);

struct ipcache_key {
	__u32 prefix_length;           /* of the 128 bits: an IPv4 /n is 96+n */
	struct addr128 address;
};
ASSERT_SIZE(ipcache_key, 20);

enum ipcache_flags {
	IPCACHE_SKIP_TUNNEL = 1,
};

struct ipcache_value {
	__u32 identity;
	__u32 flags;
	struct addr128 tunnel_endpoint; /* zero: none */
};
ASSERT_SIZE(ipcache_value, 24);

enum policy_direction {
	POLICY_INGRESS = 0,
	POLICY_EGRESS = 1,
};

struct policy_key {
	__u32 prefix_length;           /* 40 identity only, 48 with protocol, 49..64 with port bits */
	__u32 identity;                /* 0: any */
	__u8 direction;                /* enum policy_direction */
	__u8 protocol;
	__be16 port;                   /* destination port, or the ICMP type */
};
ASSERT_SIZE(policy_key, 12);

enum policy_flags {
	POLICY_DENY = 1,
};

struct policy_value {
	__u8 flags;
	__u8 prefix_length;            /* of its own key: tells the match type */
	__be16 proxy_port;             /* 0: no redirection */
	__u8 auth_type;
	__u8 pad[3];
	__u32 counter;                 /* index into cilium_policy_stats; 0: not counted */
};
ASSERT_SIZE(policy_value, 12);

/* An allowing verdict as a connection remembers it. */
struct cached_verdict {
	__u32 stamp;                   /* of cilium_policy_stamp when it was given; 0: none */
	__u32 counter;                 /* of the entry that allowed */
};
ASSERT_SIZE(cached_verdict, 8);

/* One entry per connection and node. The two ends are ordered (low, high) so that both directions find it with one lookup. */
enum ct_tuple_flags {
	CT_TUPLE_SERVICE = 4,          /* remembers the backend of a per-packet translated service */
};

struct ct_tuple {
	struct addr128 low_address;
	struct addr128 high_address;
	__be16 low_port;
	__be16 high_port;
	__u8 protocol;
	__u8 flags;
	__u16 pad;
};
ASSERT_SIZE(ct_tuple, 40);

enum ct_flags {
	CT_FROM_HIGH = 1,              /* the high end opened the connection */
	CT_LOOPBACK = 16,              /* pod reaches itself through a service; source was replaced by the loopback address */
	CT_FROM_TUNNEL = 32,
};

struct ct_entry {
	__u32 lifetime;                /* expires at this second of CLOCK_MONOTONIC */
	__u16 flags;
	__u8 forward_tcp_flags;        /* SYN, FIN, RST and others seen from the opener */
	__u8 reverse_tcp_flags;
	__u32 last_forward_report;     /* second of the last trace event */
	__u32 last_reverse_report;
	__u32 source_identity;         /* of the opener */
	__u32 destination_identity;
	struct cached_verdict egress;  /* of the opener's egress policy */
	struct cached_verdict ingress; /* of the ingress policy of the other end */
	__u32 service_id;              /* replies are translated back to this service; 0: none */
	__u32 backend_id;
	__u16 source_endpoint;
	__u16 destination_endpoint;
	__u32 created;                 /* second of CLOCK_MONOTONIC */
	__u64 forward_packets;         /* from the opener; like all counters, of what arrived here, dropped by policy or not */
	__u64 forward_bytes;
	__u64 reverse_packets;
	__u64 reverse_bytes;
};
ASSERT_SIZE(ct_entry, 88);

enum created_kind {
	CREATED_CT = 0,
	CREATED_SNAT = 1,
};

/* A record of cilium_ct_created. */
struct created_record {
	__u32 lifetime;
	__u8 kind;                     /* enum created_kind */
	__u8 pad[3];
	struct ct_tuple key;           /* or a struct snat_key of the same size */
	__u32 created;                 /* as the entry says: what is filed for an earlier one of the same key is void */
};
ASSERT_SIZE(created_record, 52);

#include "service_types.h"

enum snat_direction {
	SNAT_EGRESS = 0,               /* key as sent by the pod: gives the new source */
	SNAT_INGRESS = 1,              /* key as received from the world: gives the old source */
};

struct snat_key {
	struct addr128 source;
	struct addr128 destination;
	__be16 source_port;
	__be16 destination_port;
	__u8 protocol;
	__u8 direction;
	__u16 pad;
};
ASSERT_SIZE(snat_key, 40);

enum snat_flags {
	SNAT_CLOSING = 1,              /* RST was seen, or FIN from both ends */
	SNAT_CONFIRMED = 2,            /* more than a SYN was seen */
	SNAT_FIN_EGRESS = 4,           /* FIN was seen on its way out */
	SNAT_FIN_INGRESS = 8,
	SNAT_RST_EGRESS = 16,          /* RST was the last that was seen on its way out */
	SNAT_RST_INGRESS = 32,
};

struct snat_value {
	struct addr128 to_address;
	__be16 to_port;
	__u16 flags;                   /* enum snat_flags */
	__u32 lifetime;                /* second of CLOCK_MONOTONIC */
	__u32 created;
	__u32 pad2;
};
ASSERT_SIZE(snat_value, 32);

struct fragment_key {
	struct addr128 source;
	struct addr128 destination;
	__u32 id;                      /* as on the wire */
	__u8 protocol;
	__u8 pad[3];
};
ASSERT_SIZE(fragment_key, 40);

struct fragment_value {
	__be16 source_port;
	__be16 destination_port;
};
ASSERT_SIZE(fragment_value, 4);

enum metric_direction {
	METRIC_INGRESS = 1,
	METRIC_EGRESS = 2,
	METRIC_SERVICE = 3,
};

struct metrics_key {
	__u8 reason;                   /* enum drop_reason */
	__u8 direction;                /* enum metric_direction */
	__u16 line;
	__u8 file;                     /* enum source_file */
	__u8 pad[3];
};
ASSERT_SIZE(metrics_key, 8);

struct metrics_value {
	__u64 count;
	__u64 bytes;
};
ASSERT_SIZE(metrics_value, 16);

enum event_type {
	EVENT_DROP = 1,
	EVENT_TRACE = 4,
	EVENT_POLICY_VERDICT = 5,
	EVENT_TRACE_SOCK = 7,
};

enum trace_point {
	TRACE_TO_ENDPOINT = 0,
	TRACE_TO_PROXY = 1,
	TRACE_TO_HOST = 2,
	TRACE_TO_STACK = 3,
	TRACE_TO_OVERLAY = 4,
	TRACE_FROM_ENDPOINT = 5,
	TRACE_FROM_PROXY = 6,
	TRACE_FROM_HOST = 7,
	TRACE_FROM_STACK = 8,
	TRACE_FROM_OVERLAY = 9,
	TRACE_FROM_NETWORK = 10,
	TRACE_TO_NETWORK = 11,
};

enum trace_reason {
	REASON_NEW = 0,
	REASON_ESTABLISHED = 1,
	REASON_REPLY = 2,
	REASON_RELATED = 3,
	REASON_UNKNOWN = 5,
};

enum match_type {
	MATCH_NONE = 0,
	MATCH_L3_ONLY = 1,
	MATCH_L3_L4 = 2,
	MATCH_L4_ONLY = 3,
	MATCH_ALL = 4,
	MATCH_L3_PROTO = 5,
	MATCH_PROTO_ONLY = 6,
};

enum packet_event_flags {
	EVENT_IPV6 = 1,
};

/* Drop, trace and policy-verdict events. */
struct packet_event_header {
	__u8 type;                     /* enum event_type */
	__u8 subtype;                  /* drop: enum drop_reason; trace: enum trace_point; verdict: 0 */
	__u16 source_endpoint;         /* endpoint at which the event was made, or 0 */
	__u32 hash;
	__u64 timestamp_ns;            /* CLOCK_MONOTONIC */
	__u32 packet_length;
	__u16 captured_length;
	__u8 version;
	__u8 flags;                    /* enum packet_event_flags */
	__u32 source_identity;
	__u32 destination_identity;
	__u32 destination_endpoint;
	__u32 ifindex;                 /* device the packet is sent to, or 0 */
	__s32 verdict;                 /* policy verdict: 0 allow, >0 proxy port, <0 minus drop reason */
	__u16 destination_port;        /* policy verdict, host order */
	__u8 protocol;                 /* policy verdict */
	__u8 policy_flags;             /* bits 0-1 direction (1 ingress, 2 egress), 2 ipv6, 3-5 match type, 6 audited */
	__u8 auth_type;
	__u8 trace_reason;             /* enum trace_reason */
	__u8 direction;                /* enum metric_direction */
	__u8 file;                     /* drop: enum source_file */
	__u16 line;                    /* drop */
	__s8 ext_error;                /* drop */
	__u8 pad;
	struct addr128 original_address; /* source before translation, or zero */
};
ASSERT_SIZE(packet_event_header, 72);

#define CAPTURE_BYTES 128

struct packet_event {
	struct packet_event_header header;
	__u8 data[CAPTURE_BYTES];      /* captured_length bytes from the Ethernet header on, then leftovers */
};
ASSERT_SIZE(packet_event, 200);

enum socket_trace_point {
	SOCKET_PRE_FORWARD = 1,
	SOCKET_POST_FORWARD = 2,
	SOCKET_PRE_REVERSE = 3,
	SOCKET_POST_REVERSE = 4,
};

struct socket_event {
	__u8 type;                     /* EVENT_TRACE_SOCK */
	__u8 point;                    /* enum socket_trace_point */
	__u8 protocol;                 /* 1 TCP, 2 UDP */
	__u8 flags;                    /* enum packet_event_flags */
	__u16 destination_port;        /* host order */
	__u16 pad;
	__u64 timestamp_ns;
	__u64 socket_cookie;
	__u64 cgroup_id;
	__u64 netns_cookie;            /* of the socket's network namespace: names the pod */
	struct addr128 destination;
};
ASSERT_SIZE(socket_event, 56);
