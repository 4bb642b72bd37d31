// Stands in the place of a program, runs it, and notes when that began and ended: a shell in its place would take longer than the program.
// Compiled with -DPROGRAM="...": the program; -DTIMES="...": the file to which "began ended", in seconds since 1970, is appended;
// -DCOMMAND="...": the CNI_COMMAND of the calls that are noted, "" for those without.
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static double now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_REALTIME, &at);
	return at.tv_sec + at.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	const char *command = getenv("CNI_COMMAND");
	char *arguments[] = { PROGRAM, argc > 1 ? argv[1] : NULL, NULL };
	double began = now();
	char line[64];
	int status, file;
	pid_t child;

	if (posix_spawn(&child, PROGRAM, NULL, NULL, arguments, environ) != 0 || waitpid(child, &status, 0) != child) {
		perror(PROGRAM);
		return 125;
	}
	if (strcmp(command ? command : "", COMMAND) == 0) {
		snprintf(line, sizeof(line), "%.6f %.6f\n", began, now());
		file = open(TIMES, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
		if (file < 0 || write(file, line, strlen(line)) < 0) {
			perror(TIMES);
			return 125;
		}
		close(file);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 125;
}
