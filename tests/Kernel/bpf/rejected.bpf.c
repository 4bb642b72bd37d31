/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A program the verifier refuses: it reads a map value without checking that there is one. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} rejected_map SEC(".maps");

SEC("tc")
int rejected(struct __sk_buff *ctx)
{
	__u32 key = 0, *value = bpf_map_lookup_elem(&rejected_map, &key);

	return *value;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
