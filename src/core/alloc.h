/* Memory: the only way to the system's allocator. Blocks are aligned to 64 bytes, counted, and
 * cached by size class when freed. All functions may be called from any thread. */
#ifndef GRADUS_CORE_ALLOC_H
#define GRADUS_CORE_ALLOC_H

#include <stdatomic.h>

#include <stddef.h>
#include <stdint.h>

/* NULL when the system has no more, or when a test's failure switch says so; never prints. */
void *gr__alloc(size_t bytes);
void gr__free(void *memory); /* NULL is legal */

/* An array grown to hold at least `count` elements of `size` bytes: returns it, moved if need be,
 * with *capacity updated; NULL, and the old array untouched, on failure. */
void *gr__grow_now(void *array, int64_t *capacity, int64_t count, size_t size);

static inline void *gr__grow(void *array, int64_t *capacity, int64_t count, size_t size)
{
    return count <= *capacity ? array : gr__grow_now(array, capacity, count, size);
}

char *gr__strdup(const char *text);

/* Tests: the n-th allocation from now fails (1: the next), and all after it until the switch is set
 * again; 0 switches it off. */
void gr__fail_allocation(int64_t n);

/* Storage of tensor values: counted, shared by every node that sees the same numbers. */
typedef struct gr__buffer {
    _Atomic(int32_t) holders;
    int32_t borrowed; /* the user's memory, alive only until its scope ends */
    size_t bytes;
    void *data; /* 64-byte aligned, unless borrowed */
} gr__buffer;

gr__buffer *gr__buffer_new(size_t bytes); /* one holder; contents undefined; NULL on failure */
gr__buffer *gr__buffer_borrow(const void *data, size_t bytes);
gr__buffer *gr__buffer_hold(gr__buffer *buffer);
void gr__buffer_drop(gr__buffer *buffer); /* NULL is legal */

#endif
