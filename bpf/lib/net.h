/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Packet headers as they are on the wire. The distribution's <linux/icmp.h> does not compile for the bpf target. */
#pragma once
#include <linux/types.h>
#include <bpf/bpf_endian.h>

#define TC_ACT_OK 0
#define TC_ACT_SHOT 2

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_ARP 0x0806
#define ETHERTYPE_IPV6 0x86DD
#define ETHERNET_BYTES 14

enum protocol_number {
	PROTO_HOPOPTS = 0,
	PROTO_ICMP = 1,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	PROTO_ROUTING = 43,
	PROTO_FRAGMENT = 44,
	PROTO_AH = 51,
	PROTO_ICMPV6 = 58,
	PROTO_DSTOPTS = 60,
	PROTO_SCTP = 132,
};

struct ethernet_header {
	__be16 destination[3];
	__be16 source[3];
	__be16 protocol;
};

struct ipv4_header {
	__u8 version_ihl;
	__u8 tos;
	__be16 total_length;
	__be16 id;
	__be16 fragment;
	__u8 ttl;
	__u8 protocol;
	__u16 checksum;
	__be32 source;
	__be32 destination;
};

#define IPV4_MORE_FRAGMENTS 0x2000
#define IPV4_FRAGMENT_OFFSET 0x1FFF

struct ipv6_header {
	__be32 version_class_flow;
	__be16 payload_length;
	__u8 next_header;
	__u8 hop_limit;
	__be32 source[4];
	__be32 destination[4];
};

struct ipv6_extension {
	__u8 next_header;
	__u8 length;
	__be16 fragment;               /* of a fragment header: offset in 8-byte units << 3, bit 0 more */
	__be32 id;
};

/* What TCP, UDP, SCTP and ICMP have in the first 16 bytes. */
struct l4_start {
	union {
		struct {
			__be16 source;
			__be16 destination;
			__be32 sequence;
			__be32 acknowledgement;
			__u8 offset;
			__u8 tcp_flags;
			__be16 window;
		};
		struct {
			__u8 icmp_type;
			__u8 icmp_code;
			__u16 icmp_checksum;
			__be16 icmp_id;
			__be16 icmp_sequence;
		};
	};
};

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

enum icmp_type {
	ICMP_ECHO_REPLY = 0,
	ICMP_UNREACHABLE = 3,
	ICMP_ECHO = 8,
	ICMP_TIME_EXCEEDED = 11,
	ICMP_PARAMETER = 12,
	ICMPV6_UNREACHABLE = 1,
	ICMPV6_TOO_BIG = 2,
	ICMPV6_PARAMETER = 4,
	ICMPV6_ECHO = 128,
	ICMPV6_ECHO_REPLY = 129,
	ICMPV6_ROUTER_SOLICIT = 133,
	ICMPV6_NEIGHBOUR_SOLICIT = 135,
	ICMPV6_NEIGHBOUR_ADVERT = 136,
};

#define ICMP_FRAGMENTATION_NEEDED 4
/* In place of a source port, for types without one: echoes have one port or the other. */
#define ICMP_OTHER_TYPE 0xFFFF
#define ICMP_PORT_UNREACHABLE 3
#define ICMPV6_PORT_UNREACHABLE 4
