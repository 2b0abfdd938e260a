/* Memory: alignment, counting, caching by size class, the failure switch, the user's allocator. */
#include "src/core/alloc.h"

#include "tests/common/check.h"

#include "src/core/poison.h"

Test(alloc, aligned_and_writable)
{
    for (size_t bytes = 0; bytes < 5000; bytes += bytes < 300 ? 1 : 97) {
        char *memory = gr__alloc(bytes);
        cr_assert(memory);
        cr_assert_eq((uintptr_t)memory % 64, 0, "%zu bytes at %p", bytes, (void *)memory);
        memset(memory, 0xAB, bytes);
        gr__free(memory);
    }
    EXPECT_NO_LEAK();
}

Test(alloc, free_of_null_is_legal)
{
    gr__free(NULL);
    gr__buffer_drop(NULL);
}

/* A class holds what was asked for, and at most a quarter more, besides 128 bytes. */
Test(alloc, size_classes_waste_a_quarter_at_most)
{
    for (size_t bytes = 1; bytes < 1 << 20; bytes += 1 + bytes / 7) {
        int64_t before = gr_memory_stats().current;
        void *memory = gr__alloc(bytes);
        size_t counted = (size_t)(gr_memory_stats().current - before);
        cr_assert(counted >= bytes && counted * 4 <= bytes * 5 + 512, "%zu bytes take %zu", bytes,
                  counted);
        gr__free(memory);
        cr_assert_eq(gr_memory_stats().current, before);
    }
}

Test(alloc, peak_follows_current)
{
    gr_memory_reset_peak();
    gr_memory start = gr_memory_stats();
    cr_assert_eq(start.peak, start.current);
    void *a = gr__alloc(1 << 20), *b = gr__alloc(1 << 20);
    gr__free(a);
    gr__free(b);
    gr__free(gr__alloc(10));
    gr_memory end = gr_memory_stats();
    cr_assert_eq(end.current, start.current);
    cr_assert_eq(end.peak, start.current + (2 << 20) + 128);
    gr_memory_reset_peak();
    cr_assert_eq(gr_memory_stats().peak, start.current);
}

Test(alloc, freed_blocks_are_cached_and_trimmed)
{
    if (GR__POISONING) {
        cr_skip_test("a sanitizer build keeps no freed block");
    }
    gr_memory_trim();
    cr_assert_eq(gr_memory_stats().cached, 0);
    void *a = gr__alloc(100000);
    int64_t requests = gr_memory_stats().allocations;
    gr__free(a);
    cr_assert_geq(gr_memory_stats().cached, 100000);
    void *b = gr__alloc(99000);
    cr_assert_eq(a, b, "the same class gives the block again");
    cr_assert_eq(gr_memory_stats().allocations, requests);
    cr_assert_eq(gr_memory_stats().cached, 0);
    gr__free(b);
    gr_memory_trim();
    cr_assert_eq(gr_memory_stats().cached, 0);
    gr__free(gr__alloc(100000));
    cr_assert_eq(gr_memory_stats().allocations, requests + 1);
}

Test(alloc, too_large_fails_without_a_word)
{
    gr_memory before = gr_memory_stats();

    cr_assert_null(gr__alloc(SIZE_MAX));
    cr_assert_null(gr__alloc(SIZE_MAX / 2));
    cr_assert_null(gr__buffer_new(SIZE_MAX));
    cr_assert_null(gr__buffer_new((size_t)1 << 62));
    expect_ok();
    cr_assert_eq(gr_memory_stats().current, before.current);
}

Test(alloc, switch_fails_the_nth_and_all_after)
{
    void *kept[3];

    gr__fail_allocation(3);
    kept[0] = gr__alloc(10);
    kept[1] = gr__alloc(10);
    cr_assert(kept[0] && kept[1]);
    for (int i = 0; i < 5; i++) {
        cr_assert_null(gr__alloc(10));
    }
    gr__fail_allocation(0);
    kept[2] = gr__alloc(10);
    cr_assert(kept[2]);
    for (int i = 0; i < 3; i++) {
        gr__free(kept[i]);
    }
    EXPECT_NO_LEAK();
}

Test(alloc, grow_keeps_the_elements)
{
    int64_t capacity = 0;
    int *array = NULL;

    for (int i = 0; i < 10000; i++) {
        array = gr__grow(array, &capacity, i + 1, sizeof *array);
        cr_assert(array && capacity > i);
        array[i] = i * i;
    }
    for (int i = 0; i < 10000; i++) {
        cr_assert_eq(array[i], i * i);
    }
    gr__free(array);
    EXPECT_NO_LEAK();
}

