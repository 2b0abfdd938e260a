/* One matrix product, c (m,n) = a (m,k) b (k,n), and the kernels of ours that compute it. */
#ifndef GRADUS_KERNELS_PRODUCT_H
#define GRADUS_KERNELS_PRODUCT_H

#include "src/kernels/kernels.h"

/* Strides of rows and of columns, in elements. */
typedef struct gr__product {
    int64_t m, n, k;
    int64_t a_row, a_column, b_row, b_column, c_row, c_column;
} gr__product;

typedef void gr__product_kernel(const gr__product *p, void *c, const void *a, const void *b,
                                int threads);

gr__product_kernel GR__KERNEL(gr__gemm_f32), GR__KERNEL(gr__gemm_f64);

#endif
