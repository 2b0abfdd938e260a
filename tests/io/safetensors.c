/* safetensors: the same bytes as the format's own package writes, and all or nothing when read. */

#include "tests/io/expect.h"

#include <stdint.h>

#include "src/core/alloc.h"
#include "src/io/file.h"

/* Written by safetensors 0.8 from NumPy arrays: what `model` below makes. */
static const char reference[] =
    "\x48\x01\0\0\0\0\0\0"
    "{\"steps\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[0,8]},"
    "\"norm.mean\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[8,16]},"
    "\"a \\\"b\\\"\\\\\\t\xc3\xa9\":{\"dtype\":\"F32\",\"shape\":[0,2],\"data_offsets\":[16,16]},"
    "\"hidden.bias\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[16,24]},"
    "\"hidden.weight\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[24,48]}}      "
    "\xfd\xff\xff\xff\xff\xff\xff\xff"
    "\x18\x2d\x44\x54\xfb\x21\x09\x40"
    "\0\0\0\x3f\0\0\xe0\x40"
    "\0\0\xc0\x3f\0\0\x10\xc0\0\0\x40\x40\xcd\xcc\xcc\x3d\xff\xe6\xdb\x2e\0\0\0\x80";
enum { SIZE = sizeof reference - 1, DATA = SIZE - 48 };

static const float weight[] = {1.5f, -2.25f, 3, 0.1f, 1e-10f, -0.0f}, bias[] = {0.5f, 7};
static const double mean = 3.141592653589793;
static const int64_t steps = -3;

static gr_params *model(void)
{
    gr_params *params = gr_params_new();
    gr_params *hidden = gr_params_group(params, "hidden");

    gr_param(hidden, "weight", gr_from_data(GR_F32, GR_SHAPE(2, 3), weight));
    gr_param(hidden, "bias", gr_from_data(GR_F32, GR_SHAPE(2), bias));
    gr_state(params, "norm.mean", gr_from_data(GR_F64, GR_SHAPE(1), &mean));
    gr_state(params, "steps", gr_from_data(GR_I64, GR_SCALAR, &steps));
    gr_param(params, "a \"b\"\\\t\xc3\xa9", gr_from_data(GR_F32, GR_SHAPE(0, 2), NULL));
    return params;
}

/* The same cells, all zero. */
static gr_params *blank(void)
{
    gr_params *params = model();

    for (int i = 0; i < gr_params_count(params); i++) {
        gr_tensor *cell = gr_params_at(params, i);
        gr_assign(cell, gr_full(gr_dtype_of(cell), gr_shape_of(cell), 0));
    }
    return params;
}

/* All numbers, one cell behind the other as in the file. */
static void numbers_of(gr_params *params, char numbers[48])
{
    GR_SCOPE;
    memcpy(numbers, gr_data(gr_params_find(params, "steps")), 8);
    memcpy(numbers + 8, gr_data(gr_params_find(params, "norm.mean")), 8);
    memcpy(numbers + 16, gr_data(gr_params_find(params, "hidden.bias")), 8);
    memcpy(numbers + 24, gr_data(gr_params_find(params, "hidden.weight")), 24);
}

static bool holds(gr_params *params, const void *want)
{
    char numbers[48];

    numbers_of(params, numbers);
    return memcmp(numbers, want, sizeof numbers) == 0;
}

static const char zeros[48];

static void finish(gr_params *params)
{
    gr_params_free(params);
    leave();
}

TestSuite(safetensors, .init = enter);

/* ---- writing ---- */

Test(safetensors, a_file_has_the_bytes_of_the_reference)
{
    const char *path = in_folder("model");
    gr_params *params = model();
    size_t size;

    cr_assert(gr_safetensors_save(params, path), "%s", gr_error_message());
    unsigned char *bytes = gr__file_read("test", path, &size);
    cr_assert_eq(size, SIZE);
    cr_assert_eq(memcmp(bytes, reference, SIZE), 0);
    gr__free(bytes);
    unlink(path);
    finish(params);
}

Test(safetensors, what_was_assigned_is_saved)
{
    const char *path = in_folder("model");
    gr_params *params = model(), *other = blank();

    GR_SCOPE;
    gr_tensor *cell = gr_params_find(params, "hidden.bias");
    gr_assign(cell, gr_mul(cell, 2.0));
    cr_assert(gr_safetensors_save(params, path));
    cr_assert(gr_safetensors_load(other, path), "%s", gr_error_message());
    cr_assert_eq(gr_data_f32(gr_params_find(other, "hidden.bias"))[1], 14);
    unlink(path);
    gr_params_free(other);
    finish(params);
}

