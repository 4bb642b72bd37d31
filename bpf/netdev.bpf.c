// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* On the native devices: masquerading of pods, services that clients outside reach, and those that the node's own processes reach without the
 * socket hooks.
 */
#define SOURCE_FILE FILE_HOST
#include "lib/ingress.h"
#include "lib/neighbour.h"
#include "lib/nodeport.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

static __always_inline int masquerade_enabled(const struct packet *p)
{
	return is_ipv6(p) ? enable_masquerade_ipv6 : enable_masquerade_ipv4;
}

static __always_inline int is_native(const struct packet *p)
{
	return is_ipv6(p) ? address_in_prefix(&p->destination, &native_ipv6_cidr, native_ipv6_prefix)
			  : address_in_prefix(&p->destination, &native_ipv4_cidr, native_ipv4_prefix);
}

/* Whether a pod's packet, as it is about to leave, is to have the node's address: towards the world, and towards other nodes unless the network
 * between nodes knows pods. SCTP goes to nodes as it is: its checksum is in the way of choosing ports.
 */
static __always_inline int needs_masquerade(const struct flow *flow, const struct ipcache_value *remote)
{
	if (!is_cluster_identity(flow->destination_identity))
		return 1;
	return enable_tunnel && is_remote_node(flow->destination_identity) && remote && !(remote->flags & IPCACHE_SKIP_TUNNEL) &&
	       flow->packet.protocol != PROTO_SCTP;
}

/* What a pod is called where this device leads to: those there know their own network, and maybe not the node's other addresses. */
static __always_inline void masquerade_address(struct __sk_buff *ctx, const struct packet *p, struct addr128 *to)
{
	__u32 device = ctx->ifindex;
	const struct device_addresses *own = bpf_map_lookup_elem(&cilium_device_addresses, &device);

	if (own) {
		*to = is_ipv6(p) ? own->ipv6 : own->ipv4;
		if (!address_is_none(to))
			return;
	}
	address_from_config(to, is_ipv6(p) ? &node_ipv6 : &node_ipv4);
}

/* Whether what a pod sends belongs to a connection that was opened from outside, which knows the pod by the address it has. */
static __always_inline int answers_outside(struct __sk_buff *ctx, struct flow *flow, const struct endpoint_row *pod)
{
	struct ct_view view;

	ct_find(ctx, flow, &view);
	return flow->reason == REASON_REPLY || (flow->reason == REASON_RELATED && view.entry && view.entry->source_endpoint != pod->endpoint_id);
}

/* Encapsulated packets are most of what nodes send each other, and they are for the tunnel device: told apart without parsing. */
static __always_inline int is_encapsulated(struct __sk_buff *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u8 *ip = data + ETHERNET_BYTES;
	__be16 port = bpf_htons(tunnel_port);

	if (!enable_tunnel)
		return 0;
	if (!tunnel_over_ipv6)
		return data + ETHERNET_BYTES + 24 <= end && ctx->protocol == bpf_htons(ETHERTYPE_IPV4) && ip[0] == 0x45 &&
		       ip[9] == PROTO_UDP && *(__be16 *)(ip + 22) == port && !(*(__be16 *)(ip + 6) & bpf_htons(IPV4_FRAGMENT_OFFSET));
	return data + ETHERNET_BYTES + 44 <= end && ctx->protocol == bpf_htons(ETHERTYPE_IPV6) && ip[6] == PROTO_UDP &&
	       *(__be16 *)(ip + 42) == port;
}

/* Whether a packet from the network is for a service, or about what one answered. It has been translated if *verdict is GO_ON, else that is final. */
static __always_inline int outside_enters(struct __sk_buff *ctx, struct flow *flow, int *verdict)
{
	const struct frontend_value *frontend;
	int ret;

	*verdict = GO_ON;
	if (is_icmp_error(&flow->packet)) {
		ret = outside_error(ctx, flow);
		if (ret < 0)
			*verdict = drop(ctx, flow, ret);
		else if (ret)
			trace_from(ctx, flow, TRACE_FROM_NETWORK);
		return ret != 0;
	}
	if (flow->packet.protocol != PROTO_TCP && flow->packet.protocol != PROTO_UDP)
		return 0;
	frontend = service_lookup(&flow->packet.destination, flow->packet.destination_port, flow->packet.protocol);
	if (!frontend)
		return 0;
	*verdict = outside_translate(ctx, flow, frontend);
	return 1;
}

