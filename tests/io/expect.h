/* What the suites of files share: errors that are compared exactly, and a folder for each test. */
#ifndef GRADUS_TESTS_IO_EXPECT_H
#define GRADUS_TESTS_IO_EXPECT_H

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gradus.h>

static char folder[] = "/tmp/gradus-io-XXXXXX";

static inline void silent(gr_code code, const char *message, void *context)
{
    (void)code, (void)message, (void)context;
}

static inline void quiet(void)
{
    gr_error_handler(silent, NULL);
}

static inline void enter(void)
{
    quiet();
    cr_assert(mkdtemp(folder));
}

/* To be called in the test's body: what fails behind it counts for nothing. Only an empty folder
 * can be removed. */
static inline void leave(void)
{
    cr_assert_eq(rmdir(folder), 0, "%s: something was left behind", folder);
}

/* The text lives until the fourth call from now. */
static inline const char *in_folder(const char *name)
{
    static char paths[4][128];
    static int turn;
    char *path = paths[turn++ % 4];

    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static inline void write_file(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");

    cr_assert(file);
    cr_assert_eq(fwrite(bytes, 1, size, file), size);
    cr_assert_eq(fclose(file), 0);
}

static inline void __attribute__((format(printf, 2, 3)))
expect_error(gr_code code, const char *format, ...)
{
    char want[512];
    va_list list;

    va_start(list, format);
    vsnprintf(want, sizeof want, format, list);
    va_end(list);
    cr_assert_str_eq(gr_error_message(), want, "got\n%s\nwant\n%s", gr_error_message(), want);
    cr_assert_eq(gr_error_code(), code);
    gr_error_clear();
}

#endif