Test(safetensors, saving_names_what_is_wrong)
{
    gr_params *params = model(), *empty = gr_params_new();
    const char *path = in_folder("none/model");

    cr_assert_not(gr_safetensors_save(params, path));
    expect_error(GR_ERROR_FILE,
                 "gr_safetensors_save: path: cannot write %s: No such file or directory", path);
    cr_assert_not(gr_safetensors_save(params, NULL));
    expect_error(GR_ERROR_VALUE, "gr_safetensors_save: path: got NULL, want the name of a file");
    cr_assert_not(gr_safetensors_save(NULL, path));
    expect_error(GR_ERROR_VALUE, "gr_safetensors_save: params: got NULL, want at least one cell");
    cr_assert_not(gr_safetensors_save(empty, path));
    expect_error(GR_ERROR_VALUE,
                 "gr_safetensors_save: params: got an empty set, want at least one cell");
    gr_params_free(empty);
    finish(params);
}

Test(safetensors, names_that_the_format_cannot_hold_are_refused)
{
    gr_params *params = gr_params_new(), *other = gr_params_new();
    const char *path = in_folder("model");

    gr_param(params, "a", gr_zeros(GR_SCALAR));
    gr_param(params, "b\xff", gr_zeros(GR_SCALAR));
    cr_assert_not(gr_safetensors_save(params, path));
    expect_error(GR_ERROR_VALUE, "gr_safetensors_save: params: the name of cell 1 is not UTF-8");
    gr_param(other, "__metadata__", gr_zeros(GR_SCALAR));
    cr_assert_not(gr_safetensors_save(other, path));
    expect_error(GR_ERROR_VALUE, "gr_safetensors_save: params: cell 0 is named \"__metadata__\", "
                                 "which the format keeps for itself");
    gr_params_free(other);
    finish(params);
}

/* ---- reading ---- */

Test(safetensors, the_reference_is_read)
{
    gr_params *params = blank();

    cr_assert(holds(params, zeros));
    cr_assert(gr_safetensors_load_memory(params, reference, SIZE), "%s", gr_error_message());
    cr_assert(holds(params, reference + DATA));
    finish(params);
}

Test(safetensors, a_file_is_read_by_name)
{
    const char *path = in_folder("model");
    gr_params *params = blank();

    write_file(path, reference, SIZE);
    cr_assert(gr_safetensors_load(params, path), "%s", gr_error_message());
    cr_assert(holds(params, reference + DATA));
    write_file(path, reference, SIZE - 1);
    cr_assert_not(gr_safetensors_load(params, path));
    expect_error(GR_ERROR_FILE, "gr_safetensors_load: %s: got 47 bytes of data, want 48: cut short",
                 path);
    unlink(path);
    cr_assert_not(gr_safetensors_load(params, path));
    expect_error(GR_ERROR_FILE,
                 "gr_safetensors_load: path: cannot read %s: No such file or directory", path);
    finish(params);
}

Test(safetensors, loading_needs_cells_and_bytes)
{
    gr_params *params = gr_params_new();

    cr_assert_not(gr_safetensors_load_memory(NULL, reference, SIZE));
    expect_error(GR_ERROR_VALUE,
                 "gr_safetensors_load_memory: params: got NULL, want at least one cell");
    cr_assert_not(gr_safetensors_load_memory(params, reference, SIZE));
    expect_error(GR_ERROR_VALUE,
                 "gr_safetensors_load_memory: params: got an empty set, want at least one cell");
    cr_assert_not(gr_safetensors_load_memory(params, NULL, SIZE));
    expect_error(GR_ERROR_VALUE,
                 "gr_safetensors_load_memory: bytes: got NULL, want a safetensors file");
    finish(params);
}

