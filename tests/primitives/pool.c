/* Pooling, windows and changes of resolution: one test for each row of their table. */
#include "tests/primitives/pool.h"

#define TABLE "tests/primitives/pool.def"
#include "tests/primitives/certify.h"
