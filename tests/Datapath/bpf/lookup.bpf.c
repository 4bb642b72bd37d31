// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* Looks a socket up, on each hook that may, and tells all about it. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

#define TCP 0
#define UDP 1
#define TCP_OR_REQUEST 2

struct question {
	__u32 kind;
	__u32 bytes;
	__u64 netns;
	__u64 flags;
	__u8 tuple[40];
};

struct answer {
	__u32 found;
	__u32 is_full;
	__u32 bound;
	__u32 family;
	__u32 type;
	__u32 protocol;
	__u32 mark;
	__u32 priority;
	__u32 src_ip4;
	__u32 src_ip6[4];
	__u32 src_port;
	__u32 dst_port;
	__u32 dst_ip4;
	__u32 dst_ip6[4];
	__u32 state;
	__u32 rx_queue;
	__u32 count;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct question);
} questions SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct answer);
} answers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u32);
} counts SEC(".maps");

static __always_inline void tell_common(struct answer *a, struct bpf_sock *sk)
{
	a->found = 1;
	a->bound = sk->bound_dev_if;
	a->family = sk->family;
	a->src_ip4 = sk->src_ip4;
	a->src_ip6[0] = sk->src_ip6[0];
	a->src_ip6[1] = sk->src_ip6[1];
	a->src_ip6[2] = sk->src_ip6[2];
	a->src_ip6[3] = sk->src_ip6[3];
	a->src_port = sk->src_port;
	a->dst_port = sk->dst_port;
	a->dst_ip4 = sk->dst_ip4;
	a->dst_ip6[0] = sk->dst_ip6[0];
	a->dst_ip6[1] = sk->dst_ip6[1];
	a->dst_ip6[2] = sk->dst_ip6[2];
	a->dst_ip6[3] = sk->dst_ip6[3];
	a->state = sk->state;
	a->rx_queue = (__u32)sk->rx_queue_mapping;
}

/*
 * A function for each kind of pointer: where the compiler makes one way for both, the verifier says "same insn cannot be used with different
 * pointers" (Linux 6.18).
 */
static __noinline void tell_request(struct answer *a, struct bpf_sock *sk)
{
	tell_common(a, sk);
}

static __noinline void tell_socket(struct answer *a, struct bpf_sock *sk)
{
	tell_common(a, sk);
	a->is_full = 1;
	a->type = sk->type;
	a->protocol = sk->protocol;
	a->mark = sk->mark;
	a->priority = sk->priority;
}

static __noinline void count(struct answer *a, struct bpf_sock *sk)
{
	__u32 *counted = bpf_sk_storage_get(&counts, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);

	if (counted)
		a->count = ++*counted;
}

#define LOOK_BY(function, length) function(ctx, (struct bpf_sock_tuple *)q->tuple, length, q->netns, q->flags)

/* The length is a constant for the verifier. */
#define LOOK(function) \
	(q->bytes == 12 ? LOOK_BY(function, 12) : q->bytes == 36 ? LOOK_BY(function, 36) : LOOK_BY(function, 20))

#define BEGIN                                                     \
	__u32 zero = 0;                                           \
	struct question *q = bpf_map_lookup_elem(&questions, &zero); \
	struct answer *a = bpf_map_lookup_elem(&answers, &zero);  \
	struct bpf_sock *sk;                                      \
                                                                  \
	if (!q || !a)                                             \
		return FAILED;                                    \
	__builtin_memset(a, 0, sizeof(*a));

#define FAILED 0

SEC("tc")
int look(struct __sk_buff *ctx)
{
	struct bpf_sock *full;

	BEGIN
	if (q->kind == TCP_OR_REQUEST) {
		sk = LOOK(bpf_skc_lookup_tcp);
		if (!sk)
			return 1;
		tell_request(a, sk);
		full = bpf_sk_fullsock(sk);
		if (full) {
			tell_socket(a, full);
			count(a, full);
		}
		bpf_sk_release(sk);
		return 1;
	}
	if (q->kind == TCP)
		sk = LOOK(bpf_sk_lookup_tcp);
	else
		sk = LOOK(bpf_sk_lookup_udp);
	if (!sk)
		return 1;
	tell_socket(a, sk);
	count(a, sk);
	bpf_sk_release(sk);
	return 1;
}

/* All but what is for classifiers only. */
#define LOOK_AND_TELL                                 \
	if (q->kind == TCP_OR_REQUEST) {              \
		sk = LOOK(bpf_skc_lookup_tcp);        \
		if (!sk)                              \
			return 1;                     \
		tell_request(a, sk);                  \
		bpf_sk_release(sk);                   \
		return 1;                             \
	}                                             \
	if (q->kind == TCP)                           \
		sk = LOOK(bpf_sk_lookup_tcp);         \
	else                                          \
		sk = LOOK(bpf_sk_lookup_udp);         \
	if (!sk)                                      \
		return 1;                             \
	tell_socket(a, sk);                           \
	bpf_sk_release(sk);                           \
	return 1;

SEC("xdp")
int look_early(struct xdp_md *ctx)
{
	BEGIN
	LOOK_AND_TELL
}

SEC("cgroup/connect4")
int look_by_call(struct bpf_sock_addr *ctx)
{
	BEGIN
	LOOK_AND_TELL
}
