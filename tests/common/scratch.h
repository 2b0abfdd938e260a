/* What a schedule leaves on nodes: nothing. */
#ifndef TESTS_COMMON_SCRATCH_H
#define TESTS_COMMON_SCRATCH_H

#include "src/core/scope.h"
#include "tests/common/check.h"

/* Scratch of a schedule, clean between two. */
static inline void check_scratch(void)
{
    const gr__thread *thread = gr__self();

    for (int64_t i = 0; i < thread->count; i++) {
        const gr_tensor *node = thread->nodes[i];
        cr_assert_eq(node->mark, 0, "node %lld is marked", (long long)i);
        cr_assert_eq(node->flags & GR__REQUESTED, 0, "node %lld is requested", (long long)i);
    }
}

#endif
