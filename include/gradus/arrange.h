/* Arranging: tensors joined, parted, padded, repeated; diagonals, triangles, masks. All of it moves
 * numbers without changing them, for every dtype, and is differentiable to any order. Axes may be
 * negative. */
#ifndef GRADUS_ARRANGE_H
#define GRADUS_ARRANGE_H

#include <gradus/tensor.h>

/* A list of tensors as two arguments, pointer and count: gr_concat(GR_LIST(a, b, c), 0). It lives
 * as long as the call. */
#ifdef __cplusplus
template <typename... T> static inline char (*gr__counted(const T &...))[sizeof...(T)];
#define GR_LIST(...) \
    ((gr_tensor *const *)std::initializer_list<const gr_tensor *>{__VA_ARGS__}.begin()), \
        ((int)sizeof(*gr__counted(__VA_ARGS__)))
extern "C" {
#else
#define GR_LIST(...) \
    ((gr_tensor *const *)(const gr_tensor *const[]){__VA_ARGS__}), \
        ((int)(sizeof((const gr_tensor *const[]){__VA_ARGS__}) / sizeof(const gr_tensor *)))
#endif

/* ---- joining ---- */

/* n tensors one behind the other along the axis; the other extents and the dtype are the same. */
GR_API gr_tensor *gr_concat(gr_tensor *const *tensors, int n, int axis);

/* n tensors of one shape side by side along a new axis. */
GR_API gr_tensor *gr_stack(gr_tensor *const *tensors, int n, int axis);

/* ---- parting: views; however many parts are used, their gradients cost one copy of x ----
 * False, with error tensors in `out`, if something is wrong. */

/* `parts` tensors of the same extent along the axis. */
GR_API bool gr_split(const gr_tensor *x, int axis, int parts, gr_tensor **out);

/* n tensors, whose extents along the axis add up to x's. */
GR_API bool gr_split_sizes(const gr_tensor *x, int axis, const int64_t *sizes, int n,
                           gr_tensor **out);

/* As many tensors as x's extent along the axis, without that axis; none where x has no such axis. */
GR_API bool gr_unstack(const gr_tensor *x, int axis, gr_tensor **out);

/* ---- padding along an axis, by 0 or more elements before and after ---- */

GR_API gr_tensor *gr_pad(const gr_tensor *x, int axis, int64_t before, int64_t after, double value);

/* c b [a b c] b a: less than x's extent. */
GR_API gr_tensor *gr_pad_reflect(const gr_tensor *x, int axis, int64_t before, int64_t after);

/* a a [a b c] c c; not of nothing. */
GR_API gr_tensor *gr_pad_replicate(const gr_tensor *x, int axis, int64_t before, int64_t after);

/* b c [a b c] a b: x's extent at most. */
GR_API gr_tensor *gr_pad_circular(const gr_tensor *x, int axis, int64_t before, int64_t after);

/* ---- repeating ---- */

/* x several times over along each axis, as numpy.tile: of two lists of extents, the shorter one
 * gets ones in front. */
GR_API gr_tensor *gr_tile(const gr_tensor *x, gr_shape repeats);

/* Each element along the axis `times` over, as numpy.repeat. */
GR_API gr_tensor *gr_repeat(const gr_tensor *x, int axis, int64_t times);

/* Element i goes to i + shift along the axis; what leaves at one end enters at the other. */
GR_API gr_tensor *gr_roll(const gr_tensor *x, int axis, int64_t shift);

/* ---- matrices: the last two axes; offset counts diagonals to the right of the main one ---- */

/* (..., n, m) gives (..., k): x[..., i, i + offset], or x[..., i - offset, i]; one outside of x is
 * empty. */
GR_API gr_tensor *gr_diagonal(const gr_tensor *x, int64_t offset);

/* (..., k) gives (..., n, n), n = k + |offset|: zeros with x on that diagonal. */
GR_API gr_tensor *gr_diag_embed(const gr_tensor *x, int64_t offset);

/* x with zeros above, or below, that diagonal. */
GR_API gr_tensor *gr_tril(const gr_tensor *x, int64_t offset);
GR_API gr_tensor *gr_triu(const gr_tensor *x, int64_t offset);

/* ---- grids and masks ---- */

/* n lists as coordinates of a grid, views: out[i] has shape (n_0, n_1, ...) and varies along axis
 * i. False, with error tensors in `out`, if something is wrong. */
GR_API bool gr_meshgrid(gr_tensor *const *lists, int n, gr_tensor **out);

/* value where mask is not 0, else x. The mask has any dtype and broadcasts to x's shape. What it
 * hides, NaN too, leaves no trace in gradients. */
GR_API gr_tensor *gr_masked_fill(const gr_tensor *x, const gr_tensor *mask, double value);

#ifdef __cplusplus
}
#endif
#endif