/* A file of this header and `size` bytes of data, read into the cells w (2), f32, and n (), i64. */
static bool load_header(const char *header, size_t size)
{
    char file[1024] = {0};
    uint64_t length = strlen(header);
    gr_params *params = gr_params_new();

    memcpy(file, &length, 8);
    memcpy(file + 8, header, length);
    gr_param(params, "w", gr_from_data(GR_F32, GR_SHAPE(2), (float[]){1, 2}));
    gr_state(params, "n", gr_from_data(GR_I64, GR_SCALAR, &(int64_t){3}));
    bool loaded = gr_safetensors_load_memory(params, file, 8 + length + size);
    double w = gr_item(gr_sum(gr_params_find(params, "w"), GR_ALL_AXES, false));
    double n = gr_item(gr_params_find(params, "n"));
    cr_assert(loaded ? w == 0 && n == 0 : w == 3 && n == 3, "%s: half loaded", header);
    gr_params_free(params);
    return loaded;
}

#define N "\"n\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[0,8]}"
#define W "\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,16]}"

Test(safetensors, the_order_of_entries_and_fields_is_free)
{
    const char *headers[] = {
        "{" N "," W "}",
        "{" W "," N "}",
        "{" N ",\"w\":{\"data_offsets\":[8,16],\"shape\":[2],\"dtype\":\"F32\"}}",
        " {\n " N ",\t" W " }\r\n  ",
        "{\"__metadata__\":{}," N "," W "}",
        "{" N ",\"__metadata__\":{\"format\":\"pt\",\"step\":\"12\"}," W "}",
        "{\"\\u006e\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[0,8]}," W "}",
    };

    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        cr_assert(load_header(headers[i], 16), "%s: %s", headers[i], gr_error_message());
    }
    leave();
}

Test(safetensors, an_entry_must_be_what_the_cell_is)
{
    cr_assert_not(load_header("{" N ",\"w\":{\"dtype\":\"F32\",\"shape\":[2,1],"
                              "\"data_offsets\":[8,16]}}",
                              16));
    expect_error(GR_ERROR_SHAPE, "gr_safetensors_load_memory: w: got F32 (2,1), want F32 (2)");
    cr_assert_not(load_header("{" N ",\"w\":{\"dtype\":\"F32\",\"shape\":[],"
                              "\"data_offsets\":[8,16]}}",
                              16));
    expect_error(GR_ERROR_SHAPE, "gr_safetensors_load_memory: w: got F32 (), want F32 (2)");
    cr_assert_not(load_header("{" N ",\"w\":{\"dtype\":\"BF16\",\"shape\":[2],"
                              "\"data_offsets\":[8,12]}}",
                              12));
    expect_error(GR_ERROR_DTYPE, "gr_safetensors_load_memory: w: got BF16 (2), want F32 (2)");
    leave();
}

Test(safetensors, the_names_must_be_those_of_the_cells)
{
    cr_assert_not(load_header("{" N "}", 8));
    expect_error(GR_ERROR_FILE, "gr_safetensors_load_memory: bytes: has no entry \"w\"; "
                                "was another model saved?");
    cr_assert_not(load_header("{}", 0));
    expect_error(GR_ERROR_FILE, "gr_safetensors_load_memory: bytes: has no entry \"n\"; "
                                "was another model saved?");
    cr_assert_not(load_header("{" N "," W ",\"v\":{\"dtype\":\"F32\",\"shape\":[1],"
                              "\"data_offsets\":[16,20]}}",
                              20));
    expect_error(GR_ERROR_FILE, "gr_safetensors_load_memory: bytes: has an entry \"v\", "
                                "params has no such cell; was another model saved?");
    cr_assert_not(load_header("{" N "," W "," N "}", 16));
    expect_error(GR_ERROR_FILE, "gr_safetensors_load_memory: n: stored twice");
    leave();
}

Test(safetensors, a_name_of_any_length_makes_a_message_of_one_line)
{
#define TEN "0123456789"
    cr_assert_not(
        load_header("{\"a\\nb\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}", 4));
    expect_error(GR_ERROR_FILE, "gr_safetensors_load_memory: bytes: has an entry \"a?b\", "
                                "params has no such cell; was another model saved?");
    cr_assert_not(load_header("{\"" TEN TEN TEN TEN TEN TEN
                              "\xc3\xa9 and more\":{\"dtype\":\"F32\","
                              "\"shape\":[],\"data_offsets\":[0,4]}}",
                              4));
    expect_error(GR_ERROR_FILE,
                 "gr_safetensors_load_memory: bytes: has an entry \"%s...\", "
                 "params has no such cell; was another model saved?",
                 TEN TEN TEN TEN TEN TEN);
    leave();
}