SEC("tc")
int cil_from_netdev(struct __sk_buff *ctx)
{
	const struct endpoint_row *local;
	struct flow flow = {};
	int ret, vni = -1;

	if (is_encapsulated(ctx)) {
		/* For a pod: as if it had come by the tunnel device. That device gets what else there is, and what is wrong. */
		vni = underlay_ifindex ? decapsulate(ctx) : -1;
		if (vni < 0)
			return TC_ACT_OK;
	}
	flow.direction = METRIC_INGRESS;
	flow.reason = REASON_UNKNOWN;
	flow.report = 1;
	ret = parse_packet(ctx, &flow.packet);
	if (ret < 0) {
		/* What cannot be parsed is not ours: the node may speak any protocol. */
		return vni < 0 ? TC_ACT_OK : drop(ctx, &flow, ret);
	}
	if (vni < 0 && is_ipv6(&flow.packet) && is_link_control(&flow.packet))
		return TC_ACT_OK;
	if (vni < 0 && enable_node_port && outside_enters(ctx, &flow, &ret)) {
		if (ret != GO_ON)
			return ret;
		local = endpoint_of_address(&flow.packet.destination);
		if (!local || local->flags & ENDPOINT_HOST)
			return outside_forward(ctx, &flow, !!local);
		goto pod;
	}
	local = endpoint_of_address(&flow.packet.destination);
	if (!local)
		return vni < 0 ? TC_ACT_OK : drop(ctx, &flow, DROP_UNROUTABLE);
	if (vni >= 0) {
		ret = take_tunnel_identity(&flow, vni);
		if (ret < 0)
			return drop(ctx, &flow, ret);
		trace_from(ctx, &flow, TRACE_FROM_OVERLAY);
	} else {
		trace_from(ctx, &flow, TRACE_FROM_NETWORK);
	}
	if (vni < 0 && local->flags & ENDPOINT_HOST) {
		ret = masquerade_enabled(&flow.packet) || enable_node_port ? snat_ingress(ctx, &flow) : 0;
		if (ret < 0)
			return drop(ctx, &flow, ret);
		if (ret == 0)
			return enable_packet_lb ? to_node(ctx, &flow, 0) : TC_ACT_OK;
		local = endpoint_of_address(&flow.packet.destination);
		if (!local) {
			flow.source_identity = identity_from_outside(&flow.packet);
			return enable_node_port ? to_outside(ctx, &flow, ctx->ifindex) : drop(ctx, &flow, DROP_UNROUTABLE);
		}
		if (local->flags & ENDPOINT_HOST)
			return enable_packet_lb ? to_node(ctx, &flow, 0) : TC_ACT_OK;
	}
	if (vni < 0)
		flow.source_identity = identity_from_outside(&flow.packet);
pod:
	return to_pod(ctx, &flow, local, DELIVER_PEER, 1, vni < 0 ? 0 : CT_FROM_TUNNEL);
}

/* The node's own connection beside those that leave with its address for others. */
static __always_inline int keep_apart(struct __sk_buff *ctx, struct flow *flow)
{
	return enable_node_port || masquerade_enabled(&flow->packet) ? snat_own(ctx, flow) : 0;
}

/* A service that the node, or whom it forwards for under its own address, reaches per packet: the backend is not where the routing table sent the packet. */
static __always_inline int node_to_service(struct __sk_buff *ctx, struct flow *flow, const struct frontend_value *frontend)
{
	const struct endpoint_row *local;
	const struct ipcache_value *remote;
	struct ct_view view;
	int ret;

	ret = service_translate(ctx, flow, frontend, CLIENT_INSIDE);
	if (ret == -DROP_NO_SERVICE)
		return reject_no_service(ctx, flow, BPF_F_INGRESS);
	if (ret < 0)
		return drop(ctx, flow, ret);
	local = endpoint_of_address(&flow->packet.destination);
	if (local && !(local->flags & ENDPOINT_HOST))
		return to_pod(ctx, flow, local, DELIVER_DEVICE, 0, 0);
	if (local)
		return drop(ctx, flow, DROP_UNROUTABLE);
	remote = ipcache_lookup(&flow->packet.destination);
	flow->destination_identity = remote ? remote->identity : world_identity(&flow->packet);
	ct_find(ctx, flow, &view);
	ct_touch(ctx, flow, &view);
	ct_refresh_service(flow, view.entry);
	if (!view.entry) {
		ret = ct_create(ctx, flow, &view, 0, 0);
		if (ret < 0)
			return drop(ctx, flow, ret);
	}
	ret = keep_apart(ctx, flow);
	if (ret < 0)
		return drop(ctx, flow, ret);
	if (enable_tunnel && remote && !(remote->flags & IPCACHE_SKIP_TUNNEL) && !address_is_none(&remote->tunnel_endpoint))
		return deliver_tunnel(ctx, flow, &remote->tunnel_endpoint, 0);
	return leave_node(ctx, flow, ctx->ifindex);
}

