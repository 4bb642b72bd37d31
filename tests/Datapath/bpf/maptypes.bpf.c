// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* Map types that the shipped programs do not use: a classifier that counts in a map of a hash table of maps. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct inner {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u64);
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 4);
	__type(key, __u64);
	__array(values, struct inner);
} maps_by_number SEC(".maps");

/* The mark chooses the map, the length the entry: the verdict is what the entry counts now, 100 without a map, 101 without an entry. */
SEC("tc")
int count(struct __sk_buff *ctx)
{
	__u64 number = ctx->mark;
	__u32 length = ctx->len;
	void *inner = bpf_map_lookup_elem(&maps_by_number, &number);
	__u64 *counter;

	if (!inner)
		return 100;
	counter = bpf_map_lookup_elem(inner, &length);
	if (!counter)
		return 101;
	return (int)__sync_add_and_fetch(counter, 1);
}

char _license[] SEC("license") = "Dual BSD/GPL";
