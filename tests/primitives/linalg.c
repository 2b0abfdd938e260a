#include "tests/primitives/linalg.h"

#define TABLE "tests/primitives/linalg.def"
#include "tests/primitives/certify.h"
