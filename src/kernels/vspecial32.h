/*
 * The special functions of vmath.h, which includes it, for floats: computed in double by
 * vspecial64.h and rounded once. 0.51 ulp. A float takes as long as a double does: erfc 1.8 times as
 * long as erf, which is computed in floats.
 */
#ifndef GR__VSPECIAL32_H
#define GR__VSPECIAL32_H

#define GR__IN_DOUBLE(name) \
    GR__INLINE float gr__##name##32(float x) \
    { \
        return (float)gr__##name##64((double)x); \
    }
#define GR__IN_DOUBLE_OF_ORDER(name) \
    GR__INLINE float gr__##name##32(float n, float x) \
    { \
        return (float)gr__##name##64((double)n, (double)x); \
    }

GR__IN_DOUBLE(erfc)
GR__IN_DOUBLE(ndtr)
GR__IN_DOUBLE(log_ndtr)
GR__IN_DOUBLE(inverse_mills)
GR__IN_DOUBLE(lgamma)
GR__IN_DOUBLE(digamma)
GR__IN_DOUBLE(trigamma)
GR__IN_DOUBLE(i0e)
GR__IN_DOUBLE(i1e)
GR__IN_DOUBLE_OF_ORDER(truncated_moment)
GR__IN_DOUBLE_OF_ORDER(polygamma)
GR__IN_DOUBLE_OF_ORDER(ive)

#undef GR__IN_DOUBLE
#undef GR__IN_DOUBLE_OF_ORDER

#endif
