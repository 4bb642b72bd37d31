/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A packet on its way to a local pod from anywhere but another pod of this node. */
#pragma once
#include "deliver.h"
#include "endpoint.h"
#include "policy.h"
#include "service.h"

#define DELIVER_PASS 2                 /* the packet is already on the pod's device */

/* flow->packet and flow->source_identity are known. `how` is enum delivery or DELIVER_PASS. */
static __always_inline int to_pod(struct __sk_buff *ctx, struct flow *flow, const struct endpoint_row *row, int how, int routed,
				  __u16 ct_flags)
{
	struct ct_verdicts verdicts = {};
	struct ct_view view;
	int ret;

	flow->destination_identity = row->identity;
	flow->endpoint = row->endpoint_id;
	flow->destination_endpoint = row->endpoint_id;
	flow->direction = METRIC_INGRESS;
	if (is_pod_identity(flow->source_identity))
		flow->packet.kind |= PACKET_FROM_POD;
	ct_find(ctx, flow, &view);
	ct_touch(ctx, flow, &view);
	ct_refresh_identities(flow, view.entry);
	ret = policy_check(ctx, flow, row, view.entry, POLICY_INGRESS, &verdicts.ingress);
	if (ret < 0)
		return drop(ctx, flow, ret);
	if (view.entry) {
		if (verdicts.ingress.stamp)
			view.entry->ingress = verdicts.ingress;
		ct_refresh_service(flow, view.entry);
		/* Who opened the connection sees the service. An error that is for the backend, about what it answered, has the backend's view already. */
		if (view.entry->service_id && flow->reason >= REASON_REPLY && view.entry->source_endpoint == row->endpoint_id) {
			ret = service_reverse(ctx, flow, view.entry->service_id, 0);
			if (ret < 0)
				return drop(ctx, flow, ret);
		}
	} else if (!is_icmp_error(&flow->packet)) {
		ret = ct_create(ctx, flow, &view, &verdicts, ct_flags);
		if (ret < 0)
			return drop(ctx, flow, ret);
	}
	if (how == DELIVER_PASS) {
		trace_to(ctx, flow, TRACE_TO_ENDPOINT, row->ifindex);
		return TC_ACT_OK;
	}
	return deliver_local(ctx, flow, row, how, routed);
}

/* A packet for the node itself: a reply to a service that the node spoke to gets the service's face. Never dropped by policy.
 * `track`: the connection is entered, so that the node's answer is known as one. Otherwise what is not known passes unseen.
 */
static __always_inline int to_node(struct __sk_buff *ctx, struct flow *flow, int track)
{
	struct ct_view view;
	int ret;

	flow->destination_identity = host_identity;
	flow->direction = METRIC_INGRESS;
	ct_find(ctx, flow, &view);
	ct_touch(ctx, flow, &view);
	ct_refresh_service(flow, view.entry);
	if (!view.entry) {
		if (!track)
			return TC_ACT_OK;
		if (!is_icmp_error(&flow->packet)) {
			ret = ct_create(ctx, flow, &view, 0, CT_FROM_TUNNEL);
			if (ret < 0)
				return drop(ctx, flow, ret);
		}
	} else if (view.entry->service_id && flow->reason >= REASON_REPLY) {
		ret = service_reverse(ctx, flow, view.entry->service_id, 0);
		if (ret < 0)
			return drop(ctx, flow, ret);
	}
	return deliver_stack(ctx, flow, TRACE_TO_HOST);
}
