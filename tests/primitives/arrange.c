/* Arranging: one test for each row of its table. */
#include "tests/primitives/arrange.h"

#define TABLE "tests/primitives/arrange.def"
#include "tests/primitives/certify.h"
