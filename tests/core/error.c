/* Errors: the first one sticks, is announced once, and belongs to its thread. */
#include "tests/common/check.h"

#include <criterion/redirect.h>
#include <pthread.h>

typedef struct record {
    int calls;
    gr_code code;
    char message[600];
} record;

static void remember(gr_code code, const char *message, void *context)
{
    record *r = context;

    r->calls++;
    r->code = code;
    snprintf(r->message, sizeof r->message, "%s", message);
}

Test(error, begins_ok)
{
    cr_assert(gr_ok());
    cr_assert_eq(gr_error_code(), GR_OK);
    cr_assert_str_eq(gr_error_message(), "");
}

Test(error, has_function_argument_and_text)
{
    record r = {0};

    gr_error_handler(remember, &r);
    cr_assert_not(gr_fail(GR_ERROR_SHAPE, "gr_layer", "x", "got %d, want %s", 3, "4"));
    cr_assert_not(gr_ok());
    cr_assert_eq(gr_error_code(), GR_ERROR_SHAPE);
    cr_assert_str_eq(gr_error_message(), "gr_layer: x: got 3, want 4");
    cr_assert_eq(r.calls, 1);
    cr_assert_eq(r.code, GR_ERROR_SHAPE);
    cr_assert_str_eq(r.message, "gr_layer: x: got 3, want 4");
}

Test(error, without_argument)
{
    silence();
    gr_fail(GR_ERROR_FILE, "gr_read", NULL, "no such file");
    expect_error(GR_ERROR_FILE, "gr_read: no such file");
}

Test(error, first_one_sticks)
{
    record r = {0};

    gr_error_handler(remember, &r);
    gr_fail(GR_ERROR_VALUE, "first", NULL, "one");
    cr_assert_not(gr_fail(GR_ERROR_MEMORY, "second", NULL, "two"));
    cr_assert_eq(r.calls, 1);
    expect_error(GR_ERROR_VALUE, "first: one");
}

Test(error, cleared_and_announced_again)
{
    record r = {0};

    gr_error_handler(remember, &r);
    gr_fail(GR_ERROR_VALUE, "first", NULL, "one");
    gr_error_clear();
    cr_assert(gr_ok());
    cr_assert_eq(gr_error_code(), GR_OK);
    cr_assert_str_eq(gr_error_message(), "");
    gr_fail(GR_ERROR_STATE, "second", NULL, "two");
    cr_assert_eq(r.calls, 2);
    expect_error(GR_ERROR_STATE, "second: two");
}

Test(error, printed_once_to_stderr, .init = cr_redirect_stderr)
{
    gr_fail(GR_ERROR_VALUE, "f", "a", "wrong");
    gr_fail(GR_ERROR_VALUE, "g", "b", "wrong too");
    fflush(stderr);
    cr_assert_stderr_eq_str("gradus: f: a: wrong\n");
}

Test(error, null_handler_prints_again, .init = cr_redirect_stderr)
{
    silence();
    gr_fail(GR_ERROR_VALUE, "f", NULL, "silent");
    gr_error_clear();
    gr_error_handler(NULL, NULL);
    gr_fail(GR_ERROR_VALUE, "f", NULL, "heard");
    fflush(stderr);
    cr_assert_stderr_eq_str("gradus: f: heard\n");
}

Test(error, a_message_is_one_line, .init = silence)
{
    gr_fail(GR_ERROR_VALUE, "f", "a\nb", "%s", "two\nlines\tand \xC3\xA4\n");
    expect_error(GR_ERROR_VALUE, "f: a b: two lines and \xC3\xA4 ");
}

/* 512 bytes hold a message; what is longer is cut, never overrun. */
Test(error, long_messages_are_cut)
{
    char longer[2000];

    silence();
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = 0;
    gr_fail(GR_ERROR_VALUE, "f", NULL, "%s", longer);
    cr_assert_eq(strlen(gr_error_message()), 511);
    cr_assert_eq(strncmp(gr_error_message(), "f: xxxx", 7), 0);
    gr_error_clear();
    gr_fail(GR_ERROR_VALUE, longer, longer, "%s", longer);
    cr_assert_eq(strlen(gr_error_message()), 511);
    cr_assert_eq(gr_error_code(), GR_ERROR_VALUE);
}

static void *fail_elsewhere(void *seen)
{
    bool *ok = seen;

    ok[0] = gr_ok();
    gr_fail(GR_ERROR_VALUE, "other", NULL, "thread");
    ok[1] = !gr_ok() && strcmp(gr_error_message(), "other: thread") == 0;
    return NULL;
}

Test(error, belongs_to_its_thread)
{
    pthread_t thread;
    bool seen[2] = {false, false};

    silence();
    gr_fail(GR_ERROR_SHAPE, "this", NULL, "thread");
    pthread_create(&thread, NULL, fail_elsewhere, seen);
    pthread_join(thread, NULL);
    cr_assert(seen[0], "another thread's error was seen");
    cr_assert(seen[1]);
    expect_error(GR_ERROR_SHAPE, "this: thread");
}

Test(error, error_tensors_stay_after_clear)
{
    silence();
    gr_tensor *bad = gr_zeros(GR_SHAPE(-1));
    expect_error(GR_ERROR_SHAPE, "gr_zeros: shape: axis 0: got -1, want 0 or more");
    cr_assert(gr_is_error(bad));
    cr_assert(gr_is_error(gr_add(bad, 1)), "an operation on an error tensor is one");
    cr_assert(gr_is_error(gr_sum(bad, GR_ALL_AXES, false)));
    cr_assert(gr_is_error(gr_keep(bad)));
    cr_assert(isnan(gr_item(bad)));
    cr_assert_null(gr_data(bad));
    cr_assert_null(gr_data_f32(bad));
    cr_assert_not(gr_eval(1, &bad));
    cr_assert(gr_ok(), "operations on error tensors are silent: %s", gr_error_message());
}

static void clear_inside(gr_code code, const char *message, void *context)
{
    (void)code;
    (void)message;
    ++*(int *)context;
    gr_error_clear();
}

/* A handler may use the library. */
Test(error, handler_may_clear)
{
    int calls = 0;

    gr_error_handler(clear_inside, &calls);
    gr_fail(GR_ERROR_VALUE, "f", NULL, "one");
    gr_fail(GR_ERROR_VALUE, "f", NULL, "two");
    cr_assert_eq(calls, 2);
    cr_assert(gr_ok());
}
