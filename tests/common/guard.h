/* Memory between two pages that nobody may touch. */
#ifndef TESTS_COMMON_GUARD_H
#define TESTS_COMMON_GUARD_H

#include <criterion/criterion.h>
#include <sys/mman.h>
#include <unistd.h>

/* `bytes` at the end of the memory, right before such a page, or at its beginning, right behind
 * one. */
static inline void *guarded(size_t bytes, bool at_end)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), whole = (bytes + page - 1) / page * page;
    int kind = MAP_PRIVATE | MAP_ANONYMOUS;
    char *map = mmap(NULL, whole + 2 * page, PROT_NONE, kind, -1, 0);

    cr_assert(map != MAP_FAILED);
    if (whole > 0) {
        cr_assert_eq(mprotect(map + page, whole, PROT_READ | PROT_WRITE), 0);
    }
    return map + page + (at_end ? whole - bytes : 0);
}

static inline void release_guarded(void *memory, size_t bytes, bool at_end)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), whole = (bytes + page - 1) / page * page;

    munmap((char *)memory - page - (at_end ? whole - bytes : 0), whole + 2 * page);
}

#endif