Test(safetensors, the_entries_cover_the_data_without_gap_or_overlap)
{
    const struct {
        const char *offsets, *message;
        size_t size;
    } cases[] = {
        {"[8,12]", "w: data_offsets span 4 bytes, want 8 for F32 (2)", 12},
        {"[16,8]", "w: data_offsets span -8 bytes, want 8 for F32 (2)", 16},
        {"[12,20]", "w: data_offsets begin at 12, want 8, where the entry before ends", 20},
        {"[4,12]", "w: data_offsets begin at 4, want 8, where the entry before ends", 16},
        {"[0,8]", "w: data_offsets begin at 0, want 8, where the entry before ends", 16},
        {"[9223372036854775799,9223372036854775807]",
         "w: data_offsets begin at 9223372036854775799, want 8, where the entry before ends", 16},
        {"[8,16]", "bytes: got 15 bytes of data, want 16: cut short", 15},
        {"[8,16]", "bytes: got 17 bytes of data, want 16: too many", 17},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char header[256];
        snprintf(header, sizeof header,
                 "{" N ",\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":%s}}",
                 cases[i].offsets);
        cr_assert_not(load_header(header, cases[i].size));
        expect_error(GR_ERROR_FILE, "gr_safetensors_load_memory: %s", cases[i].message);
    }
    leave();
}

