/* The thread's error: the first one sticks. */
#include <gradus/error.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>

static _Thread_local struct {
    gr_code code;
    char text[512];
} state;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static gr_handler *user_handler;
static void *user_context;

bool gr_ok(void)
{
    return state.code == GR_OK;
}

gr_code gr_error_code(void)
{
    return state.code;
}

const char *gr_error_message(void)
{
    return state.text;
}

void gr_error_clear(void)
{
    state.code = GR_OK;
    state.text[0] = 0;
}

void gr_error_handler(gr_handler *handler, void *context)
{
    pthread_mutex_lock(&lock);
    user_handler = handler;
    user_context = context;
    pthread_mutex_unlock(&lock);
}

/* Makes one line of a text that a program gave in part: what is no character of a line is a space. */
static void unfold(char *text)
{
    for (; *text; text++) {
        *text = *text >= 0 && *text < ' ' ? ' ' : *text;
    }
}

static void announce(void)
{
    pthread_mutex_lock(&lock);
    gr_handler *handler = user_handler;
    void *context = user_context;
    pthread_mutex_unlock(&lock);
    if (handler) {
        handler(state.code, state.text, context);
    } else {
        fprintf(stderr, "gradus: %s\n", state.text);
    }
}

bool gr_fail(gr_code code, const char *function, const char *argument, const char *format, ...)
{
    if (state.code != GR_OK) {
        return false;
    }
    state.code = code;
    int used = snprintf(state.text, sizeof state.text, "%s: %s%s", function,
                        argument ? argument : "", argument ? ": " : "");
    if (used >= 0 && (size_t)used < sizeof state.text) {
        va_list list;
        va_start(list, format);
        vsnprintf(state.text + used, sizeof state.text - (size_t)used, format, list);
        va_end(list);
    }
    unfold(state.text);
    announce();
    return false;
}
