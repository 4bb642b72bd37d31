/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Services per packet, for what bypasses the socket hooks: destination to a backend, replies back to the service. */
#pragma once
#include "backend.h"
#include "conntrack.h"
#include "frontend.h"
#include "rewrite.h"

static __always_inline const struct frontend_value *service_lookup(const struct addr128 *address, __be16 port, __u8 protocol)
{
	struct frontend_key key = { .port = port, .protocol = protocol };

	key.address = *address;
	return bpf_map_lookup_elem(&cilium_lb_frontends, &key);
}

/* The service that a pod or the node asks by a packet. What the socket hooks leave alone is left alone here too. */
static __always_inline const struct frontend_value *service_asked(const struct packet *p)
{
	const struct frontend_value *frontend = service_lookup(&p->destination, p->destination_port, p->protocol);

	return frontend && enable_socket_lb && is_foreign_address(frontend, &p->destination) ? 0 : frontend;
}

/* Verified once: its keys would not fit on the stack of who calls. Returns the id of a backend, 0 when there is none. */
__shared_body int service_choose(const struct frontend_value *frontend, const struct addr128 *client, __u32 kind, __u32 now)
{
	if (!frontend || !client)
		return 0;
	return backend_choose(frontend, client, kind, now);
}

/* Whether the connection of a translated packet, whose sender has sent FIN, is over. A service entry sees one direction only: what the
 * backend said is in the entry of the connection.
 */
__shared_body int service_is_over(const struct packet *p)
{
	const struct ct_entry *entry;
	struct ct_tuple tuple;
	__u32 from_high;

	if (!p)
		return 0;
	from_high = ct_fill(&tuple, p);
	entry = bpf_map_lookup_elem(&cilium_ct, &tuple);
	if (!entry)
		return 1;
	if (ct_is_closing(entry))
		return 1;
	return !!((!!(entry->flags & CT_FROM_HIGH) == from_high ? entry->reverse_tcp_flags : entry->forward_tcp_flags) & TCP_FIN);
}

/* Translates a packet to `frontend`. The backend stays while the connection lasts and the backend exists. Returns 0 or a negative
 * reason, -DROP_NO_SERVICE when there is no backend for this kind of client (enum client_kind).
 */
__shared_body int service_translate(struct __sk_buff *ctx, struct flow *flow, const struct frontend_value *frontend, __u32 kind)
{
	struct packet *p;
	const struct backend_value *known;
	struct addr128 address, loopback;
	struct ct_view view;
	struct ct_entry *entry;
	__be16 port;
	__u32 id;
	int ret;

	if (!flow || !frontend)
		return -DROP_INVALID;
	p = &flow->packet;
	view.now = now_seconds();
	view.from_high = ct_fill(&view.tuple, p);
	view.tuple.flags = CT_TUPLE_SERVICE;
	flow->service_id = frontend->service_id;
	entry = bpf_map_lookup_elem(&cilium_ct, &view.tuple);
	if (entry && (__s32)(entry->lifetime - view.now) >= 0 && entry->service_id == flow->service_id &&
	    !(p->tcp_flags & TCP_SYN && entry->forward_tcp_flags & (TCP_FIN | TCP_RST))) {
		id = entry->backend_id;
		known = bpf_map_lookup_elem(&cilium_lb_backends, &id);
		if (known) {
			/* Who goes on has not reset the connection: that was somebody else, in its name. */
			if (!(p->tcp_flags & TCP_RST))
				entry->forward_tcp_flags &= ~TCP_RST;
			entry->forward_tcp_flags |= p->tcp_flags & (TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK);
			entry->forward_packets++;
			entry->forward_bytes += ctx->len;
			flow->backend_id = id;
			address = known->address;
			port = known->port;
			goto translate;
		}
	}
	id = service_choose(frontend, &p->source, kind, view.now);
	known = id ? bpf_map_lookup_elem(&cilium_lb_backends, &id) : 0;
	if (!known)
		return -DROP_NO_SERVICE;
	flow->backend_id = id;
	address = known->address;
	port = known->port;
	ret = ct_create(ctx, flow, &view, 0, 0);
	if (ret < 0)
		return ret;
	entry = 0;
translate:
	/* A pod that is its own backend. A client outside with a backend's address is another one, or says so. */
	if (kind != CLIENT_OUTSIDE && address_equal(&address, &p->source)) {
		flow->original_source = p->source;
		address_from_config(&loopback, is_ipv6(p) ? &loopback_ipv6 : &loopback_ipv4);
		ret = rewrite_end(ctx, p, REWRITE_SOURCE, &loopback, KEEP_PORT);
		if (ret < 0)
			return ret;
		p->kind |= PACKET_LOOPBACK;
	}
	ret = rewrite_end(ctx, p, REWRITE_DESTINATION, &address, port);
	if (entry)
		entry->lifetime = view.now + ct_service_timeout(p->protocol, entry->forward_tcp_flags,
								 entry->forward_tcp_flags & TCP_FIN && service_is_over(p));
	return ret;
}

/* Gives a reply, or an error about the connection, the face of the service its opener speaks to. */
__shared_body int service_reverse(struct __sk_buff *ctx, struct flow *flow, __u32 service_id, __u32 loopback)
{
	const struct revnat_value *service;
	struct addr128 backend;
	struct packet *p;
	int ret;

	if (!flow)
		return -DROP_INVALID;
	p = &flow->packet;
	backend = p->source;
	service = bpf_map_lookup_elem(&cilium_lb_revnat, &service_id);
	if (!service)
		return 0;
	if (is_icmp_error(p)) {
		ret = rewrite_quoted(ctx, p, REWRITE_DESTINATION, &service->address, service->port);
		if (ret < 0)
			return ret;
	}
	flow->original_source = p->source;
	ret = rewrite_end(ctx, p, REWRITE_SOURCE, &service->address, service->port);
	if (ret < 0 || !loopback)
		return ret;
	return rewrite_end(ctx, p, REWRITE_DESTINATION, &backend, KEEP_PORT);
}
