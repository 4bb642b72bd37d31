/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Node configuration: written by the loader before load, then frozen; the verifier removes what is switched off.
 * CONFIG(type, name, default, description): C# finds all four in the object's BTF and .rodata.
 */
#pragma once
#include "types.h"

#define CONFIG(type, name, value, description) \
	volatile const type name __attribute__((btf_decl_tag(description))) = value

#define LOOPBACK_IPV4 { .bytes = { [10] = 0xff, 0xff, 169, 254, 42, 1 } }
#define LOOPBACK_IPV6 { .bytes = { [0] = 0xfd, 0x42, [15] = 1 } }

CONFIG(__u8, enable_ipv4, 1, "IPv4 is switched on");
CONFIG(__u8, enable_ipv6, 1, "IPv6 is switched on");
CONFIG(struct addr128, node_ipv4, {}, "node address, source of masqueraded IPv4 packets where cilium_device_addresses has none");
CONFIG(struct addr128, node_ipv6, {}, "same for IPv6");
CONFIG(struct addr128, router_ipv4, {}, "gateway of the pods, on cilium_host; answered for in ARP");
CONFIG(struct addr128, router_ipv6, {}, "gateway of the pods, on cilium_host; answered for in neighbour discovery");
CONFIG(struct addr128, loopback_ipv4, LOOPBACK_IPV4, "source of a pod that reaches itself through a service");
CONFIG(struct addr128, loopback_ipv6, LOOPBACK_IPV6, "same for IPv6");
CONFIG(__u32, world_ipv4_identity, 2, "identity of an IPv4 address that cilium_ipcache lacks");
CONFIG(__u32, world_ipv6_identity, 2, "same for IPv6");
CONFIG(__u32, host_identity, 1, "identity of this node for its own pods");
CONFIG(__u32, host_tunnel_identity, 6, "identity of this node in the VNI");
CONFIG(__u32, cilium_host_ifindex, 0, "ifindex of cilium_host");
CONFIG(__u32, overlay_ifindex, 0, "ifindex of the tunnel device");
CONFIG(__u8, enable_tunnel, 1, "remote pods are reached by the tunnel device");
CONFIG(__u8, tunnel_over_ipv6, 0, "tunnel endpoints are IPv6 addresses");
CONFIG(__u16, tunnel_port, 8472, "UDP port of the tunnel, host order");
CONFIG(__u32, underlay_ifindex, 0, "device by which other nodes are reached; the programs put tunnel headers on and take them off, 0: never");
CONFIG(__u32, underlay_mtu, 1500, "MTU of that device; what gets larger takes the tunnel device");
CONFIG(__u8, enable_socket_lb, 1, "socket hooks translate services of pods and of the node");
CONFIG(__u8, enable_set_retval, 1, "the kernel has bpf_set_retval for socket hooks (5.18)");
CONFIG(__u32, socket_slot_mask, SOCKET_SLOTS - 1, "slots of cilium_lb_sk_recent, a power of two, less one");
CONFIG(__u8, enable_packet_lb, 1, "services are also translated per packet");
CONFIG(__u8, enable_node_port, 1, "services are served to clients outside the cluster");
CONFIG(__u8, several_devices, 0, "the node has several native devices: which one a service's packet leaves by is for the routing table to say");
CONFIG(__u8, reject_no_backend, 1, "a service without backends answers ICMP unreachable; 0: drop 158");
CONFIG(__u8, enable_masquerade_ipv4, 0, "pods reach the world with an address of the node");
CONFIG(__u8, enable_masquerade_ipv6, 0, "same for IPv6");
CONFIG(struct addr128, native_ipv4_cidr, {}, "not masqueraded towards this range");
CONFIG(__u32, native_ipv4_prefix, 0, "its length in 128 bits, 96+n; 0: none");
CONFIG(struct addr128, native_ipv6_cidr, {}, "not masqueraded towards this range");
CONFIG(__u32, native_ipv6_prefix, 0, "its length in 128 bits; 0: none");
CONFIG(__u16, snat_port_min, 32768, "lowest masqueraded source port");
CONFIG(__u16, snat_port_max, 65535, "highest masqueraded source port");
CONFIG(__u32, ct_timeout_tcp, 8000, "established TCP, seconds");
CONFIG(__u32, ct_timeout_tcp_syn, 60, "TCP that saw only SYN, seconds");
CONFIG(__u32, ct_timeout_tcp_closing, 10, "TCP with FIN or RST, seconds");
CONFIG(__u32, ct_timeout_any, 60, "other protocols, seconds");
CONFIG(__u32, ct_timeout_service_tcp, 8000, "service entry of TCP, seconds");
CONFIG(__u32, ct_timeout_service_any, 60, "service entry of other protocols, seconds");
CONFIG(__u8, monitor_aggregation, 3, "0 none, 1 lowest, 2 low, 3 medium, 4 maximum");
CONFIG(__u32, monitor_interval, 5, "seconds between reports of a busy connection and direction");
CONFIG(__u8, monitor_tcp_flags, 0x07, "flags whose first sight is reported: FIN 1, SYN 2, RST 4");
CONFIG(__u8, enable_trace_events, 1, "trace events are made");
CONFIG(__u8, enable_drop_events, 1, "drop events are made");
CONFIG(__u8, enable_verdict_events, 1, "policy verdict events are made");
CONFIG(__u8, enable_socket_events, 0, "socket translation events are made");
CONFIG(__u32, capture_length, 128, "bytes captured with an event, at most 128");
CONFIG(__u32, event_wakeup_bytes, 262144, "the reader is woken when cilium_events holds this many bytes");
CONFIG(__u32, created_wakeup_bytes, 262144, "the collector is woken when cilium_ct_created holds this many bytes");
