/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The program the kernel tests attach: it counts packets, publishes them and passes or drops by a constant. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct count_key {
	__u32 ifindex;
	__u32 direction;
};

struct lpm_key {
	__u32 prefixlen;
	__u32 address;
};

enum probe_verdict {
	PROBE_PASS = 0,
	PROBE_DROP = 2,
};

volatile const __u32 probe_answer = 7;
volatile const __u8 probe_emits = 0;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct count_key);
	__type(value, __u64);
} probe_counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u32);
} probe_percpu SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 65536);
} probe_events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1024);
	__type(key, struct lpm_key);
	__type(value, __u32);
} probe_inner SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 256);
	__type(key, __u32);
	__array(values, struct {
		__uint(type, BPF_MAP_TYPE_LPM_TRIE);
		__uint(map_flags, BPF_F_NO_PREALLOC);
		__uint(max_entries, 64);
		__type(key, struct lpm_key);
		__type(value, __u32);
	});
} probe_outer SEC(".maps");

static __always_inline int probe(struct __sk_buff *ctx, __u32 direction, int verdict)
{
	struct count_key key = { .ifindex = ctx->ifindex, .direction = direction };
	__u64 one = 1, *count = bpf_map_lookup_elem(&probe_counts, &key);
	__u32 id = 1, cpu_one = 1, *cpu = bpf_map_lookup_elem(&probe_percpu, &id);

	if (count)
		__sync_fetch_and_add(count, 1);
	else
		bpf_map_update_elem(&probe_counts, &key, &one, BPF_ANY);
	if (cpu)
		(*cpu)++;
	else
		bpf_map_update_elem(&probe_percpu, &id, &cpu_one, BPF_ANY);
	if (probe_emits) {
		__u32 *record = bpf_ringbuf_reserve(&probe_events, 12, 0);

		if (record) {
			record[0] = probe_answer;
			record[1] = ctx->len;
			record[2] = direction;
			bpf_ringbuf_submit(record, 0);
		}
	}
	return verdict;
}

SEC("tc")
int probe_pass(struct __sk_buff *ctx)
{
	return probe(ctx, 0, PROBE_PASS);
}

SEC("tc")
int probe_drop(struct __sk_buff *ctx)
{
	return probe(ctx, 1, PROBE_DROP);
}

SEC("tc")
int probe_const(struct __sk_buff *ctx)
{
	return probe_answer;
}

SEC("cgroup/connect4")
int probe_connect4(struct bpf_sock_addr *ctx)
{
	/* user_port is in network order: 1 is refused, all else passes. */
	return ctx->user_port != __builtin_bswap16(1);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
