/* Reductions: one test for each row of their table. */
#define TABLE "tests/primitives/reduce.def"
#include "tests/primitives/certify.h"
