/* SPDX-License-Identifier: Apache-2.0 */
/* The baseline of `benchmarks/run maps`: the same operations on the same map shape, in plain C with libbpf.
 * Prints "operation nanoseconds-per-entry" lines. */
#include <bpf/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct key { uint32_t words[5]; };
struct value { uint32_t words[4]; };

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static void report(const char *what, double start, int entries)
{
	printf("%s %.1f\n", what, (now_ns() - start) / entries);
}

int main(int argc, char **argv)
{
	int entries = argc > 1 ? atoi(argv[1]) : 200000;
	LIBBPF_OPTS(bpf_map_create_opts, create);
	LIBBPF_OPTS(bpf_map_batch_opts, batch);
	struct key *keys = calloc(entries, sizeof(*keys));
	struct value *values = calloc(entries, sizeof(*values));
	uint32_t count = entries;
	double start;
	int fd = bpf_map_create(BPF_MAP_TYPE_HASH, "bench", sizeof(*keys), sizeof(*values), entries, &create);

	if (fd < 0 || !keys || !values) {
		perror("bpf_map_create");
		return 1;
	}
	for (int i = 0; i < entries; i++) {
		keys[i].words[0] = i;
		values[i].words[0] = i;
	}
	/* The first round fills the map; the rounds that count find it full, as an agent's updates do. */
	for (int i = 0; i < entries; i++)
		if (bpf_map_update_elem(fd, &keys[i], &values[i], BPF_ANY)) {
			perror("bpf_map_update_elem");
			return 1;
		}
	start = now_ns();
	for (int i = 0; i < entries; i++)
		bpf_map_update_elem(fd, &keys[i], &values[i], BPF_ANY);
	report("update", start, entries);
	start = now_ns();
	for (int i = 0; i < entries; i++)
		bpf_map_lookup_elem(fd, &keys[i], &values[i]);
	report("lookup", start, entries);
	start = now_ns();
	if (bpf_map_update_batch(fd, keys, values, &count, &batch)) {
		perror("bpf_map_update_batch");
		return 1;
	}
	report("update-batch", start, entries);
	start = now_ns();
	count = entries;
	if (bpf_map_delete_batch(fd, keys, &count, &batch)) {
		perror("bpf_map_delete_batch");
		return 1;
	}
	report("delete-batch", start, entries);
	return 0;
}