Test(safetensors, the_header_is_strict_json)
{
    const char *fields = "dtype, shape and data_offsets, each once";
    const char *number = "a whole number of 0 or more";
    const struct {
        const char *header;
        size_t byte;
        const char *got, *want;
    } cases[] = {
        {"", 0, "the end", "'{'"},
        {"[]", 0, "'['", "'{'"},
        {"{", 1, "the end", "a string"},
        {"{" N, 52, "the end", "'}'"},
        {"{" N ",}", 53, "'}'", "a string"},
        {"{" N "," W "}\x01", 107, "01", "the end"},
        {"{" N "," W "}{", 107, "'{'", "the end"},
        {"{\"n\" 1}", 5, "'1'", "':'"},
        {"{\"n\":1}", 5, "'1'", "'{'"},
        {"{\"n\":{}}", 6, "'}'", "a string"},
        {"{\"n\":{\"dtype\":7}}", 14, "'7'", "a string"},
        {"{\"n\":{\"dtype\":\"I64\"}}", 19, "'}'", fields},
        {"{\"n\":{\"dtype\":\"I64\",\"dtype\":\"I64\"}}", 27, "':'", fields},
        {"{\"n\":{\"strides\":[1]}}", 15, "':'", fields},
        {"{\"n\":{\"shape\":3}}", 14, "'3'", "'['"},
        {"{\"n\":{\"shape\":[,]}}", 15, "','", number},
        {"{\"n\":{\"shape\":[-1]}}", 15, "'-'", number},
        {"{\"n\":{\"shape\":[2.5]}}", 16, "'.'", "']'"},
        {"{\"n\":{\"shape\":[1e3]}}", 16, "'e'", "']'"},
        {"{\"n\":{\"shape\":[9223372036854775808]}}", 15, "'9'", number},
        {"{\"n\":{\"shape\":[1,1,1,1,1,1,1,1,1]}}", 30, "','", "']'"},
        {"{\"n\":{\"data_offsets\":[0]}}", 23, "']'", "','"},
        {"{\"n\":{\"data_offsets\":[0,8,9]}}", 25, "','", "']'"},
        {"{\"__metadata__\":{\"a\":1}}", 21, "'1'", "a string"},
        {"{\"__metadata__\":[]}", 16, "'['", "'{'"},
        {"{\"\xff\":{}}", 2, "ff", "a character of UTF-8"},
        {"{\"a\\u0000\":{}}", 3, "'\\'", "\\u and the number of a character other than 0"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_assert_not(load_header(cases[i].header, 16));
        expect_error(GR_ERROR_FILE,
                     "gr_safetensors_load_memory: bytes: header byte %zu: got %s, want %s",
                     cases[i].byte, cases[i].got, cases[i].want);
    }
    leave();
}

Test(safetensors, the_length_of_the_header_is_checked_first)
{
    gr_params *params = blank();
    char file[16] = {0};
    int64_t peak = gr_memory_stats().peak;

    cr_assert_not(gr_safetensors_load_memory(params, file, 7));
    expect_error(GR_ERROR_FILE,
                 "gr_safetensors_load_memory: bytes: got 7 bytes, want 8 or more: cut short");
    memcpy(file, &(uint64_t){100000000}, 8);
    cr_assert_not(gr_safetensors_load_memory(params, file, 16));
    expect_error(GR_ERROR_FILE, "gr_safetensors_load_memory: bytes: got 8 of the header's "
                                "100000000 bytes: cut short");
    memcpy(file, &(uint64_t){100000001}, 8);
    cr_assert_not(gr_safetensors_load_memory(params, file, 16));
    expect_error(GR_ERROR_FILE, "gr_safetensors_load_memory: bytes: got a header of 100000001 "
                                "bytes, want 100000000 or less: not a safetensors file");
    memset(file, 0xff, 8);
    cr_assert_not(gr_safetensors_load_memory(params, file, 16));
    expect_error(GR_ERROR_FILE,
                 "gr_safetensors_load_memory: bytes: got a header of 18446744073709551615 "
                 "bytes, want 100000000 or less: not a safetensors file");
    cr_assert_lt(gr_memory_stats().peak - peak, 100000);
    finish(params);
}

/* ---- all or nothing ---- */

/* A copy of exactly this size, so that a sanitizer sees a read behind it. */
static bool load_copy(gr_params *params, const char *bytes, size_t size)
{
    char *copy = malloc(size + !size);

    memcpy(copy, bytes, size);
    bool loaded = gr_safetensors_load_memory(params, copy, size);
    free(copy);
    return loaded;
}

Test(safetensors, every_truncation_changes_nothing_and_leaks_nothing)
{
    gr_params *params = blank();

    for (int i = 0; i < 3; i++) { /* schedules are remembered */
        cr_assert(holds(params, zeros));
    }
    int64_t current = gr_memory_stats().current;
    for (size_t cut = 0; cut < SIZE; cut++) {
        cr_assert_not(load_copy(params, reference, cut), "%zu bytes", cut);
        cr_assert_eq(gr_error_code(), GR_ERROR_FILE, "%zu: %s", cut, gr_error_message());
        cr_assert(holds(params, zeros), "%zu bytes", cut);
        gr_error_clear();
        cr_assert_eq(gr_memory_stats().current, current, "%zu bytes", cut);
    }
    finish(params);
}

/* Bits of the data are nobody's business; those of length and header are. */
Test(safetensors, every_flipped_byte_loads_all_or_nothing)
{
    static const unsigned char flips[] = {0x01, 0x02, 0x20, 0x80, 0xff};
    char file[SIZE];
    int taken = 0;

    for (size_t i = 0; i < SIZE; i++) {
        for (size_t k = 0; k < sizeof flips; k++) {
            gr_params *params = blank();
            memcpy(file, reference, SIZE);
            file[i] = (char)(file[i] ^ flips[k]);
            bool loaded = load_copy(params, file, SIZE);
            cr_assert(holds(params, loaded ? file + DATA : zeros), "byte %zu", i);
            cr_assert_eq(loaded, gr_ok(), "byte %zu", i);
            taken += loaded && i < DATA;
            gr_error_clear();
            gr_params_free(params);
        }
    }
    cr_assert_eq(taken, 0, "%d changes of the header were not seen", taken);
    leave();
}

/* With n = 1, 2, 3, ... allocations granted, until it succeeds. */
Test(safetensors, every_allocation_may_fail)
{
    const char *path = in_folder("model");
    bool done = false;

    for (int n = 1; !done; n++) {
        gr_params *params = blank();
        numbers_of(params, (char[48]){0});
        gr__fail_allocation(n);
        done = gr_safetensors_load_memory(params, reference, SIZE);
        gr__fail_allocation(0);
        cr_assert(done || gr_error_code() == GR_ERROR_MEMORY, "%d: %s", n, gr_error_message());
        gr_error_clear();
        cr_assert(holds(params, done ? reference + DATA : zeros), "%d allocations", n);
        cr_assert_lt(n, 100);
        gr_params_free(params);
    }
    gr_params *params = model();
    done = false;
    for (int n = 1; !done; n++) {
        gr__fail_allocation(n);
        done = gr_safetensors_save(params, path);
        gr__fail_allocation(0);
        cr_assert(done || gr_error_code() == GR_ERROR_MEMORY, "%d: %s", n, gr_error_message());
        cr_assert_eq(access(path, F_OK) == 0, done);
        gr_error_clear();
        cr_assert_lt(n, 100);
    }
    unlink(path);
    finish(params);
}
