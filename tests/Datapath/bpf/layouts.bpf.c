// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* Never loaded: its BTF has every struct and enum that user space repeats, used by a program or not. */
#include "lib/drop_reasons.h"
#include "lib/types.h"

struct addr128 layout_addr128;
struct mac_addr layout_mac_addr;
struct endpoint_row layout_endpoint_row;
struct ipcache_key layout_ipcache_key;
struct ipcache_value layout_ipcache_value;
struct policy_key layout_policy_key;
struct policy_value layout_policy_value;
struct cached_verdict layout_cached_verdict;
struct ct_tuple layout_ct_tuple;
struct ct_entry layout_ct_entry;
struct created_record layout_created_record;
struct frontend_key layout_frontend_key;
struct frontend_value layout_frontend_value;
struct slot_key layout_slot_key;
struct slot_value layout_slot_value;
struct backend_value layout_backend_value;
struct revnat_value layout_revnat_value;
struct source_range_key layout_source_range_key;
struct affinity_key layout_affinity_key;
struct affinity_value layout_affinity_value;
struct affinity_member layout_affinity_member;
struct socket_revnat_key layout_socket_revnat_key;
struct socket_revnat_value layout_socket_revnat_value;
struct snat_key layout_snat_key;
struct snat_value layout_snat_value;
struct fragment_key layout_fragment_key;
struct fragment_value layout_fragment_value;
struct metrics_key layout_metrics_key;
struct metrics_value layout_metrics_value;
struct packet_event_header layout_packet_event_header;
struct packet_event layout_packet_event;
struct socket_event layout_socket_event;
enum endpoint_flags layout_endpoint_flags;
enum frontend_flags layout_frontend_flags;
enum ipcache_flags layout_ipcache_flags;
enum policy_direction layout_policy_direction;
enum policy_flags layout_policy_flags;
enum ct_tuple_flags layout_ct_tuple_flags;
enum ct_flags layout_ct_flags;
enum affinity_clients layout_affinity_clients;
enum created_kind layout_created_kind;
enum snat_direction layout_snat_direction;
enum snat_flags layout_snat_flags;
enum metric_direction layout_metric_direction;
enum event_type layout_event_type;
enum trace_point layout_trace_point;
enum trace_reason layout_trace_reason;
enum match_type layout_match_type;
enum packet_event_flags layout_packet_event_flags;
enum socket_trace_point layout_socket_trace_point;
enum drop_reason layout_drop_reason;
enum source_file layout_source_file;
