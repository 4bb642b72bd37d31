// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* Services at the socket: a process connects straight to a backend and believes to speak to the service. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "lib/address.h"
#include "lib/backend.h"
#include "lib/config.h"
#include "lib/frontend.h"
#include "lib/lost.h"
#include "lib/socket_peer.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define PROCEED 1
#define REJECT 0
#define NO_ROUTE_TO_HOST 113
#define NO_MEMORY 12

static __always_inline void trace_socket(struct bpf_sock_addr *ctx, __u8 point, const struct addr128 *address, __be16 port)
{
	struct socket_event *event;

	if (!enable_socket_events)
		return;
	event = bpf_ringbuf_reserve(&cilium_events, sizeof(*event), 0);
	if (!event) {
		count_lost(0);
		return;
	}
	event->type = EVENT_TRACE_SOCK;
	event->point = point;
	event->protocol = ctx->protocol == PROTO_TCP ? 1 : 2;
	event->flags = address->words[2] == MAPPED_WORD && (address->words[0] | address->words[1]) == 0 ? 0 : EVENT_IPV6;
	event->destination_port = bpf_ntohs(port);
	event->pad = 0;
	event->timestamp_ns = bpf_ktime_get_ns();
	event->socket_cookie = bpf_get_socket_cookie(ctx);
	event->cgroup_id = bpf_get_current_cgroup_id();
	event->netns_cookie = bpf_get_netns_cookie(ctx);
	event->destination = *address;
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
}

static __always_inline int refuse(int error)
{
	if (enable_set_retval)
		bpf_set_retval(-error);
	return REJECT;
}

/* So that the socket's peer can be named as the service. Returns whether there was memory for it. */
static __always_inline int remember(struct bpf_sock_addr *ctx, const struct addr128 *address, __be16 port, __u32 service_id, const struct backend_value *backend)
{
	__u64 cookie = bpf_get_socket_cookie(ctx);

	if (ctx->protocol == PROTO_TCP && ctx->sk) {
		struct socket_service service = {
			.backend = backend->address, .backend_port = backend->port, .port = port, .service_id = service_id, .address = *address,
		};

		socket_peer_remember(ctx->sk, cookie, &service);
		return 1;
	}
	struct socket_revnat_value service = { .address = *address, .port = port, .service_id = service_id };
	struct socket_revnat_key socket = { .cookie = cookie, .address = backend->address, .port = backend->port };

	return bpf_map_update_elem(&cilium_lb_sk_rev, &socket, &service, BPF_ANY) == 0;
}

/* Replaces a service by one of its backends. Returns 1 when it did, 0 when it is no service, or a negative errno. */
static __always_inline int translate(struct bpf_sock_addr *ctx, struct addr128 *address, __be16 *port)
{
	struct frontend_key key = { .port = *port, .protocol = ctx->protocol };
	const struct frontend_value *frontend;
	const struct backend_value *backend;
	struct addr128 client = {};
	__u64 cookie;
	__u32 id;

	if (!enable_socket_lb || (ctx->protocol != PROTO_TCP && ctx->protocol != PROTO_UDP))
		return 0;
	key.address = *address;
	frontend = bpf_map_lookup_elem(&cilium_lb_frontends, &key);
	if (!frontend || is_foreign_address(frontend, address))
		return 0;
	trace_socket(ctx, SOCKET_PRE_FORWARD, address, *port);
	if (frontend->flags & FRONTEND_AFFINITY) {
		cookie = bpf_get_netns_cookie(ctx);
		client.words[0] = (__u32)cookie;
		client.words[1] = cookie >> 32;
	}
	id = backend_choose(frontend, &client, CLIENT_SOCKET, bpf_ktime_get_coarse_ns() / 1000000000ULL);
	backend = id ? bpf_map_lookup_elem(&cilium_lb_backends, &id) : 0;
	if (!backend)
		return -NO_ROUTE_TO_HOST;
	if (!remember(ctx, address, *port, frontend->service_id, backend))
		return -NO_MEMORY;
	*address = backend->address;
	*port = backend->port;
	trace_socket(ctx, SOCKET_POST_FORWARD, address, *port);
	return 1;
}

