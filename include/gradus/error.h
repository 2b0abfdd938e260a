/* Errors: the first one sticks.
 *
 * A call that fails says why in one line,
 *
 *     gradus: gr_matmul: b: got (4,5), want (3,*) since a is (2,3)
 *
 * which names the function, the argument, what it got, what it wants and, where it is known, the
 * cure. An error that only the numbers show comes when they are computed and says where its tensor
 * was made, as program+0x40f9: `addr2line -e program 0x40f9` gives file and line.
 *
 * A function that returns a tensor then returns an error tensor (never NULL); an operation on
 * an error tensor returns an error tensor, silently, so a program may check once at the end:
 * return gr_ok() ? 0 : 1. The state is per thread. The message is printed to stderr when the state
 * goes from ok to error, unless a handler was set. */
#ifndef GRADUS_ERROR_H
#define GRADUS_ERROR_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef GR_API
#if defined(__GNUC__)
#define GR_API __attribute__((visibility("default")))
#else
#define GR_API
#endif
#endif

#if defined(__GNUC__)
#define GR__PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define GR__PRINTF(text, first)
#endif

typedef enum gr_code {
    GR_OK,
    GR_ERROR_SHAPE,  /* shapes that do not fit together, a rank or an axis out of range */
    GR_ERROR_DTYPE,  /* a dtype the operation does not take, or two that differ */
    GR_ERROR_VALUE,  /* an option, index or number out of its range */
    GR_ERROR_MEMORY, /* an allocation failed, or a size overflows */
    GR_ERROR_FILE,   /* a file that is missing, unwritable, truncated or of another format */
    GR_ERROR_STALE,  /* a tensor whose scope has ended */
    GR_ERROR_STATE   /* a call at the wrong time: a step without gradients, a cell in use */
} gr_code;

/* True as long as no call of this thread has failed since the start or gr_error_clear. */
GR_API bool gr_ok(void);

/* The first error since then: its code, and its line without the leading "gradus: ", "" if none.
 * The text belongs to the library and lives until the next gr_error_clear of this thread. */
GR_API gr_code gr_error_code(void);
GR_API const char *gr_error_message(void);

/* Back to ok. Error tensors stay error tensors. */
GR_API void gr_error_clear(void);

/* Replaces the printing, for every thread; NULL restores it. The handler is called on the thread
 * that failed, outside parallel regions, with the library consistent; it may return, or leave the
 * process. `message` is as in gr_error_message. */
typedef void gr_handler(gr_code code, const char *message, void *context);
GR_API void gr_error_handler(gr_handler *handler, void *context);

/* Reports an error from code that extends the library (a layer, a loss, a reader): `function` and
 * `argument` as the message shows them (argument NULL: none), the rest as printf. Always returns
 * false. Every error of the library passes through here: a debugger's breakpoint on gr_fail sees
 * them all. */
GR_API bool gr_fail(gr_code code, const char *function, const char *argument, const char *format,
                    ...) GR__PRINTF(4, 5);

#ifdef __cplusplus
}
#endif
#endif
