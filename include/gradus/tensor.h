/* Tensors: what a value is, where it lives, how its numbers are seen.
 *
 * A tensor is a value and a node: it has a shape and a dtype from the moment it is made, it knows
 * the operation and the tensors it came from, and it never changes. Its numbers are computed when
 * somebody looks at them (gr_item, gr_data, gr_print, gr_eval, gr_step, saving, the end of a scope
 * for what outlives it).
 *
 * Ownership: the scope in which a tensor is made owns it; nothing is freed by hand. */
#ifndef GRADUS_TENSOR_H
#define GRADUS_TENSOR_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <gradus/error.h>

#ifdef __cplusplus
#include <initializer_list>
extern "C" {
#endif

typedef struct gr_tensor gr_tensor;

/* ---- dtypes ---- */

typedef enum gr_dtype {
    GR_F32,
    GR_F64,
    GR_I64 /* labels and indices; never differentiable */
} gr_dtype;

GR_API const char *gr_dtype_name(gr_dtype dtype); /* "f32", "f64", "i64" */
GR_API size_t gr_dtype_size(gr_dtype dtype);      /* in bytes */

/* The dtype of what names none (random tensors, layers, gr_zeros), for this thread; f32 at first.
 * GR_I64 is an error. A whole model can so be checked in f64. */
GR_API bool gr_set_default_dtype(gr_dtype dtype);
GR_API gr_dtype gr_default_dtype(void);

/* ---- shapes ---- */

#define GR_MAX_RANK 8

/* A list of extents, by value: GR_SHAPE(64, 2) is (64,2); GR_SCALAR is (). Integers only. */
typedef struct gr_shape {
    int rank;
    int64_t dims[GR_MAX_RANK];
} gr_shape;

/* A list of axes, by value: GR_AXES(0, 1); negative ones count from the end; GR_ALL_AXES is all. */
typedef struct gr_axes {
    int count; /* -1: all */
    int axis[GR_MAX_RANK];
} gr_axes;

#ifdef __cplusplus
}
template <typename... Dims> static inline gr_shape gr__shape(Dims... dims)
{
    static_assert(sizeof...(dims) >= 1 && sizeof...(dims) <= GR_MAX_RANK, "1 to 8 extents");
    return gr_shape{(int)sizeof...(dims), {static_cast<int64_t>(dims)...}};
}
template <typename... Axis> static inline gr_axes gr__axes(Axis... axis)
{
    static_assert(sizeof...(axis) >= 1 && sizeof...(axis) <= GR_MAX_RANK, "1 to 8 axes");
    return gr_axes{(int)sizeof...(axis), {static_cast<int>(axis)...}};
}
#define GR_SHAPE(...) gr__shape(__VA_ARGS__)
#define GR_SCALAR (gr_shape{0, {}})
#define GR_AXES(...) gr__axes(__VA_ARGS__)
#define GR_ALL_AXES (gr_axes{-1, {}})
extern "C" {
#else
#define GR_SHAPE(...) \
    ((gr_shape){(int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), {__VA_ARGS__}})
#define GR_SCALAR ((gr_shape){0, {0}})
#define GR_AXES(...) ((gr_axes){(int)(sizeof((int[]){__VA_ARGS__}) / sizeof(int)), {__VA_ARGS__}})
#define GR_ALL_AXES ((gr_axes){-1, {0}})
#endif

/* ---- numbers stand where tensors may ---- */

/* One operand: a tensor, or (tensor == NULL) a number, a double, which takes the other operand's
 * dtype and makes no node. The operations of ops.h take their operands through GR_ARG, so that a
 * program writes gr_mul(x, 2.0) and gr_sub(1.0, x). Two numbers, or a fraction beside GR_I64, are
 * an error. */
GR_API const gr_tensor *gr_no_tensor(void); /* what NULL becomes, so that it is no number */

typedef struct gr_arg {
    const gr_tensor *tensor;
    double number;
#ifdef __cplusplus
    gr_arg() : tensor(NULL), number(0) {}
    gr_arg(const gr_tensor *t) : tensor(t ? t : gr_no_tensor()), number(0) {}
    gr_arg(double v) : tensor(NULL), number(v) {}
    gr_arg(float v) : tensor(NULL), number(v) {}
    gr_arg(int v) : tensor(NULL), number(v) {}
    gr_arg(long v) : tensor(NULL), number((double)v) {}
    gr_arg(long long v) : tensor(NULL), number((double)v) {}
    gr_arg(unsigned v) : tensor(NULL), number(v) {}
    gr_arg(unsigned long v) : tensor(NULL), number((double)v) {}
    gr_arg(unsigned long long v) : tensor(NULL), number((double)v) {}
#endif
} gr_arg;

#ifndef __cplusplus
static inline gr_arg gr__arg_tensor(const gr_tensor *tensor)
{
    return (gr_arg){tensor ? tensor : gr_no_tensor(), 0};
}
static inline gr_arg gr__arg_number(double number)
{
    return (gr_arg){NULL, number};
}
static inline gr_arg gr__arg_integer(long long number)
{
    return (gr_arg){NULL, (double)number};
}
static inline gr_arg gr__arg_unsigned(unsigned long long number)
{
    return (gr_arg){NULL, (double)number};
}
static inline gr_arg gr__arg_same(gr_arg arg)
{
    return arg;
}
#define GR__ARG_MAKER(v) \
    _Generic((v), gr_tensor * : gr__arg_tensor, const gr_tensor * : gr__arg_tensor,                \
             void * : gr__arg_tensor, /* NULL: reported when the program runs */                   \
             gr_arg : gr__arg_same, long : gr__arg_integer, long long : gr__arg_integer,           \
             unsigned long : gr__arg_unsigned, unsigned long long : gr__arg_unsigned,              \
             default : gr__arg_number)
#if defined(__GNUC__)
/* The operand's text stands here once: written twice, it would double with each level of
 * nesting. */
#define GR__ARG(v, name) \
    __extension__({ \
        __auto_type name = (v); \
        GR__ARG_MAKER(name)(name); \
    })
#define GR__ARG_NAMED(v, n) GR__ARG(v, gr__operand_##n)
#define GR__ARG_COUNTED(v, n) GR__ARG_NAMED(v, n)
#define GR_ARG(v) GR__ARG_COUNTED(v, __COUNTER__)
#else
#define GR_ARG(v) GR__ARG_MAKER(v)(v)
#endif
#endif

/* ---- scopes ---- */

/* GR_SCOPE; at the top of a block: what the block makes dies with it, unless kept. It is a
 * declaration, so break, continue and return mean what they always mean. The portable form is
 * gr_scope s = gr_scope_begin(); ... gr_scope_end(&s). Ending an outer scope ends the inner ones.
 * At its end, kept tensors, gradients of parameters and assigned cells are computed and become
 * plain values without history. Outside every scope a tensor belongs to the thread's root scope. */
typedef struct gr_scope {
    int depth;
    int64_t serial;
} gr_scope;

GR_API gr_scope gr_scope_begin(void);
GR_API void gr_scope_end(gr_scope *scope); /* a second call does nothing */

/* GR_NO_GRAD; at the top of a block: what the block makes carries no gradient, as if detached. */
typedef struct gr_no_grad {
    int previous;
} gr_no_grad;

GR_API gr_no_grad gr_no_grad_begin(void);
GR_API void gr_no_grad_end(gr_no_grad *no_grad);

#if defined(__GNUC__)
#define GR__GLUE(a, b) a##b
#define GR__UNIQUE(name, n) GR__GLUE(name, n)
#define GR_SCOPE \
    __attribute__((cleanup(gr_scope_end), unused)) gr_scope GR__UNIQUE( \
        gr__scope_, __COUNTER__) = gr_scope_begin()
#define GR_NO_GRAD \
    __attribute__((cleanup(gr_no_grad_end), unused)) gr_no_grad GR__UNIQUE( \
        gr__no_grad_, __COUNTER__) = gr_no_grad_begin()
#endif

/* GR_TRANSIENT; at the top of a block: values of what the block makes go after their last reader,
 * instead of staying until the scope ends, and are computed again if somebody asks. For code whose
 * tensors nobody else can name, such as an optimizer's step. */
typedef struct gr_transient {
    int previous;
} gr_transient;

GR_API gr_transient gr_transient_begin(void);
GR_API void gr_transient_end(gr_transient *transient);

#if defined(__GNUC__)
#define GR_TRANSIENT \
    __attribute__((cleanup(gr_transient_end), unused)) gr_transient GR__UNIQUE( \
        gr__transient_, __COUNTER__) = gr_transient_begin()
#endif

/* A new handle to t's value in the enclosing scope (once for each level); the old one dies with its
 * own scope. When that ends, the kept tensor becomes a plain value without history: a function
 * whose result is to be differentiated must not open a scope around it. A kept tensor lives until
 * its new scope ends, so a value carried from step to step is better a cell (gr_state,
 * gr_assign). */
GR_API gr_tensor *gr_keep(const gr_tensor *t);

/* Frees the calling thread's root scope and caches; the thread may start anew afterwards. */
GR_API void gr_thread_end(void);

/* ---- making tensors ---- */

/* Copies `data` (C order) at once. An extent of 0 is legal and data may then be NULL. */
GR_API gr_tensor *gr_from_f32(gr_shape shape, const float *data);
GR_API gr_tensor *gr_from_f64(gr_shape shape, const double *data);
GR_API gr_tensor *gr_from_i64(gr_shape shape, const int64_t *data);

/* The same for a dtype known at run time; data has its C type: float, double, int64_t (not int). */
GR_API gr_tensor *gr_from_data(gr_dtype dtype, gr_shape shape, const void *data);

/* The same without a copy: the memory must stay unchanged and alive until the scope ends. */
GR_API gr_tensor *gr_borrow(gr_dtype dtype, gr_shape shape, const void *data);

GR_API gr_tensor *gr_full(gr_dtype dtype, gr_shape shape, double value);
GR_API gr_tensor *gr_zeros(gr_shape shape); /* default dtype */
GR_API gr_tensor *gr_ones(gr_shape shape);  /* default dtype */

/* (n): start, start + step, ... */
GR_API gr_tensor *gr_arange(gr_dtype dtype, int64_t n, double start, double step);

/* (n): n numbers of even distance from first to last, both exact; first if n is 1. Floats. */
GR_API gr_tensor *gr_linspace(gr_dtype dtype, int64_t n, double first, double last);

/* (rows, columns), default dtype: 1 on the main diagonal, else 0. */
GR_API gr_tensor *gr_eye(int64_t rows, int64_t columns);

/* Of x's shape and dtype, without its history. */
GR_API gr_tensor *gr_full_like(const gr_tensor *x, double value);
GR_API gr_tensor *gr_zeros_like(const gr_tensor *x);
GR_API gr_tensor *gr_ones_like(const gr_tensor *x);

/* ---- asking ---- */

/* An error tensor is f32 of shape (). */
GR_API gr_dtype gr_dtype_of(const gr_tensor *t);
GR_API gr_shape gr_shape_of(const gr_tensor *t);
GR_API int gr_rank(const gr_tensor *t);
GR_API int64_t gr_dim(const gr_tensor *t, int axis); /* negative axis: from the end; error: -1 */
GR_API int64_t gr_count(const gr_tensor *t);         /* number of elements */
GR_API bool gr_is_error(const gr_tensor *t);

/* ---- looking ---- */

/* Computes n tensors in one schedule. False if one of them is, or becomes, an error tensor. */
GR_API bool gr_eval(int n, gr_tensor *const *tensors);

/* The only element, as a double; NaN and an error if there are more or fewer, NaN for an error
 * tensor. */
GR_API double gr_item(const gr_tensor *t);

/* The elements in logical (C) order, as t's C type; NULL for an error tensor. The memory belongs to
 * the library, must not be written, and lives until the current scope ends. */
GR_API const void *gr_data(const gr_tensor *t);

/* The same, checked: an error and NULL when t has another dtype. */
GR_API const float *gr_data_f32(const gr_tensor *t);
GR_API const double *gr_data_f64(const gr_tensor *t);
GR_API const int64_t *gr_data_i64(const gr_tensor *t);

/* Prints t as NumPy prints an array: precision 8, at most 1,000 elements in full, lines of 75. The
 * second form writes at most size bytes, the final 0 included, and returns the length of the whole
 * text. */
GR_API void gr_print(const gr_tensor *t);
GR_API size_t gr_format(const gr_tensor *t, char *text, size_t size);

/* ---- for layers, losses and optimizers of one's own ---- */

/* What a failed operation returns: an error tensor, to be returned after gr_fail. */
GR_API gr_tensor *gr_error_tensor(void);

/* Whether t is a tensor of use. NULL and a stale tensor are reported for `function` and `argument`;
 * an error tensor is not: it was when it became one. */
GR_API bool gr_check_operand(const char *function, const char *argument, const gr_tensor *t);

GR_API bool gr_same_shape(gr_shape a, gr_shape b);

/* A shape as messages show it, "(2,3)", written into text; returns text. */
#define GR_SHAPE_TEXT 192
GR_API char *gr_shape_text(gr_shape shape, char text[GR_SHAPE_TEXT]);

/* Memory from the library's allocator, counted by gr_memory_stats; NULL, unreported, on failure. */
GR_API void *gr_alloc(size_t bytes);
GR_API void gr_free(void *memory); /* NULL is legal */

/* ---- the machine ---- */

/* Threads that one evaluation may use; at first the number of cores or OMP_NUM_THREADS, whichever
 * is smaller. The numbers computed do not depend on it. On a machine whose cores are shared with
 * other programs, set GOMP_SPINCOUNT=1000 in the environment: threads then sleep soon instead of
 * keeping each other from the cores. */
GR_API bool gr_set_threads(int threads);
GR_API int gr_threads(void);

/* Memory of tensor values and of the library's own structures, all threads together. */
typedef struct gr_memory {
    int64_t current;     /* bytes in use */
    int64_t peak;        /* largest `current` since the start or gr_memory_reset_peak */
    int64_t cached;      /* bytes freed and held back for the next request */
    int64_t allocations; /* requests that reached the system since the start */
} gr_memory;

GR_API gr_memory gr_memory_stats(void);
GR_API void gr_memory_reset_peak(void);
GR_API void gr_memory_trim(void); /* gives the cached bytes back to the system */

/* An allocator in place of aligned_alloc and free: allocate returns memory aligned to 64 bytes, or
 * NULL. To be set before the first tensor is made; an error later. */
typedef void *gr_allocate(size_t bytes, void *context);
typedef void gr_release(void *memory, size_t bytes, void *context);
GR_API bool gr_set_allocator(gr_allocate *allocate, gr_release *release, void *context);

/* What the evaluator did, for this thread since its start. */
typedef struct gr_work {
    int64_t nodes;     /* nodes made */
    int64_t scheduled; /* nodes computed */
    int64_t
        recomputed;  /* nodes computed again in a later flush, because their value was not kept */
    int64_t flushes; /* schedules run */
    int64_t planned; /* of these, those for which no plan of an earlier one would do */
} gr_work;

GR_API gr_work gr_work_stats(void);

#ifdef __cplusplus
}
#endif
#endif
