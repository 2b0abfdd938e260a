/* Sine, cosine and tangent of any double: see angle.c. */
#ifndef GRADUS_KERNELS_ANGLE_H
#define GRADUS_KERNELS_ANGLE_H

#include "src/kernels/kernels.h"

double GR__KERNEL(gr__any_sin)(double x);
double GR__KERNEL(gr__any_cos)(double x);
double GR__KERNEL(gr__any_tan)(double x);

#endif
