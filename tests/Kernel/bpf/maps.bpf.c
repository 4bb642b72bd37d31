/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The shipped maps without the shipped programs: for tests of what user space writes. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "maps.h"

SEC("tc")
int maps_only(struct __sk_buff *ctx)
{
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
