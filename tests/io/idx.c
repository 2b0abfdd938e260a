/* IDX files: bytes become a tensor, and nothing but a whole file of unsigned bytes is one. */

#include "tests/io/expect.h"

#include <math.h>
#include <zlib.h>

#include "src/core/alloc.h"

/* (2,3): 0 to 255 in some steps. */
static const unsigned char small[] = {0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 0, 1, 2, 51, 128, 255};

/* The product of 51 and it differs when it is taken in float. */
static const double grey = 1.0 / 255;

static size_t pack(unsigned char *to, size_t room, const unsigned char *from, size_t size)
{
    z_stream s = {.next_in = (Bytef *)(uintptr_t)from,
                  .avail_in = (uInt)size,
                  .next_out = to,
                  .avail_out = (uInt)room};

    cr_assert_eq(deflateInit2(&s, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    cr_assert_eq(deflate(&s, Z_FINISH), Z_STREAM_END);
    deflateEnd(&s);
    return s.total_out;
}

static void assert_shape(const gr_tensor *t, gr_dtype dtype, gr_shape want)
{
    gr_shape got = gr_shape_of(t);

    cr_assert_not(gr_is_error(t), "%s", gr_error_message());
    cr_assert_eq(gr_dtype_of(t), dtype);
    cr_assert_eq(got.rank, want.rank);
    for (int i = 0; i < want.rank; i++) cr_assert_eq(got.dims[i], want.dims[i]);
}

static void refuse(const void *bytes, size_t size)
{
    cr_assert(gr_is_error(gr_idx_read_memory(bytes, size, GR_F32, 1)));
}

TestSuite(idx, .init = quiet);

/* ---- what is read ---- */

Test(idx, bytes_become_numbers_of_any_dtype)
{
    gr_tensor *f32 = gr_idx_read_memory(small, sizeof small, GR_F32, grey);
    gr_tensor *f64 = gr_idx_read_memory(small, sizeof small, GR_F64, grey);
    gr_tensor *i64 = gr_idx_read_memory(small, sizeof small, GR_I64, 1);

    assert_shape(f32, GR_F32, GR_SHAPE(2, 3));
    assert_shape(f64, GR_F64, GR_SHAPE(2, 3));
    assert_shape(i64, GR_I64, GR_SHAPE(2, 3));
    for (int i = 0; i < 6; i++) {
        cr_assert_eq(gr_data_f32(f32)[i], (float)(small[12 + i] * grey));
        cr_assert_eq(gr_data_f64(f64)[i], small[12 + i] * grey);
        cr_assert_eq(gr_data_i64(i64)[i], small[12 + i]);
    }
}

Test(idx, gzip_is_known_by_its_first_bytes)
{
    unsigned char packed[128];
    size_t size = pack(packed, sizeof packed, small, sizeof small);
    gr_tensor *t = gr_idx_read_memory(packed, size, GR_I64, 1);

    assert_shape(t, GR_I64, GR_SHAPE(2, 3));
    cr_assert_eq(gr_data_i64(t)[5], 255);
}

Test(idx, rank_0_and_rank_8_and_nothing)
{
    const unsigned char scalar[] = {0, 0, 8, 0, 7};
    const unsigned char none[] = {0, 0, 8, 2, 0, 0, 0, 0, 0, 0, 0, 5};
    unsigned char deep[4 + 32 + 2] = {0, 0, 8, 8};

    for (int i = 0; i < 8; i++) deep[4 + 4 * i + 3] = i == 6 ? 2 : 1;
    assert_shape(gr_idx_read_memory(scalar, sizeof scalar, GR_I64, 1), GR_I64, GR_SCALAR);
    cr_assert_eq(gr_item(gr_idx_read_memory(scalar, sizeof scalar, GR_I64, 1)), 7);
    assert_shape(gr_idx_read_memory(none, sizeof none, GR_F32, 1), GR_F32, GR_SHAPE(0, 5));
    assert_shape(gr_idx_read_memory(deep, sizeof deep, GR_F32, 1), GR_F32,
                 GR_SHAPE(1, 1, 1, 1, 1, 1, 2, 1));
}

Test(idx, extents_are_big_endian)
{
    static unsigned char file[8 + 0x010203] = {0, 0, 8, 1, 0, 1, 2, 3};

    file[sizeof file - 1] = 9;
    gr_tensor *t = gr_idx_read_memory(file, sizeof file, GR_I64, 1);
    assert_shape(t, GR_I64, GR_SHAPE(0x010203));
    cr_assert_eq(gr_data_i64(t)[0x010202], 9);
}

Test(idx, files_are_read_by_name, .init = enter)
{
    const char *path = in_folder("labels");

    write_file(path, small, sizeof small);
    assert_shape(gr_idx_read(path, GR_F32, 1), GR_F32, GR_SHAPE(2, 3));
    write_file(path, small, sizeof small - 1);
    cr_assert(gr_is_error(gr_idx_read(path, GR_F32, 1)));
    expect_error(GR_ERROR_FILE, "gr_idx_read: %s: got 5 of the 6 elements of (2,3): cut short",
                 path);
    unlink(path);
    cr_assert(gr_is_error(gr_idx_read(path, GR_F32, 1)));
    expect_error(GR_ERROR_FILE, "gr_idx_read: path: cannot read %s: No such file or directory",
                 path);
    leave();
}

/* The test images, 10,000 of 28 by 28, and their labels: the first ten are 7 2 1 0 4 1 4 9 5 9. */
Test(idx, the_mnist_files)
{
    const char *mnist = getenv("GRADUS_MNIST");
    const int64_t first[] = {7, 2, 1, 0, 4, 1, 4, 9, 5, 9};
    char path[512];

    if (!mnist) {
        cr_skip_test("GRADUS_MNIST names no folder with the MNIST files");
    }
    snprintf(path, sizeof path, "%s/t10k-labels-idx1-ubyte.gz", mnist);
    gr_tensor *labels = gr_idx_read(path, GR_I64, 1);
    assert_shape(labels, GR_I64, GR_SHAPE(10000));
    cr_assert_eq(memcmp(gr_data_i64(labels), first, sizeof first), 0);
    snprintf(path, sizeof path, "%s/t10k-images-idx3-ubyte.gz", mnist);
    gr_tensor *images = gr_idx_read(path, GR_F32, 1.0 / 255);
    assert_shape(images, GR_F32, GR_SHAPE(10000, 28, 28));
    double sum = 0;
    for (int64_t i = 0; i < 7840000; i++) sum += (double)gr_data_f32(images)[i];
    cr_assert_float_eq(sum / 7840000, 0.1325146, 1e-6, "mean %.7f", sum / 7840000);
}

/* ---- what is not ---- */

Test(idx, other_files_are_refused)
{
    refuse("\x89PNG\r\n", 6);
    expect_error(GR_ERROR_FILE, "gr_idx_read_memory: bytes: begins with 89 50, want 00 00: "
                                "not an IDX file");
    refuse("\0\1\x08\1\0\0\0\0", 8);
    expect_error(GR_ERROR_FILE, "gr_idx_read_memory: bytes: begins with 00 01, want 00 00: "
                                "not an IDX file");
    refuse("", 0);
    expect_error(GR_ERROR_FILE, "gr_idx_read_memory: bytes: header: cut short");
    refuse(NULL, 0);
    expect_error(GR_ERROR_VALUE, "gr_idx_read_memory: bytes: got NULL, want an IDX file");
}

Test(idx, other_types_are_refused)
{
    const struct {
        unsigned char code;
        const char *holds;
    } cases[] = {
        {0x09, "signed bytes"},  {0x0b, "16-bit integers"}, {0x0c, "32-bit integers"},
        {0x0d, "32-bit floats"}, {0x0e, "64-bit floats"},   {0x0a, "elements of unknown type"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const unsigned char file[] = {0, 0, cases[i].code, 1, 0, 0, 0, 0};
        refuse(file, sizeof file);
        expect_error(GR_ERROR_FILE,
                     "gr_idx_read_memory: bytes: holds %s (type %02x), want unsigned bytes "
                     "(type 08)",
                     cases[i].holds, cases[i].code);
    }
}

Test(idx, ranks_above_8_are_refused)
{
    refuse("\0\0\x08\x09", 4);
    expect_error(GR_ERROR_FILE, "gr_idx_read_memory: bytes: got rank 9, want 0 to 8");
}

Test(idx, a_product_of_extents_that_overflows_is_refused)
{
    refuse("\0\0\x08\3\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 16);
    expect_error(GR_ERROR_MEMORY,
                 "gr_idx_read_memory: bytes: the product of the extents overflows");
}

/* A header may claim anything: what cannot follow is not allocated. */
Test(idx, a_large_claim_costs_no_memory)
{
    unsigned char claim[] = {0, 0, 8, 2, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0xff, 0xff, 1, 2, 3};
    unsigned char packed[128];
    size_t size = pack(packed, sizeof packed, claim, sizeof claim);
    int64_t peak = gr_memory_stats().peak;

    refuse(claim, sizeof claim);
    expect_error(GR_ERROR_FILE, "gr_idx_read_memory: bytes: got 3 of the 140735340806145 "
                                "elements of (2147483647,65535): cut short");
    refuse(packed, size);
    cr_assert(strstr(gr_error_message(), ": got at most "), "%s", gr_error_message());
    cr_assert(strstr(gr_error_message(), " of the 140735340806145 elements of "));
    cr_assert_lt(gr_memory_stats().peak - peak, 100000);
}

/* 100,000,000 zeros behind a header that claims 6 elements. */
Test(idx, a_bomb_does_not_burst)
{
    enum { MORE = 100 * 1000 * 1000, ROOM = 200 * 1000 };
    unsigned char *bomb = malloc(MORE), *packed = malloc(ROOM);

    cr_assert(bomb && packed);
    memset(bomb, 0, MORE);
    memcpy(bomb, small, sizeof small);
    size_t size = pack(packed, ROOM, bomb, MORE);
    int64_t peak = gr_memory_stats().peak;
    refuse(packed, size);
    expect_error(GR_ERROR_FILE, "gr_idx_read_memory: bytes: bytes follow the 6 elements of (2,3)");
    cr_assert_lt(gr_memory_stats().peak - peak, 100000);
    free(bomb);
    free(packed);
}

Test(idx, every_truncation_is_refused_and_leaks_nothing)
{
    unsigned char packed[128];
    size_t size = pack(packed, sizeof packed, small, sizeof small);

    refuse(small, sizeof small - 1); /* shapes are kept for ever */
    gr_error_clear();
    int64_t current = gr_memory_stats().current;
    for (size_t cut = 0; cut < sizeof small; cut++) {
        unsigned char *copy = malloc(cut + !cut);
        memcpy(copy, small, cut);
        refuse(copy, cut);
        if (cut < 12) {
            expect_error(GR_ERROR_FILE, "gr_idx_read_memory: bytes: header: cut short");
        } else {
            expect_error(GR_ERROR_FILE,
                         "gr_idx_read_memory: bytes: got %zu of the 6 elements of (2,3): "
                         "cut short",
                         cut - 12);
        }
        free(copy);
    }
    for (size_t cut = 0; cut < size; cut++) {
        refuse(packed, cut);
        gr_error_clear();
    }
    cr_assert_eq(gr_memory_stats().current, current);
}

Test(idx, a_compressed_file_cut_short_says_so)
{
    unsigned char packed[128];
    size_t size = pack(packed, sizeof packed, small, sizeof small);

    refuse(packed, 12);
    expect_error(GR_ERROR_FILE,
                 "gr_idx_read_memory: bytes: header: the compressed bytes are cut short");
    refuse(packed, size - 10);
    expect_error(GR_ERROR_FILE, "gr_idx_read_memory: bytes: got 5 of the 6 elements of (2,3): "
                                "the compressed bytes are cut short");
    refuse(packed, size - 1);
    expect_error(GR_ERROR_FILE, "gr_idx_read_memory: bytes: behind the 6 elements of (2,3): "
                                "the compressed bytes are cut short");
}

Test(idx, a_wrong_checksum_is_refused)
{
    unsigned char packed[128];
    size_t size = pack(packed, sizeof packed, small, sizeof small);

    packed[size - 8] ^= 1;
    refuse(packed, size);
    expect_error(GR_ERROR_FILE, "gr_idx_read_memory: bytes: behind the 6 elements of (2,3): "
                                "the compressed bytes are damaged");
}

Test(idx, bytes_behind_the_end_are_refused)
{
    unsigned char longer[sizeof small + 1] = {0}, packed[128];

    memcpy(longer, small, sizeof small);
    refuse(longer, sizeof longer);
    expect_error(GR_ERROR_FILE, "gr_idx_read_memory: bytes: bytes follow the 6 elements of (2,3)");
    refuse(packed, pack(packed, sizeof packed, longer, sizeof longer));
    expect_error(GR_ERROR_FILE, "gr_idx_read_memory: bytes: bytes follow the 6 elements of (2,3)");
}

Test(idx, options_are_checked)
{
    cr_assert(gr_is_error(gr_idx_read_memory(small, sizeof small, GR_I64, 0.5)));
    expect_error(GR_ERROR_VALUE, "gr_idx_read_memory: scale: got 0.5, want 1 since dtype is i64");
    cr_assert(gr_is_error(gr_idx_read_memory(small, sizeof small, GR_F32, NAN)));
    expect_error(GR_ERROR_VALUE, "gr_idx_read_memory: scale: got nan, want a finite number");
    cr_assert(gr_is_error(gr_idx_read_memory(small, sizeof small, (gr_dtype)7, 1)));
    expect_error(GR_ERROR_DTYPE, "gr_idx_read_memory: dtype: got 7, want GR_F32, GR_F64 or GR_I64");
}

/* With n = 1, 2, 3, ... allocations granted: an error each time, until it succeeds. */
Test(idx, every_allocation_may_fail)
{
    unsigned char packed[128];
    size_t size = pack(packed, sizeof packed, small, sizeof small);
    bool read = false;

    for (int n = 1; !read; n++) {
        GR_SCOPE;
        gr__fail_allocation(n);
        read = !gr_is_error(gr_idx_read_memory(packed, size, GR_F32, 1));
        gr__fail_allocation(0);
        cr_assert(read || gr_error_code() == GR_ERROR_MEMORY, "%d: %s", n, gr_error_message());
        cr_assert_lt(n, 20);
        gr_error_clear();
    }
}
