/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs a harness over files, without libFuzzer: those of the folders and files that are named, else
 * those of its committed corpus (CORPUS, set by build.mk). Exit status 1: there was none.
 */
#include <dirent.h>
#include <errno.h>

#include "guided.h"

static unsigned int inputs;

static void run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = NULL;
	size_t size = 0;

	if (!f) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(1);
	}
	fseek(f, 0, SEEK_END);
	size = ftell(f);
	rewind(f);
	data = malloc(size); /* its exact size: a step over the end is seen */
	if (size && (!data || fread(data, 1, size, f) != size))
		exit(1);
	fclose(f);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	inputs++;
}

static void run_path(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	char name[1024];

	if (!d) {
		run_file(path);
		return;
	}
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		run_file(name);
	}
	closedir(d);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		run_path(argv[i]);
	if (argc == 1)
		run_path(CORPUS);
	printf("%s: %u inputs\n", argv[0], inputs);
	return inputs ? 0 : 1;
}
