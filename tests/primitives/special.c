/* Special functions: one test for each row of their table. */
#include "tests/primitives/special.h"

#define TABLE "tests/primitives/special.def"
#include "tests/primitives/certify.h"
