/* Cells: the named tensors that change.
 *
 * A cell lives in a gr_params and may be given another value, by an optimizer or by gr_assign. It
 * stands wherever a tensor may; an operation on it captures the value it holds at that moment.
 *
 * Threads may read the same cells at the same time. Whoever changes them (gr_backward, gr_step,
 * gr_assign, loading) needs their set for itself; a second one at that moment gets an error, and so
 * does a thread that looks at a value which another has assigned and not computed yet. */
#ifndef GRADUS_PARAMS_H
#define GRADUS_PARAMS_H

#include <gradus/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An ordered set of cells with unique names. Free it with gr_params_free, which frees its cells and
 * its groups. */
typedef struct gr_params gr_params;

GR_API gr_params *gr_params_new(void);
GR_API void gr_params_free(gr_params *params);

/* What a constructor returns that has failed: a set without cells, to which nothing can be
 * added. */
GR_API gr_params *gr_error_params(void);

/* A set within a set: its cells are listed in both, in the parent under "name." before their own
 * name, so that one file and one walk serve several optimizers. It belongs to the parent and is
 * freed with it. */
GR_API gr_params *gr_params_group(gr_params *parent, const char *name);

/* A new cell, named, with a copy of value's numbers: gr_param is trained, gr_state (batch-norm
 * statistics, running averages, target networks) is not; both are saved. The cell belongs to
 * params. An error if the name is empty or taken, or value is GR_I64 (gr_param only). */
GR_API gr_tensor *gr_param(gr_params *params, const char *name, const gr_tensor *value);
GR_API gr_tensor *gr_state(gr_params *params, const char *name, const gr_tensor *value);

/* The cells in the order they were made, those of groups included. */
GR_API int gr_params_count(const gr_params *params);
GR_API gr_tensor *gr_params_at(const gr_params *params, int index);
GR_API const char *gr_params_name(const gr_params *params, int index);
GR_API gr_tensor *gr_params_find(const gr_params *params, const char *name); /* NULL: none */
GR_API int64_t gr_params_elements(const gr_params *params); /* of the trained cells */
GR_API bool gr_is_trained(const gr_tensor *cell);

/* Gives a cell another value, of the same shape and dtype, for every later read. The number is
 * computed, without history, at the next flush (gr_step, gr_assign_all) or when its scope ends.
 * False, and the cell as it was, on an error. */
GR_API bool gr_assign(gr_tensor *cell, const gr_tensor *value);

/* The atomic form: computes the n values, in one schedule with everything else that is pending in
 * the open scopes and that nothing reads; then, if nothing failed, changes all cells. */
GR_API bool gr_assign_all(int n, gr_tensor *const *cells, gr_tensor *const *values);

/* The gradient that gr_backward has left for a trained cell, as a tensor of the current scope; NULL
 * if it has left none. gr_set_grad replaces it (NULL: takes it away); an error, and nothing
 * changed, when its shape or dtype is not the cell's. */
GR_API gr_tensor *gr_grad(const gr_tensor *cell);
GR_API bool gr_set_grad(gr_tensor *cell, const gr_tensor *gradient);

#ifdef __cplusplus
}
#endif
#endif
