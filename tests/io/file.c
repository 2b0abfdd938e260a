/* Reading whole files, and writing them so that a failure leaves the old file, or none. */

#include "tests/io/expect.h"

#include <signal.h>
#include <sys/resource.h>

#include "src/core/alloc.h"
#include "src/io/file.h"

static bool write_text(const char *path, const char *text)
{
    gr__output out = gr__output_open("gr_writer", path);

    gr__output_write(&out, text, strlen(text));
    return gr__output_close(&out);
}

static void assert_holds(const char *path, const char *text)
{
    size_t size = 0;
    unsigned char *bytes = gr__file_read("gr_reader", path, &size);

    cr_assert(bytes, "%s", gr_error_message());
    cr_assert_eq(size, strlen(text));
    cr_assert_eq(memcmp(bytes, text, size), 0);
    gr__free(bytes);
}

static void assert_unreadable(const char *path)
{
    size_t size;

    cr_assert_null(gr__file_read("gr_reader", path, &size));
}

TestSuite(file, .init = enter);

/* ---- reading ---- */

Test(file, a_file_is_read_whole)
{
    const char *path = in_folder("text");

    write_file(path, "one\0two", 7);
    size_t size;
    unsigned char *bytes = gr__file_read("gr_reader", path, &size);
    cr_assert_eq(size, 7);
    cr_assert_eq(memcmp(bytes, "one\0two", 7), 0);
    gr__free(bytes);
    write_file(path, "", 0);
    assert_holds(path, "");
    unlink(path);
    leave();
}

Test(file, reading_names_what_is_missing)
{
    const char *path = in_folder("none");

    assert_unreadable(path);
    expect_error(GR_ERROR_FILE, "gr_reader: path: cannot read %s: No such file or directory", path);
    assert_unreadable(NULL);
    expect_error(GR_ERROR_VALUE, "gr_reader: path: got NULL, want the name of a file");
    leave();
}

Test(file, only_regular_files_are_read)
{
    const char *pipe = in_folder("pipe");

    cr_assert_eq(mkfifo(pipe, 0600), 0);
    assert_unreadable(pipe);
    expect_error(GR_ERROR_FILE, "gr_reader: path: cannot read %s: not a regular file", pipe);
    assert_unreadable(folder);
    expect_error(GR_ERROR_FILE, "gr_reader: path: cannot read %s: not a regular file", folder);
    unlink(pipe);
    leave();
}

Test(file, a_file_too_large_for_memory_is_an_error)
{
    const char *path = in_folder("text");

    write_file(path, "text", 4);
    gr__fail_allocation(1);
    assert_unreadable(path);
    gr__fail_allocation(0);
    expect_error(GR_ERROR_MEMORY, "gr_reader: path: cannot read %s: no memory for it", path);
    unlink(path);
    leave();
}

/* ---- writing ---- */

Test(file, what_was_written_is_read_back)
{
    const char *path = in_folder("text");

    cr_assert(write_text(path, "first"));
    assert_holds(path, "first");
    cr_assert(write_text(path, "second, and longer"));
    assert_holds(path, "second, and longer");
    unlink(path);
    leave();
}

Test(file, new_files_have_the_rights_that_the_process_gives)
{
    const char *path = in_folder("text");
    struct stat status;

    umask(027);
    cr_assert(write_text(path, "text"));
    cr_assert_eq(stat(path, &status), 0);
    cr_assert_eq(status.st_mode & 0777, 0640);
    unlink(path);
    leave();
}

Test(file, a_relative_path_is_written_in_the_current_folder)
{
    cr_assert_eq(chdir(folder), 0);
    cr_assert(write_text("text", "here"));
    assert_holds(in_folder("text"), "here");
    unlink("text");
    leave();
}

Test(file, a_missing_folder_is_an_error)
{
    const char *path = in_folder("none/text");

    cr_assert_not(write_text(path, "text"));
    expect_error(GR_ERROR_FILE, "gr_writer: path: cannot write %s: No such file or directory",
                 path);
    cr_assert_not(write_text(NULL, "text"));
    expect_error(GR_ERROR_VALUE, "gr_writer: path: got NULL, want the name of a file");
    leave();
}

Test(file, only_regular_files_are_replaced)
{
    const char *pipe = in_folder("pipe");

    cr_assert_eq(mkfifo(pipe, 0600), 0);
    cr_assert_not(write_text(pipe, "text"));
    expect_error(GR_ERROR_FILE, "gr_writer: path: cannot write %s: not a regular file", pipe);
    cr_assert_not(write_text(folder, "text"));
    expect_error(GR_ERROR_FILE, "gr_writer: path: cannot write %s: Is a directory", folder);
    unlink(pipe);
    leave();
}

/* A limit of 10 bytes: a write of 18 is cut short, the next one fails. */
Test(file, a_failed_write_leaves_the_old_file_and_nothing_else)
{
    const char *path = in_folder("text"), *other = in_folder("other");
    struct rlimit limit, small;

    cr_assert(write_text(path, "old"));
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    small = limit;
    small.rlim_cur = 10;
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    bool replaced = write_text(path, "second, and longer"), made = write_text(other, "0123456789a");
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    cr_assert_not(replaced);
    cr_assert_not(made);
    expect_error(GR_ERROR_FILE, "gr_writer: path: cannot write %s: File too large", path);
    assert_holds(path, "old");
    unlink(path); /* now the folder is empty, or it cannot be removed */
    leave();
}

Test(file, no_memory_for_a_name_is_an_error)
{
    const char *path = in_folder("text");

    gr__fail_allocation(1);
    bool written = write_text(path, "text");
    gr__fail_allocation(0);
    cr_assert_not(written);
    expect_error(GR_ERROR_MEMORY, "gr_writer: path: cannot write %s: no memory for it", path);
    leave();
}
