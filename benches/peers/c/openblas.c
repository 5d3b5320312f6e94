/* The network on OpenBLAS, with the hidden layer split over the threads.
 *
 * Each thread owns a slice of the hidden units with their weights, and calls sgemm on it alone; threads
 * exchange their parts of the logits, once a step. The rows of the next minibatch are gathered before
 * that, each thread its share of them. */
#include "harness.h"
#include <cblas.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

void openblas_set_num_threads(int);

enum { MAX_THREADS = 64 };

static uint8_t train_bytes[TRAIN][INPUTS], test_bytes[TEST][INPUTS], train_labels[TRAIN], test_labels[TEST];
static float initial[INPUTS * HIDDEN + HIDDEN + HIDDEN * CLASSES + CLASSES];
static int order[TRAIN], threads;
/* A thread may still read a minibatch while another gathers the one after the next: three of them. */
static float x[3][BATCH][INPUTS] __attribute__((aligned(64)));
static float part[2][MAX_THREADS][BATCH * CLASSES] __attribute__((aligned(64)));
static uint64_t random_state;
static int is_done;
static atomic_int arrived, round_number;

static void barrier(void) {
    int round = atomic_load(&round_number);
    if (atomic_fetch_add(&arrived, 1) + 1 == threads) {
        atomic_store(&arrived, 0);
        atomic_store(&round_number, round + 1);
        return;
    }
    for (int spins = 0; atomic_load(&round_number) == round; spins++) {
        if (spins > 10000) sched_yield();
        else __builtin_ia32_pause();
    }
}

struct slice {
    int index, first, units;
    float *w, *b, *v, *c;     /* [INPUTS][units], [units], [units][CLASSES], [CLASSES] */
    float *mw, *mb, *mv, *mc; /* Velocities. */
    float *h, *dh, *s, *ones;
};

