/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Stands in for libFuzzer: feeds each file of the corpus folders given to the target once, from an exact-size heap
 * buffer so that a sanitizer sees a read past the end, and every file again cut at each of its first bytes.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FILE_MAX_BYTES = 4 << 20, CUTS_MAX = 256 };

static void feed(const uint8_t *data, size_t size)
{
    uint8_t *exact = malloc(size == 0 ? 1 : size);
    if (exact == NULL) {
        abort();
    }
    memcpy(exact, data, size);
    (void)LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

static int replay_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        perror(path);
        return 1;
    }
    uint8_t *data = malloc(FILE_MAX_BYTES);
    if (data == NULL) {
        abort();
    }
    size_t n = fread(data, 1, FILE_MAX_BYTES, f);
    (void)fclose(f);
    feed(data, n);
    size_t step = n / CUTS_MAX + 1;
    for (size_t cut = 0; cut < n; cut += step) {
        feed(data, cut);
    }
    free(data);
    return 0;
}

static int replay_folder(const char *folder, size_t *count)
{
    DIR *d = opendir(folder);
    if (d == NULL) {
        perror(folder);
        return 1;
    }
    int bad = 0;
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        char path[4096];
        if (e->d_name[0] == '.') {
            continue;
        }
        (void)snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        bad |= replay_file(path);
        ++*count;
    }
    (void)closedir(d);
    return bad;
}

int main(int argc, char **argv)
{
    size_t count = 0;
    int bad = argc < 2;
    for (int i = 1; i < argc; i++) {
        bad |= replay_folder(argv[i], &count);
    }
    (void)printf("replayed %zu inputs\n", count);
    return bad != 0 || count == 0; /* an empty corpus tests nothing */
}
