/* The one file that asks the system for memory. A block carries its size class in a header of 64
 * bytes before it; freed blocks wait in one list a class for the next request of that class. */
#include "src/core/alloc.h"

#include <gradus/tensor.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "src/core/poison.h"

enum { ALIGNMENT = 64, CLASSES = 256, LARGE_PAGE = 1 << 21 };

typedef struct block {
    size_t bytes; /* of the class, header not included */
    int size_class;
    struct block *next;
} block;

_Static_assert(sizeof(block) <= ALIGNMENT, "a block's header");

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static block *cache[CLASSES];
static gr_memory stats;
static int64_t fail_in; /* allocations until one fails; -1: failing; 0: off */
static gr_allocate *user_allocate;
static gr_release *user_release;
static void *user_context;

/* Four classes for each power of two, from 64 bytes: at most a quarter of a block is unused. */
static int size_class_of(size_t bytes, size_t *rounded)
{
    size_t step = 16;
    int size_class = 0;

    while (bytes > 8 * step) {
        step *= 2;
        size_class += 4;
    }
    size_t quarters = (bytes + step - 1) / step;
    if (quarters < 4) {
        quarters = 4;
    }
    *rounded = quarters * step;
    return size_class + (int)(quarters - 4);
}

/* Large blocks ask for large pages: a pass over many of them then waits less for addresses. */
static block *allocate_pages(size_t bytes)
{
    size_t whole = (bytes + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE;
    block *b = aligned_alloc(LARGE_PAGE, whole);

#ifdef MADV_HUGEPAGE
    if (b) {
        madvise(b, whole, MADV_HUGEPAGE);
    }
#endif
    return b;
}

static block *system_allocate(size_t bytes)
{
    size_t whole = (bytes + ALIGNMENT + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;

    if (user_allocate) {
        return user_allocate(whole, user_context);
    }
    return whole < 2 * LARGE_PAGE ? aligned_alloc(ALIGNMENT, whole) : allocate_pages(whole);
}

static void system_release(block *b)
{
    if (user_release) {
        size_t whole = (b->bytes + ALIGNMENT + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        user_release(b, whole, user_context);
    } else {
        free(b);
    }
}

static void trim(void)
{
    for (int i = 0; i < CLASSES; i++) {
        while (cache[i]) {
            block *b = cache[i];
            cache[i] = b->next;
            system_release(b);
        }
    }
    stats.cached = 0;
}

/* Whether the failure switch wants this allocation to fail; counts it. */
static bool told_to_fail(void)
{
    if (fail_in > 0 && --fail_in == 0) {
        fail_in = -1;
    }
    return fail_in < 0;
}

static block *obtain(size_t bytes, int size_class)
{
    block *b = cache[size_class];

    if (b) {
        cache[size_class] = b->next;
        stats.cached -= (int64_t)bytes;
        return b;
    }
    b = system_allocate(bytes);
    if (!b) {
        trim();
        b = system_allocate(bytes);
    }
    if (b) {
        stats.allocations++;
        b->bytes = bytes;
        b->size_class = size_class;
    }
    return b;
}

void *gr__alloc(size_t bytes)
{
    size_t rounded;

    if (bytes > SIZE_MAX / 4) {
        return NULL;
    }
    /* A tensor's buffer has its own header in front of its numbers: the classes fit the numbers. */
    int size_class = size_class_of(bytes > ALIGNMENT ? bytes - ALIGNMENT : 1, &rounded);
    rounded += ALIGNMENT;
    pthread_mutex_lock(&lock);
    block *b = told_to_fail() ? NULL : obtain(rounded, size_class);
    if (b) {
        stats.current += (int64_t)rounded;
        stats.peak = stats.current > stats.peak ? stats.current : stats.peak;
    }
    pthread_mutex_unlock(&lock);
    return b ? (char *)b + ALIGNMENT : NULL;
}

void gr__free(void *memory)
{
    if (!memory) {
        return;
    }
    block *b = (block *)(void *)((char *)memory - ALIGNMENT);
    pthread_mutex_lock(&lock);
    stats.current -= (int64_t)b->bytes;
    if (GR__POISONING) { /* a sanitizer sees a use after free only if nobody gets the block again */
        system_release(b);
    } else {
        stats.cached += (int64_t)b->bytes;
        b->next = cache[b->size_class];
        cache[b->size_class] = b;
    }
    pthread_mutex_unlock(&lock);
}

void *gr__grow_now(void *array, int64_t *capacity, int64_t count, size_t size)
{
    int64_t larger = *capacity < 8 ? 16 : 2 * *capacity;
    if (larger < count) {
        larger = count;
    }
    if ((uint64_t)larger > SIZE_MAX / 4 / size) {
        return NULL;
    }
    void *moved = gr__alloc((size_t)larger * size);
    if (!moved) {
        return NULL;
    }
    if (array) {
        memcpy(moved, array, (size_t)*capacity * size);
    }
    gr__free(array);
    *capacity = larger;
    return moved;
}

char *gr__strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = gr__alloc(size);

    return copy ? memcpy(copy, text, size) : NULL;
}

void gr__fail_allocation(int64_t n)
{
    pthread_mutex_lock(&lock);
    fail_in = n;
    pthread_mutex_unlock(&lock);
}

/* ---- buffers ---- */

gr__buffer *gr__buffer_new(size_t bytes)
{
    _Static_assert(sizeof(gr__buffer) <= ALIGNMENT, "the data follow at the next aligned address");
    gr__buffer *buffer = bytes < SIZE_MAX / 8 ? gr__alloc(bytes + ALIGNMENT) : NULL;

    if (buffer) {
        atomic_init(&buffer->holders, 1);
        buffer->borrowed = 0;
        buffer->bytes = bytes;
        buffer->data = (char *)buffer + ALIGNMENT;
    }
    return buffer;
}

gr__buffer *gr__buffer_borrow(const void *data, size_t bytes)
{
    gr__buffer *buffer = gr__buffer_new(0);

    if (buffer) {
        buffer->borrowed = 1;
        buffer->bytes = bytes;
        buffer->data = data ? (void *)(uintptr_t)data : buffer->data; /* NULL: of no elements */
    }
    return buffer;
}

gr__buffer *gr__buffer_hold(gr__buffer *buffer)
{
    atomic_fetch_add_explicit(&buffer->holders, 1, memory_order_relaxed);
    return buffer;
}

/* Nobody can join the last holder, so it need not count down. */
void gr__buffer_drop(gr__buffer *buffer)
{
    if (buffer && (atomic_load_explicit(&buffer->holders, memory_order_acquire) == 1 ||
                   atomic_fetch_sub_explicit(&buffer->holders, 1, memory_order_acq_rel) == 1)) {
        gr__free(buffer);
    }
}

/* ---- public ---- */

void *gr_alloc(size_t bytes)
{
    return gr__alloc(bytes);
}

void gr_free(void *memory)
{
    gr__free(memory);
}

gr_memory gr_memory_stats(void)
{
    pthread_mutex_lock(&lock);
    gr_memory copy = stats;
    pthread_mutex_unlock(&lock);
    return copy;
}

void gr_memory_reset_peak(void)
{
    pthread_mutex_lock(&lock);
    stats.peak = stats.current;
    pthread_mutex_unlock(&lock);
}

void gr_memory_trim(void)
{
    pthread_mutex_lock(&lock);
    trim();
    pthread_mutex_unlock(&lock);
}

bool gr_set_allocator(gr_allocate *allocate, gr_release *release, void *context)
{
    pthread_mutex_lock(&lock);
    bool early = stats.allocations == 0;
    if (early && !allocate == !release) {
        user_allocate = allocate;
        user_release = release;
        user_context = context;
    }
    pthread_mutex_unlock(&lock);
    if (!early) {
        return gr_fail(GR_ERROR_STATE, "gr_set_allocator", NULL,
                       "memory is already in use; set the allocator before the first tensor");
    }
    if (!allocate != !release) {
        return gr_fail(GR_ERROR_VALUE, "gr_set_allocator", allocate ? "release" : "allocate",
                       "got NULL, want both functions or neither");
    }
    return true;
}
