/* The machine: which instruction set's kernels run, on how many threads. */
#include <omp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "src/eval/eval.h"

typedef struct isa {
    const char *name;
    const gr__kernels *kernels;
    bool (*supported)(void);
} isa;

#if defined(__x86_64__)
/* Each feature is asked by name: the cpu's own level names are not known to all compilers. */
static bool has_v3(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
           __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
}

static bool has_v4(void)
{
    return has_v3() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
}
#endif

static bool always(void)
{
    return true;
}

/* Best first. */
static const isa isas[] = {
#if defined(__x86_64__)
    {"v4", &gr__kernels_v4, has_v4},
    {"v3", &gr__kernels_v3, has_v3},
#endif
    {"v1", &gr__kernels_v1, always},
};

enum { ISAS = sizeof isas / sizeof *isas };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const isa *chosen;
static _Atomic(const char *) refused; /* a value of GRADUS_ISA that this machine does not have */
static atomic_int threads;
static atomic_int fusing = -1; /* 1, 0; -1: not asked yet */
static _Atomic(int64_t) parallel_from = 1 << 17;

static void choose(void)
{
    const char *wanted = getenv("GRADUS_ISA");

#if defined(__x86_64__)
    __builtin_cpu_init();
#endif
    for (int i = 0; i < ISAS && !chosen; i++) {
        if (isas[i].supported() && (!wanted || strcmp(wanted, isas[i].name) == 0)) {
            chosen = &isas[i];
        }
    }
    for (int i = 0; i < ISAS && !chosen; i++) {
        if (isas[i].supported()) {
            chosen = &isas[i];
            refused = wanted;
        }
    }
}

/* Outside pthread_once, because the user's handler may evaluate. */
static void report_refusal(void)
{
    const char *name = atomic_exchange(&refused, NULL);

    if (name) {
        gr_fail(GR_ERROR_VALUE, "gr_eval", "GRADUS_ISA",
                "got \"%s\", want v1, v3 or v4, as far as this machine has it; using %s", name,
                chosen->name);
    }
}

const gr__kernels *gr__kernels_in_use(void)
{
    pthread_once(&once, choose);
    if (atomic_load_explicit(&refused, memory_order_relaxed)) {
        report_refusal();
    }
    return chosen->kernels;
}

int gr_threads(void)
{
    int n = atomic_load_explicit(&threads, memory_order_relaxed);

    if (n == 0) {
        int cores = omp_get_num_procs(), wanted = omp_get_max_threads();
        n = wanted < cores ? wanted : cores;
        atomic_store_explicit(&threads, n, memory_order_relaxed);
    }
    return n;
}

bool gr_set_threads(int n)
{
    if (n < 1 || n > 1024) {
        return gr_fail(GR_ERROR_VALUE, "gr_set_threads", "threads", "got %d, want 1 to 1024", n);
    }
    atomic_store_explicit(&threads, n, memory_order_relaxed);
    return true;
}

static void choose_fusing(void)
{
    const char *wanted = getenv("GRADUS_FUSE");
    int fuse = wanted && strcmp(wanted, "0") == 0 ? 0 : 1, unknown = -1;

    atomic_compare_exchange_strong(&fusing, &unknown, fuse);
}

bool gr__fusing(void)
{
    if (atomic_load_explicit(&fusing, memory_order_relaxed) < 0) {
        choose_fusing();
    }
    return atomic_load_explicit(&fusing, memory_order_relaxed) == 1;
}

void gr__set_fusing(bool fuse)
{
    atomic_store(&fusing, fuse);
}

int gr__threads_for(int64_t elements)
{
    return elements < atomic_load_explicit(&parallel_from, memory_order_relaxed) ? 1 : gr_threads();
}

void gr__set_parallel_from(int64_t elements)
{
    atomic_store(&parallel_from, elements);
}
