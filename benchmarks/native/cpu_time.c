// cpu_time PID: prints the processor time of a process in nanoseconds, of threads that have ended too.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int main(int argc, char **argv)
{
	struct timespec used;
	clockid_t clock;

	if (argc != 2 || clock_getcpuclockid(atoi(argv[1]), &clock) != 0 || clock_gettime(clock, &used) != 0) {
		fprintf(stderr, "usage: cpu_time PID, of a process that runs\n");
		return 1;
	}
	printf("%lld\n", used.tv_sec * 1000000000LL + used.tv_nsec);
	return 0;
}
