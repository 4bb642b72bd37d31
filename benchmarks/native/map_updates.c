/* SPDX-License-Identifier: Apache-2.0 */
/* The baseline of `benchmarks/run maps`: the operations of `BpfMap<TKey, TValue>` in plain C with libbpf. As a library it is called by the
 * process that measures C#, on the same map and the same memory; as a program it fills a map of its own and prints
 * "operation nanoseconds-per-entry" lines. */
#include <bpf/bpf.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct key { uint32_t words[5]; };
struct value { uint32_t words[4]; };

typedef int (*operation)(int fd, struct key *keys, struct value *values, int entries);

int map_update(int fd, struct key *keys, struct value *values, int entries)
{
	for (int i = 0; i < entries; i++) {
		int result = bpf_map_update_elem(fd, &keys[i], &values[i], BPF_ANY);

		if (result)
			return result;
	}
	return 0;
}

int map_lookup(int fd, struct key *keys, struct value *values, int entries)
{
	struct value value;

	(void)values;
	for (int i = 0; i < entries; i++) {
		int result = bpf_map_lookup_elem(fd, &keys[i], &value);

		if (result)
			return result;
	}
	return 0;
}

int map_update_batch(int fd, struct key *keys, struct value *values, int entries)
{
	LIBBPF_OPTS(bpf_map_batch_opts, options);
	uint32_t count = entries;

	return bpf_map_update_batch(fd, keys, values, &count, &options);
}

int map_delete_batch(int fd, struct key *keys, struct value *values, int entries)
{
	LIBBPF_OPTS(bpf_map_batch_opts, options);
	uint32_t count = entries;

	(void)values;
	return bpf_map_delete_batch(fd, keys, &count, &options);
}

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static void measure(const char *what, operation run, int fd, struct key *keys, struct value *values, int entries)
{
	double start = now_ns();

	if (run(fd, keys, values, entries)) {
		perror(what);
		exit(1);
	}
	printf("%s %.1f\n", what, (now_ns() - start) / entries);
}

static void *sleep_on(void *nothing)
{
	for (;;)
		pause();
	return nothing;
}

/* map_updates ENTRIES [threads]: with "threads", beside a thread that sleeps, as every process of .NET has some. */
int main(int argc, char **argv)
{
	int entries = argc > 1 ? atoi(argv[1]) : 200000;
	LIBBPF_OPTS(bpf_map_create_opts, create);
	struct key *keys = calloc(entries, sizeof(*keys));
	struct value *values = calloc(entries, sizeof(*values));
	int fd = bpf_map_create(BPF_MAP_TYPE_HASH, "bench", sizeof(*keys), sizeof(*values), entries, &create);
	pthread_t thread;

	if (fd < 0 || !keys || !values) {
		perror("bpf_map_create");
		return 1;
	}
	if (argc > 2 && !strcmp(argv[2], "threads") && pthread_create(&thread, NULL, sleep_on, NULL)) {
		fprintf(stderr, "no second thread\n");
		return 1;
	}
	for (int i = 0; i < entries; i++) {
		keys[i].words[0] = i;
		values[i].words[0] = i;
	}
	/* The first round fills the map; the rounds that count find it full, as an agent's updates do. */
	if (map_update(fd, keys, values, entries)) {
		perror("bpf_map_update_elem");
		return 1;
	}
	measure("update", map_update, fd, keys, values, entries);
	measure("lookup", map_lookup, fd, keys, values, entries);
	measure("update-batch", map_update_batch, fd, keys, values, entries);
	measure("delete-batch", map_delete_batch, fd, keys, values, entries);
	return 0;
}
