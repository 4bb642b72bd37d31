// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* Storage on sockets and control groups: a program on connect that does what the port asks for. */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* The functions called by name are only for programs under the GPL. */
char LICENSE[] SEC("license") = "GPL";

/* Not in the headers of older distributions. */
#define MAP_TYPE_CGRP_STORAGE 32

struct cgroup {
};

extern struct cgroup *bpf_cgroup_from_id(__u64 id) __ksym;
extern void bpf_cgroup_release(struct cgroup *group) __ksym;

struct stored {
	__u64 count;
	__u32 mark;
	__u32 family;
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct stored);
} by_socket SEC(".maps");

struct {
	__uint(type, MAP_TYPE_CGRP_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct stored);
} by_group SEC(".maps");

/* 0 runs, 1 count that was found or 0, 2 mark, 3 result of deleting, 4 family of the socket, 5 its protocol, 6 a group that does not exist. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __s64);
} results SEC(".maps");

static __always_inline void note(__u32 index, __s64 value)
{
	bpf_map_update_elem(&results, &index, &value, 0);
}

static __always_inline void count(struct stored *stored)
{
	if (!stored)
		return;
	note(1, (__s64)++stored->count);
	note(2, stored->mark);
}

#define LOOK 1
#define CREATE 2
#define CREATE_ZERO 3
#define DELETE 4
#define BAD_FLAGS 5

SEC("cgroup/connect4")
int store(struct bpf_sock_addr *ctx)
{
	struct stored initial = { .count = 100, .mark = 0xAB, .family = 2 };
	__u16 order = bpf_ntohs((__u16)ctx->user_port);
	struct cgroup *group;
	__u32 zero = 0;
	__s64 *runs = bpf_map_lookup_elem(&results, &zero);

	/* The whole process is in the group for a moment: what other threads connect to is no order. */
	if (order == 0 || order > 15)
		return 1;
	if (runs)
		(*runs)++;
	note(4, ctx->sk->family);
	note(5, ctx->sk->protocol);
	switch (order) {
	case LOOK:
		count(bpf_sk_storage_get(&by_socket, ctx->sk, 0, 0));
		break;
	case CREATE:
		count(bpf_sk_storage_get(&by_socket, ctx->sk, &initial, BPF_SK_STORAGE_GET_F_CREATE));
		break;
	case CREATE_ZERO:
		count(bpf_sk_storage_get(&by_socket, ctx->sk, 0, BPF_SK_STORAGE_GET_F_CREATE));
		break;
	case DELETE:
		note(3, bpf_sk_storage_delete(&by_socket, ctx->sk));
		break;
	case BAD_FLAGS:
		count(bpf_sk_storage_get(&by_socket, ctx->sk, &initial, 2));
		break;
	}
	if (order <= 10)
		return 1;
	group = bpf_cgroup_from_id(~0ULL);
	note(6, group != 0);
	if (group)
		bpf_cgroup_release(group);
	group = bpf_cgroup_from_id(bpf_get_current_cgroup_id());
	if (!group)
		return 1;
	switch (order - 10) {
	case LOOK:
		count(bpf_cgrp_storage_get(&by_group, group, 0, 0));
		break;
	case CREATE:
		count(bpf_cgrp_storage_get(&by_group, group, &initial, BPF_LOCAL_STORAGE_GET_F_CREATE));
		break;
	case CREATE_ZERO:
		count(bpf_cgrp_storage_get(&by_group, group, 0, BPF_LOCAL_STORAGE_GET_F_CREATE));
		break;
	case DELETE:
		note(3, bpf_cgrp_storage_delete(&by_group, group));
		break;
	case BAD_FLAGS:
		count(bpf_cgrp_storage_get(&by_group, group, &initial, 2));
		break;
	}
	bpf_cgroup_release(group);
	return 1;
}
