/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the service maps hold, shared with C#. Part of types.h, which includes it. */
#pragma once

#define SOCKET_SLOTS 65536

struct frontend_key {
	struct addr128 address;
	__be16 port;
	__u8 protocol;
	__u8 scope;                    /* 0 external, 1 internal */
};
ASSERT_SIZE(frontend_key, 20);

enum frontend_flags {
	FRONTEND_EXTERNAL_IP = 1,
	FRONTEND_NODE_PORT = 2,
	FRONTEND_EXTERNAL_LOCAL = 4,   /* clients outside the cluster reach the backends of this node only */
	FRONTEND_AFFINITY = 16,        /* a client keeps its backend */
	FRONTEND_LOAD_BALANCER = 32,
	FRONTEND_ROUTABLE = 64,        /* traffic from outside the cluster is taken */
	FRONTEND_SOURCE_RANGE = 128,   /* from outside only sources in cilium_lb_source_ranges are taken */
};

struct frontend_value {
	__u32 service_id;              /* also the reverse translation id */
	__u16 count;                   /* slots first..first+count-1 */
	__u16 flags;                   /* enum frontend_flags; upstream's flags, second byte above */
	__u16 first;                   /* those before it are for clients outside only */
	__u16 local_count;             /* slots 0..local_count-1 are on this node */
	__u32 affinity_seconds;        /* how long a client keeps its backend after its last connection */
};
ASSERT_SIZE(frontend_value, 16);

struct source_range_key {
	__u32 prefix_length;           /* 32 bits of the id, then of the address */
	__u32 service_id;
	struct addr128 address;
};
ASSERT_SIZE(source_range_key, 24);

/* A client of a service: a source address, or the cookie of a network namespace in the first 8 bytes. */
struct affinity_key {
	struct addr128 client;
	__u32 service_id;
	__u32 is_socket;
};
ASSERT_SIZE(affinity_key, 24);

struct affinity_value {
	__u32 backend_id;
	__u32 last_used;               /* second of CLOCK_MONOTONIC */
};
ASSERT_SIZE(affinity_value, 8);

/* Who may keep a backend: those whom the slots give it. */
enum affinity_clients {
	AFFINITY_ALL = 1,
	AFFINITY_INSIDE = 2,           /* pods and processes */
	AFFINITY_OUTSIDE = 3,          /* clients outside the cluster */
};

/* A backend that clients of a service may keep. */
struct affinity_member {
	__u32 service_id;
	__u32 backend_id;
};
ASSERT_SIZE(affinity_member, 8);

struct slot_key {
	__u32 service_id;
	__u32 slot;
};
ASSERT_SIZE(slot_key, 8);

struct slot_value {
	__u32 backend_id;
	struct addr128 address;
	__be16 port;
	__u8 protocol;
	__u8 flags;
};
ASSERT_SIZE(slot_value, 24);

struct backend_value {
	struct addr128 address;
	__be16 port;
	__u8 protocol;
	__u8 state;                    /* 0 active, 1 terminating, 2 quarantined, 3 maintenance */
};
ASSERT_SIZE(backend_value, 20);

struct revnat_value {
	struct addr128 address;
	__be16 port;
	__u16 pad;
};
ASSERT_SIZE(revnat_value, 20);

struct socket_revnat_key {
	__u64 cookie;
	struct addr128 address;        /* of the backend */
	__be16 port;
	__u16 pad;
	__u32 pad2;
};
ASSERT_SIZE(socket_revnat_key, 32);

struct socket_revnat_value {
	struct addr128 address;        /* of the service */
	__be16 port;
	__u16 pad;
	__u32 service_id;
};
ASSERT_SIZE(socket_revnat_value, 24);

struct socket_service {
	struct addr128 backend;        /* that the socket was connected to */
	__be16 backend_port;
	__be16 port;                   /* of the service */
	__u32 service_id;
	struct addr128 address;        /* of the service */
};
ASSERT_SIZE(socket_service, 40);

struct socket_slot {
	__u64 cookie;                  /* of the socket, 0: of none */
	struct socket_service service;
};
ASSERT_SIZE(socket_slot, 48);
