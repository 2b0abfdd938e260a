/* Views, indexing, casts and matrix products: one test for each row of their table. */
#define TABLE "tests/primitives/views.def"
#include "tests/primitives/certify.h"
