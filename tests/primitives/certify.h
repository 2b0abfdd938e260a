/* The certification table: what a row is, and one test for each.
 *
 * A family's file names its table and includes this one:
 *
 *     #define TABLE "tests/primitives/scan.def"
 *     #include "tests/primitives/certify.h"
 *
 * A row is C and Python alike. tools/references runs the same expression in Python, on functions of
 * the same names, for the values it should have (make references).
 *
 *   CASE (name, order, call, inputs...)             value, derivatives up to order (0: nothing flows),
 *                                                   f32, ways to compute, operands of any layout
 *   AT   (name, call, inputs...)                    value at special points, to the sign of zero
 *   KINK (name, call, inputs..., gradients...)      gradients of the sum, one list for each input
 *   FAILS(name, "message", call, inputs...)         the error, without "gradus: " and place
 *
 * Inputs are bound to x, y, z, w. Random ones are exact in f32. */
#ifndef TESTS_PRIMITIVES_CERTIFY_H
#define TESTS_PRIMITIVES_CERTIFY_H

#include "tests/common/check.h"

typedef enum input_kind {
    INPUT_NONE,
    INPUT_RANDOM,   /* low <= numbers < high; f64 */
    INPUT_INTEGERS, /* the same, whole; i64 */
    INPUT_LIST,
    INPUT_INTEGER_LIST,
    INPUT_SPD,     /* matrices symmetric and positive definite, random beside the diagonal */
    INPUT_DOMINANT /* the same without symmetry: the diagonal exceeds the rest of its row */
} input_kind;

enum { MOST_INPUTS = 8, LONGEST_LIST = 64 };

typedef struct input {
    input_kind kind;
    double low, high;
    gr_shape shape;
    int listed;
    double list[LONGEST_LIST];
} input;

#define NOTHING \
    { \
        .kind = INPUT_NONE \
    }
#define F(from, to, ...) \
    { \
        .kind = INPUT_RANDOM, .low = from, .high = to, .shape = GR_SHAPE(__VA_ARGS__) \
    }
#define SCALAR(from, to) \
    { \
        .kind = INPUT_RANDOM, .low = from, .high = to, .shape = GR_SCALAR \
    }
#define I(from, to, ...) \
    { \
        .kind = INPUT_INTEGERS, .low = from, .high = to, .shape = GR_SHAPE(__VA_ARGS__) \
    }
#define LIST_(what, ...) \
    { \
        .kind = what, .list = {__VA_ARGS__}, \
        .listed = (int)(sizeof((double[]){__VA_ARGS__}) / sizeof(double)) \
    }
#define V(...) LIST_(INPUT_LIST, __VA_ARGS__)
#define VI(...) LIST_(INPUT_INTEGER_LIST, __VA_ARGS__)
#define SPD(...) \
    { \
        .kind = INPUT_SPD, .shape = GR_SHAPE(__VA_ARGS__) \
    }
#define DOMINANT(...) \
    { \
        .kind = INPUT_DOMINANT, .shape = GR_SHAPE(__VA_ARGS__) \
    }

typedef struct row {
    const char *family; /* the table's path */
    const char *name;
    const char *text; /* call and inputs, as the table has them */
    gr_tensor *(*call)(gr_tensor *const *in);
    int order;
    int count; /* of inputs and of expected gradients */
    input inputs[MOST_INPUTS];
    const char *message;
} row;

void certify_case(const row *r);
void certify_point(const row *r);
void certify_kink(const row *r);
void certify_failure(const row *r);

#define GLUE_(a, b) a##b
#define UNIQUE_(name, line) GLUE_(name, line)
#define UNUSED_ __attribute__((unused))

/* clang-format off */
#define ROW_(certify, row_name, function, row_order, row_message, expression, row_text, ...) \
    static gr_tensor *function(gr_tensor *const *in UNUSED_) \
    { \
        gr_tensor *x UNUSED_ = in[0], *y UNUSED_ = in[1], *z UNUSED_ = in[2], *w UNUSED_ = in[3]; \
        return expression; \
    } \
    Test(primitives, function, .init = silence) \
    { \
        const row r = { \
            .family = TABLE, .name = row_name, .text = row_text, .call = function, \
            .order = row_order, .message = row_message, .inputs = {__VA_ARGS__}, \
            .count = (int)(sizeof((input[]){__VA_ARGS__}) / sizeof(input))}; \
        certify(&r); \
        EXPECT_NO_LEAK(); \
    }
/* clang-format on */

#define CASE(name, order, call, ...) \
    ROW_(certify_case, #name, UNIQUE_(name##_, __LINE__), order, NULL, call, \
         #call "|" #__VA_ARGS__, __VA_ARGS__)
#define AT(name, call, ...) \
    ROW_(certify_point, #name, UNIQUE_(name##_, __LINE__), 0, NULL, call, #call "|" #__VA_ARGS__, \
         __VA_ARGS__)
#define KINK(name, call, ...) \
    ROW_(certify_kink, #name, UNIQUE_(name##_, __LINE__), 1, NULL, call, #call, __VA_ARGS__)
#define FAILS(name, message, call, ...) \
    ROW_(certify_failure, #name, UNIQUE_(name##_, __LINE__), 0, message, call, #call, __VA_ARGS__)

#ifdef TABLE
#include TABLE
#endif

#endif