/* Replaces a backend by the service that this socket spoke to. Returns whether it did. */
static __always_inline int reverse(struct bpf_sock_addr *ctx, struct addr128 *address, __be16 *port)
{
	const struct socket_revnat_value *service;
	struct socket_revnat_key socket = {};
	struct socket_service connected;

	if (!enable_socket_lb || (ctx->protocol != PROTO_TCP && ctx->protocol != PROTO_UDP))
		return 0;
	socket.cookie = bpf_get_socket_cookie(ctx);
	if (ctx->protocol == PROTO_TCP && ctx->sk && socket_peer_recall(ctx->sk, socket.cookie, address, *port, &connected)) {
		trace_socket(ctx, SOCKET_PRE_REVERSE, address, *port);
		*address = connected.address;
		*port = connected.port;
		trace_socket(ctx, SOCKET_POST_REVERSE, address, *port);
		return 1;
	}
	/* Sockets of earlier programs have their entry here, of TCP too. */
	socket.address = *address;
	socket.port = *port;
	service = bpf_map_lookup_elem(&cilium_lb_sk_rev, &socket);
	if (!service)
		return 0;
	trace_socket(ctx, SOCKET_PRE_REVERSE, address, *port);
	*address = service->address;
	*port = service->port;
	trace_socket(ctx, SOCKET_POST_REVERSE, address, *port);
	return 1;
}

static __always_inline int forward4(struct bpf_sock_addr *ctx)
{
	struct addr128 address;
	__be16 port = ctx->user_port;
	int ret;

	if (!enable_ipv4)
		return PROCEED;
	address_from_ipv4(&address, ctx->user_ip4);
	ret = translate(ctx, &address, &port);
	if (ret < 0)
		return refuse(-ret);
	if (ret > 0) {
		ctx->user_ip4 = address.words[3];
		ctx->user_port = port;
	}
	return PROCEED;
}

static __always_inline int reverse4(struct bpf_sock_addr *ctx)
{
	struct addr128 address;
	__be16 port = ctx->user_port;

	address_from_ipv4(&address, ctx->user_ip4);
	if (reverse(ctx, &address, &port)) {
		ctx->user_ip4 = address.words[3];
		ctx->user_port = port;
	}
	return PROCEED;
}

static __always_inline void load6(struct bpf_sock_addr *ctx, struct addr128 *address)
{
	address->words[0] = ctx->user_ip6[0];
	address->words[1] = ctx->user_ip6[1];
	address->words[2] = ctx->user_ip6[2];
	address->words[3] = ctx->user_ip6[3];
}

static __always_inline void store6(struct bpf_sock_addr *ctx, const struct addr128 *address, __be16 port)
{
	ctx->user_ip6[0] = address->words[0];
	ctx->user_ip6[1] = address->words[1];
	ctx->user_ip6[2] = address->words[2];
	ctx->user_ip6[3] = address->words[3];
	ctx->user_port = port;
}

/* An IPv4-mapped address of an IPv6 socket already has the form that the maps use. */
static __always_inline int forward6(struct bpf_sock_addr *ctx)
{
	struct addr128 address;
	__be16 port = ctx->user_port;
	int ret;

	load6(ctx, &address);
	ret = translate(ctx, &address, &port);
	if (ret < 0)
		return refuse(-ret);
	if (ret > 0)
		store6(ctx, &address, port);
	return PROCEED;
}

static __always_inline int reverse6(struct bpf_sock_addr *ctx)
{
	struct addr128 address;
	__be16 port = ctx->user_port;

	load6(ctx, &address);
	if (reverse(ctx, &address, &port))
		store6(ctx, &address, port);
	return PROCEED;
}

SEC("cgroup/connect4")
int cil_sock4_connect(struct bpf_sock_addr *ctx)
{
	return forward4(ctx);
}

SEC("cgroup/sendmsg4")
int cil_sock4_sendmsg(struct bpf_sock_addr *ctx)
{
	return forward4(ctx);
}

SEC("cgroup/recvmsg4")
int cil_sock4_recvmsg(struct bpf_sock_addr *ctx)
{
	return reverse4(ctx);
}

SEC("cgroup/getpeername4")
int cil_sock4_getpeername(struct bpf_sock_addr *ctx)
{
	return reverse4(ctx);
}

SEC("cgroup/connect6")
int cil_sock6_connect(struct bpf_sock_addr *ctx)
{
	return forward6(ctx);
}

SEC("cgroup/sendmsg6")
int cil_sock6_sendmsg(struct bpf_sock_addr *ctx)
{
	return forward6(ctx);
}

SEC("cgroup/recvmsg6")
int cil_sock6_recvmsg(struct bpf_sock_addr *ctx)
{
	return reverse6(ctx);
}

SEC("cgroup/getpeername6")
int cil_sock6_getpeername(struct bpf_sock_addr *ctx)
{
	return reverse6(ctx);
}
