/* What the C peer needs besides the network: data, initial weights, recipes, clock and order. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { INPUTS = 784, HIDDEN = 300, CLASSES = 10, BATCH = 100, TRAIN = 60000, TEST = 10000 };
enum { STEPS = TRAIN / BATCH, WARM_UP_STEPS = 120 };

static int is_race, epochs;
static float momentum, decay;

static void *allocate(size_t bytes) {
    void *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (!memory) exit(2);
    memset(memory, 0, bytes);
    return memory;
}

static void read_file(const char *folder, const char *name, long skip, void *target, size_t bytes) {
    char path[4096];
    snprintf(path, sizeof path, "%s%s%s", folder, *name ? "/" : "", name);
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, skip, SEEK_SET) || fread(target, 1, bytes, file) != bytes) {
        fprintf(stderr, "error: %s cannot be read\n", path);
        exit(2);
    }
    fclose(file);
}

static void choose(const char *mode) {
    is_race = !strcmp(mode, "race");
    epochs = is_race ? 4 : 6;
    momentum = is_race ? 0.9f : 0;
    decay = is_race ? 0.00003f : 0;
}

static float rate(int step) {
    if (!is_race) return 0.1f;
    double cosine = 1.4 * 0.5 * (1 + cos(M_PI * step / (epochs * STEPS)));
    return (float)(cosine * fmin(1, (step + 1.0) / WARM_UP_STEPS));
}

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

/* splitmix64. */
static uint64_t next_random(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static void shuffle(int *order, uint64_t *state) {
    for (int i = 0; i < TRAIN; i++) order[i] = i;
    for (int i = TRAIN - 1; i > 0; i--) {
        int j = (int)((next_random(state) >> 32) * (uint64_t)(i + 1) >> 32);
        int swap = order[i];
        order[i] = order[j];
        order[j] = swap;
    }
}