Test(alloc, grow_that_fails_changes_nothing)
{
    int64_t capacity = 0;
    int *array = gr__grow(NULL, &capacity, 5, sizeof *array);
    int64_t had = capacity;

    array[4] = 42;
    gr__fail_allocation(1);
    cr_assert_null(gr__grow(array, &capacity, had + 1, sizeof *array));
    gr__fail_allocation(0);
    cr_assert_null(gr__grow(array, &capacity, INT64_MAX / 2, sizeof *array));
    cr_assert_eq(capacity, had);
    cr_assert_eq(array[4], 42);
    cr_assert_eq(gr__grow(array, &capacity, had, sizeof *array), (void *)array);
    gr__free(array);
    EXPECT_NO_LEAK();
}

Test(alloc, strdup_copies)
{
    char text[] = "weight";
    char *copy = gr__strdup(text);

    text[0] = 'x';
    cr_assert_str_eq(copy, "weight");
    gr__free(copy);
    gr__fail_allocation(1);
    cr_assert_null(gr__strdup("weight"));
    gr__fail_allocation(0);
}

Test(alloc, buffers_live_until_the_last_holder)
{
    int64_t before = gr_memory_stats().current;
    gr__buffer *b = gr__buffer_new(1000);

    cr_assert_eq((uintptr_t)b->data % 64, 0);
    cr_assert_eq(b->bytes, 1000);
    cr_assert_eq(gr__buffer_hold(b), b);
    gr__buffer_drop(b);
    memset(b->data, 1, 1000);
    cr_assert_gt(gr_memory_stats().current, before);
    gr__buffer_drop(b);
    cr_assert_eq(gr_memory_stats().current, before);
}

Test(alloc, borrowed_buffers_do_not_free_the_data)
{
    double numbers[3] = {1, 2, 3};
    gr__buffer *b = gr__buffer_borrow(numbers, sizeof numbers);

    cr_assert_eq(b->data, (void *)numbers);
    cr_assert(b->borrowed);
    gr__buffer_drop(b);
    cr_assert_eq(numbers[2], 3);
    EXPECT_NO_LEAK();
}

/* ---- the user's allocator ---- */

typedef struct arena {
    int64_t blocks, bytes, calls;
    bool refuse;
} arena;

static void *user_allocate(size_t bytes, void *context)
{
    arena *a = context;

    a->calls++;
    if (a->refuse) {
        return NULL;
    }
    a->blocks++;
    a->bytes += (int64_t)bytes;
    return aligned_alloc(64, bytes);
}

static void user_release(void *memory, size_t bytes, void *context)
{
    arena *a = context;

    a->blocks--;
    a->bytes -= (int64_t)bytes;
    free(memory);
}

Test(alloc, users_allocator_serves_everything)
{
    arena a = {0};

    cr_assert(gr_set_allocator(user_allocate, user_release, &a));
    gr_scope scope = gr_scope_begin();
    gr_tensor *x = noise_tensor(GR_F32, GR_SHAPE(100, 100), 1);
    cr_assert(isfinite(gr_item(gr_sum(gr_mul(x, x), GR_ALL_AXES, false))));
    cr_assert_gt(a.blocks, 0);
    cr_assert_geq(a.bytes, gr_memory_stats().current);
    gr_scope_end(&scope);
    gr_thread_end();
    gr_memory_trim();
    cr_assert_geq(a.bytes, gr_memory_stats().current);
    cr_assert_lt(a.bytes, 1 << 14, "only interned shapes stay: %lld bytes", (long long)a.bytes);
}

Test(alloc, users_allocator_may_refuse)
{
    arena a = {0};

    silence();
    cr_assert(gr_set_allocator(user_allocate, user_release, &a));
    gr_tensor *x = gr_full(GR_F32, GR_SHAPE(3), 2);
    gr_tensor *y = gr_full(GR_F32, GR_SHAPE(1000, 1000), 2);
    a.refuse = true;
    cr_assert_not(gr_eval(1, &y));
    cr_assert_eq(gr_error_code(), GR_ERROR_MEMORY);
    gr_error_clear();
    a.refuse = false;
    cr_assert_eq(gr_item(gr_sum(y, GR_ALL_AXES, false)), 2e6);
    expect_numbers(x, 2, 2, 2);
}

Test(alloc, users_allocator_is_too_late_after_the_first_tensor)
{
    arena a = {0};

    silence();
    gr_zeros(GR_SHAPE(3));
    cr_assert_not(gr_set_allocator(user_allocate, user_release, &a));
    expect_error(GR_ERROR_STATE, "gr_set_allocator: memory is already in use; set the allocator "
                                 "before the first tensor");
    cr_assert_eq(a.calls, 0);
}

Test(alloc, users_allocator_needs_both_functions)
{
    silence();
    cr_assert_not(gr_set_allocator(user_allocate, NULL, NULL));
    expect_error(GR_ERROR_VALUE,
                 "gr_set_allocator: release: got NULL, want both functions or neither");
    cr_assert_not(gr_set_allocator(NULL, user_release, NULL));
    expect_error(GR_ERROR_VALUE,
                 "gr_set_allocator: allocate: got NULL, want both functions or neither");
    cr_assert(gr_set_allocator(NULL, NULL, NULL));
}