static void product(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, int m, int n, int k, float alpha, const float *a,
                    int lda, const float *b, int ldb, float beta, float *c, int ldc) {
    cblas_sgemm(CblasRowMajor, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

static void convert(const uint8_t *bytes, float *row) {
    for (int i = 0; i < INPUTS; i++) row[i] = bytes[i] * (1.0f / 255);
}

/* The thread's rows of a minibatch. */
static void gather(const struct slice *t, int step) {
    const int *batch = order + step * BATCH;
    for (int i = t->index; i < BATCH; i += threads) convert(train_bytes[batch[i]], x[step % 3][i]);
}

/* h = sigmoid(x W + b) for the thread's units, and its part of h V. */
static void forward(struct slice *t, const float *x, float *part) {
    for (int i = 0; i < BATCH; i++) memcpy(t->h + i * t->units, t->b, t->units * sizeof(float));
    product(CblasNoTrans, CblasNoTrans, BATCH, t->units, INPUTS, 1, x, INPUTS, t->w, t->units, 1, t->h, t->units);
    for (int i = 0; i < BATCH * t->units; i++) t->h[i] = 1 / (1 + expf(-t->h[i]));
    product(CblasNoTrans, CblasNoTrans, BATCH, CLASSES, t->units, 1, t->h, t->units, t->v, CLASSES, 0, part, CLASSES);
}

/* s = c + all parts. */
static void add_parts(struct slice *t, float parts[][BATCH * CLASSES]) {
    for (int i = 0; i < BATCH * CLASSES; i++) t->s[i] = t->c[i % CLASSES];
    for (int p = 0; p < threads; p++)
        for (int i = 0; i < BATCH * CLASSES; i++) t->s[i] += parts[p][i];
}

/* s = (softmax(s) - one-hot) / BATCH. */
static void softmax_gradient(float *s, const int *batch) {
    for (int i = 0; i < BATCH; i++, s += CLASSES) {
        float largest = s[0], sum = 0;
        for (int k = 1; k < CLASSES; k++) largest = fmaxf(largest, s[k]);
        for (int k = 0; k < CLASSES; k++) sum += s[k] = expf(s[k] - largest);
        for (int k = 0; k < CLASSES; k++) s[k] *= 1 / (sum * BATCH);
        s[train_labels[batch[i]]] -= 1.0f / BATCH;
    }
}

/* Gradient aᵀ b and step of p: at once, or with Nesterov's momentum through the velocity m. */
static void update(float *p, float *m, const float *a, int rows, const float *b, int columns, float rate, float decay) {
    if (momentum == 0) {
        product(CblasTrans, CblasNoTrans, rows, columns, BATCH, -rate, a, rows, b, columns, 1, p, columns);
        return;
    }
    static _Thread_local float gradient[INPUTS * HIDDEN];
    product(CblasTrans, CblasNoTrans, rows, columns, BATCH, 1, a, rows, b, columns, 0, gradient, columns);
    for (int i = 0; i < rows * columns; i++) {
        float g = gradient[i] + decay * p[i];
        m[i] = momentum * m[i] + g;
        p[i] -= rate * (g + momentum * m[i]);
    }
}

static void backward(struct slice *t, const float *x, float rate) {
    product(CblasNoTrans, CblasTrans, BATCH, t->units, CLASSES, 1, t->s, CLASSES, t->v, CLASSES, 0, t->dh, t->units);
    for (int i = 0; i < BATCH * t->units; i++) t->dh[i] *= t->h[i] * (1 - t->h[i]);
    update(t->v, t->mv, t->h, t->units, t->s, CLASSES, rate, decay);
    update(t->c, t->mc, t->ones, 1, t->s, CLASSES, rate, 0);
    update(t->w, t->mw, x, INPUTS, t->dh, t->units, rate, decay);
    update(t->b, t->mb, t->ones, 1, t->dh, t->units, rate, 0);
}

static void train_epoch(struct slice *t, int epoch) {
    if (t->index == 0) shuffle(order, &random_state);
    barrier();
    gather(t, 0);
    barrier();
    for (int step = 0; step < STEPS; step++) {
        const float *batch = x[step % 3][0];
        forward(t, batch, part[step % 2][t->index]);
        if (step + 1 < STEPS) gather(t, step + 1);
        barrier();
        add_parts(t, part[step % 2]);
        softmax_gradient(t->s, order + step * BATCH);
        backward(t, batch, rate(epoch * STEPS + step));
    }
    barrier();
}

static double accuracy(struct slice *t) {
    int correct = 0;
    for (int first = 0; first < TEST; first += BATCH) {
        barrier();
        for (int i = t->index; i < BATCH; i += threads) convert(test_bytes[first + i], x[0][i]);
        barrier();
        forward(t, x[0][0], part[0][t->index]);
        barrier();
        add_parts(t, part[0]);
        for (int i = 0; i < BATCH; i++) {
            int best = 0;
            for (int k = 1; k < CLASSES; k++)
                if (t->s[i * CLASSES + k] > t->s[i * CLASSES + best]) best = k;
            correct += best == test_labels[first + i];
        }
    }
    return (double)correct / TEST;
}

static void allocate_slice(struct slice *t) {
    size_t n = t->units * sizeof(float);
    float **arrays[] = {&t->w, &t->mw, &t->b, &t->mb, &t->v, &t->mv, &t->c, &t->mc, &t->h, &t->dh, &t->s, &t->ones};
    size_t sizes[] = {INPUTS * n, INPUTS * n, n, n, CLASSES * n, CLASSES * n, CLASSES * 4, CLASSES * 4,
                      BATCH * n, BATCH * n, BATCH * CLASSES * 4, BATCH * 4};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) *arrays[i] = allocate(sizes[i]);
    const float *b = initial + INPUTS * HIDDEN, *v = b + HIDDEN, *c = v + HIDDEN * CLASSES;
    for (int i = 0; i < INPUTS; i++) memcpy(t->w + i * t->units, initial + i * HIDDEN + t->first, n);
    memcpy(t->b, b + t->first, n);
    memcpy(t->v, v + t->first * CLASSES, CLASSES * n);
    memcpy(t->c, c, CLASSES * sizeof(float));
    for (int i = 0; i < BATCH; i++) t->ones[i] = 1;
}

static void *work(void *argument) {
    struct slice t = {.index = (int)(intptr_t)argument};
    /* Whole vectors of 16 units, but for the last thread. */
    int first = (HIDDEN * t.index / threads + 8) / 16 * 16, end = (HIDDEN * (t.index + 1) / threads + 8) / 16 * 16;
    t.first = first;
    t.units = (t.index + 1 == threads ? HIDDEN : end) - first;
    allocate_slice(&t);
    for (int epoch = 0; epoch < epochs && !is_done; epoch++) {
        double start = seconds();
        train_epoch(&t, epoch);
        double taken = seconds() - start;
        double reached = accuracy(&t);
        if (t.index == 0) {
            printf("epoch %.6f %.4f\n", taken, reached);
            fflush(stdout);
            is_done = is_race && reached >= 0.98;
        }
        barrier();
    }
    return NULL;
}

int main(int count, char **arguments) {
    if (count != 6) {
        fprintf(stderr, "usage: %s DATA INITIAL.bin MODE SEED THREADS\n", arguments[0]);
        return 2;
    }
    const char *folder = arguments[1];
    read_file(folder, "train-images-idx3-ubyte", 16, train_bytes, sizeof train_bytes);
    read_file(folder, "t10k-images-idx3-ubyte", 16, test_bytes, sizeof test_bytes);
    read_file(folder, "train-labels-idx1-ubyte", 8, train_labels, sizeof train_labels);
    read_file(folder, "t10k-labels-idx1-ubyte", 8, test_labels, sizeof test_labels);
    read_file(arguments[2], "", 0, initial, sizeof initial);
    choose(arguments[3]);
    random_state = strtoull(arguments[4], NULL, 10);
    threads = atoi(arguments[5]);
    if (threads < 1 || threads > 16) return 2;
    openblas_set_num_threads(1);
    pthread_t others[MAX_THREADS];
    for (int i = 1; i < threads; i++)
        if (pthread_create(&others[i], NULL, work, (void *)(intptr_t)i)) return 2;
    work((void *)0);
    for (int i = 1; i < threads; i++) pthread_join(others[i], NULL);
    return 0;
}