/* The node's own process answers as the backend of a service: with the service's face. Returns whether *verdict is final. */
static __always_inline int node_answers(struct __sk_buff *ctx, struct flow *flow, int *verdict)
{
	struct ct_view view;
	int ret;

	ct_find(ctx, flow, &view);
	if (!view.entry || !view.entry->service_id || flow->reason != REASON_REPLY)
		return 0;
	ct_touch(ctx, flow, &view);
	flow->destination_identity = view.entry->source_identity;
	ret = service_reverse(ctx, flow, view.entry->service_id, 0);
	if (ret < 0)
		*verdict = drop(ctx, flow, ret);
	else
		*verdict = TC_ACT_OK;
	return 1;
}

SEC("tc")
int cil_to_netdev(struct __sk_buff *ctx)
{
	const struct frontend_value *frontend;
	const struct endpoint_row *local;
	const struct ipcache_value *remote;
	struct addr128 node;
	struct flow flow = {};
	int ret, is_pod;

	if ((ctx->mark & MARK_MASK) == MARK_OVERLAY || (ctx->mark & MARK_MASK) == MARK_SNAT_DONE)
		return TC_ACT_OK;
	if (parse_packet(ctx, &flow.packet) < 0 || !(enable_packet_lb || masquerade_enabled(&flow.packet)))
		return TC_ACT_OK;
	if (is_ipv6(&flow.packet) && is_link_control(&flow.packet))
		return TC_ACT_OK;
	local = endpoint_of_address(&flow.packet.source);
	if (!local)
		return TC_ACT_OK;
	flow.direction = METRIC_EGRESS;
	flow.endpoint = local->endpoint_id;
	flow.report = 1;
	is_pod = !(local->flags & ENDPOINT_HOST);
	if (is_pod)
		flow.source_identity = local->identity;
	else
		flow.source_identity = ctx->ingress_ifindex ? world_identity(&flow.packet) : host_identity;
	if (!is_pod && enable_packet_lb && (flow.packet.protocol == PROTO_TCP || flow.packet.protocol == PROTO_UDP)) {
		frontend = service_asked(&flow.packet);
		if (frontend)
			return node_to_service(ctx, &flow, frontend);
		if (enable_node_port && node_answers(ctx, &flow, &ret))
			return ret;
	}
	if (!is_pod) {
		ret = keep_apart(ctx, &flow);
		return ret < 0 ? drop(ctx, &flow, ret) : TC_ACT_OK;
	}
	if (!masquerade_enabled(&flow.packet) || is_native(&flow.packet))
		return TC_ACT_OK;
	if (local->flags & (is_ipv6(&flow.packet) ? ENDPOINT_SKIP_MASQUERADE_IPV6 : ENDPOINT_SKIP_MASQUERADE_IPV4))
		return TC_ACT_OK;
	remote = ipcache_lookup(&flow.packet.destination);
	flow.destination_identity = remote ? remote->identity : world_identity(&flow.packet);
	if (!needs_masquerade(&flow, remote) || answers_outside(ctx, &flow, local))
		return TC_ACT_OK;
	/* The pod's program has made the connection, so conntrack knows each packet by now: the translation says which begins and ends one. */
	flow.report = is_icmp_error(&flow.packet);
	masquerade_address(ctx, &flow.packet, &node);
	if (address_is_none(&node))
		return TC_ACT_OK;
	ret = is_icmp_error(&flow.packet) ? snat_egress_error(ctx, &flow) : snat_egress(ctx, &flow, &node);
	if (ret < 0)
		return drop(ctx, &flow, ret);
	trace_to(ctx, &flow, TRACE_TO_NETWORK, ctx->ifindex);
	return TC_ACT_OK;
}
