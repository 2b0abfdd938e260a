/* Printing: a tensor as the text that NumPy's str() gives with its default options. The numbers
 * come from the public gr_data. printf finds the digits of a float; nothing else of its text is
 * used, so that no locale shows. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "src/core/tensor.h"

/* NumPy's defaults: digits after the point, elements shown in full, items at either end of an axis
 * that is not, characters in a line. */
enum { PRECISION = 8, THRESHOLD = 1000, EDGE = 3, WIDTH = 75 };

enum { WORD = 48 }; /* room for one element's text */

/* Where the text goes: a file, or memory of `size` bytes. Spaces wait until something follows them
 * on their line, so that no line ends with one. */
typedef struct sink {
    FILE *file;
    char *text;
    size_t size, length;
    int column, spaces;
} sink;

/* How the floats of one tensor are written, and the room that the widest of them takes. */
typedef struct style {
    bool scientific;
    bool fixed;           /* scientific: exactly `places` digits after the point, else as needed */
    int places, exponent; /* digits after the point at most, and of the exponent at least */
    int left, right;      /* characters before and after the point, the exponent counts as after */
    int width;            /* of the whole word */
} style;

typedef struct page {
    gr_dtype dtype;
    gr_shape shape;
    int64_t strides[GR_MAX_RANK];
    const void *data;
    bool shortened;        /* only the ends of long axes are shown */
    double least, largest; /* of the shown absolute values that are finite and not 0 */
    style style;
    sink sink;
} page;

static void print(const char *function, const gr_tensor *t, sink *out);

void gr_print(const gr_tensor *t)
{
    print("gr_print", t, &(sink){.file = stdout});
    putc('\n', stdout);
}

size_t gr_format(const gr_tensor *t, char *text, size_t size)
{
    sink out = {.text = text, .size = size};

    print("gr_format", t, &out);
    if (size > 0) {
        text[out.length < size ? out.length : size - 1] = 0;
    }
    return out.length;
}

/* ---- the sink ---- */

static void put_raw(sink *out, char c)
{
    if (out->file) {
        putc(c, out->file);
    } else if (out->length + 1 < out->size) {
        out->text[out->length] = c;
    }
    out->length++;
}

static void put(sink *out, char c)
{
    out->column = c == '\n' ? 0 : out->column + 1;
    if (c == ' ') {
        out->spaces++;
        return;
    }
    for (; out->spaces > 0; out->spaces--) {
        if (c != '\n') put_raw(out, ' ');
    }
    put_raw(out, c);
}

static void put_text(sink *out, const char *text)
{
    for (; *text; text++) put(out, *text);
}

static void put_times(sink *out, char c, int times)
{
    for (; times > 0; times--) put(out, c);
}

/* ---- digits ---- */

/* A finite number: d.ddd times 10 to the exponent. */
typedef struct decimal {
    bool negative;
    int exponent, count;
    char digits[20];
} decimal;

/* To `count` digits, the exact value correctly rounded. */
static decimal rounded(double x, int count)
{
    char text[WORD];
    decimal d = {.negative = signbit(x)};
    const char *c = text;

    snprintf(text, sizeof text, "%.*e", count - 1, fabs(x));
    for (; *c != 'e'; c++) {
        if (*c >= '0' && *c <= '9') d.digits[d.count++] = *c;
    }
    d.exponent = atoi(c + 1);
    return d;
}

static bool reads_back(const decimal *d, double x, gr_dtype dtype)
{
    char text[WORD];

    snprintf(text, sizeof text, "%.*se%d", d->count, d->digits, d->exponent - (d->count - 1));
    return dtype == GR_F32 ? strtof(text, NULL) == (float)fabs(x) : strtod(text, NULL) == fabs(x);
}

/* The next larger number of as many digits. */
static decimal above(decimal d)
{
    int i = d.count - 1;

    while (i > 0 && d.digits[i] == '9') d.digits[i--] = '0';
    if (d.digits[i] == '9') {
        d.digits[i] = '1';
        d.exponent++;
    } else {
        d.digits[i]++;
    }
    return d;
}

/* The fewest digits that read back as x in its dtype. Not always those nearest to x: below a power
 * of two its neighbours are closer than above, and a number further up may still read back. */
static decimal shortest(double x, gr_dtype dtype)
{
    for (int count = 1;; count++) {
        decimal d = rounded(x, count), up = above(d);
        if (count == 17 || reads_back(&d, x, dtype)) return d;
        if (reads_back(&up, x, dtype)) return up;
    }
}

static void trim(decimal *d)
{
    while (d->count > 1 && d->digits[d->count - 1] == '0') d->count--;
}

/* ---- one element ---- */

static char *copy_digits(char *text, const decimal *d, int from, int to)
{
    for (int i = from; i < to; i++) *text++ = i >= 0 && i < d->count ? d->digits[i] : '0';
    return text;
}

static void positional(char *text, double x, gr_dtype dtype, int places)
{
    decimal d = shortest(x, dtype);

    if (d.count - 1 - d.exponent > places) {
        d = rounded(x, d.exponent + 1 + places);
        trim(&d);
    }
    if (d.negative) *text++ = '-';
    text = copy_digits(text, &d, d.exponent < 0 ? d.exponent : 0, d.exponent + 1);
    *text++ = '.';
    text = copy_digits(text, &d, d.exponent + 1, d.count);
    *text = 0;
}

static void scientific(char *text, double x, gr_dtype dtype, const style *s)
{
    decimal d = shortest(x, dtype);
    int places = s->fixed || d.count - 1 > s->places ? s->places : d.count - 1;

    if (places != d.count - 1) {
        d = rounded(x, places + 1);
        if (!s->fixed) trim(&d);
    }
    if (d.negative) *text++ = '-';
    *text++ = d.digits[0];
    *text++ = '.';
    text = copy_digits(text, &d, 1, d.count);
    snprintf(text, 8, "e%c%0*d", d.exponent < 0 ? '-' : '+', s->exponent, abs(d.exponent));
}

static double number_at(const page *p, int64_t at)
{
    return p->dtype == GR_F32 ? (double)((const float *)p->data)[at]
                              : ((const double *)p->data)[at];
}

/* The element's text, without the spaces that make it as wide as the others. */
static void word_at(const page *p, int64_t at, char text[WORD])
{
    if (p->dtype == GR_I64) {
        snprintf(text, WORD, "%lld", (long long)((const int64_t *)p->data)[at]);
        return;
    }
    double x = number_at(p, at);
    if (!isfinite(x)) {
        snprintf(text, WORD, "%s", isnan(x) ? "nan" : x < 0 ? "-inf" : "inf");
    } else if (p->style.scientific) {
        scientific(text, x, p->dtype, &p->style);
    } else {
        positional(text, x, p->dtype, p->style.places);
    }
}

/* ---- the style of a tensor ---- */

/* The index shown after i on an axis of n. */
static int64_t next(const page *p, int64_t i, int64_t n)
{
    return p->shortened && n > 2 * EDGE && i == EDGE - 1 ? n - EDGE : i + 1;
}

static void each(page *p, int axis, int64_t at, void (*visit)(page *, int64_t))
{
    if (axis == p->shape.rank) {
        visit(p, at);
        return;
    }
    for (int64_t i = 0, n = p->shape.dims[axis]; i < n; i = next(p, i, n)) {
        each(p, axis + 1, at + i * p->strides[axis], visit);
    }
}

static void widen(int *width, ptrdiff_t wanted)
{
    if (*width < wanted) *width = (int)wanted;
}

static void see_range(page *p, int64_t at)
{
    double x = fabs(number_at(p, at));

    if (isfinite(x) && x > 0) {
        p->least = fmin(p->least, x);
        p->largest = fmax(p->largest, x);
    }
}

static void see_width(page *p, int64_t at)
{
    char text[WORD];
    style *s = &p->style;

    word_at(p, at, text);
    const char *end = text + strlen(text), *point = strchr(text, '.'), *e = strchr(text, 'e');
    if (!point) {
        widen(&s->width, end - text);
        return;
    }
    widen(&s->left, point - text);
    widen(&s->right, (e ? e : end) - point - 1);
    if (e) widen(&s->exponent, end - e - 2);
}

/* NumPy's rule, in the arithmetic of the dtype. */
static bool wants_exponents(gr_dtype dtype, double least, double largest)
{
    if (!(largest > 0)) {
        return false;
    }
    return dtype == GR_F32
               ? largest >= 1e6 || (float)least < 1e-4f || (float)largest / (float)least > 1000
               : largest >= 1e8 || least < 1e-4 || largest / least > 1000;
}

static void choose_style(page *p)
{
    style *s = &p->style;

    if (p->dtype != GR_I64) {
        p->least = INFINITY;
        each(p, 0, 0, see_range);
        s->scientific = wants_exponents(p->dtype, p->least, p->largest);
    }
    *s = (style){.scientific = s->scientific, .places = PRECISION, .exponent = 2};
    each(p, 0, 0, see_width);
    if (s->scientific) {
        s->fixed = true;
        s->places = s->right;
        s->right += 2 + s->exponent;
    }
    widen(&s->width, s->left + 1 + s->right);
    s->left = s->width - 1 - s->right;
}

/* ---- the tensor ---- */

static void put_word(page *p, const char *text, int before, int after)
{
    sink *out = &p->sink;
    int rank = p->shape.rank, width = before + (int)strlen(text) + after;

    if (out->column + width > WIDTH - rank && out->column > rank) {
        put(out, '\n');
        put_times(out, ' ', rank);
    }
    put_times(out, ' ', before);
    put_text(out, text);
    put_times(out, ' ', after);
}

static void put_element(page *p, int64_t at)
{
    char text[WORD];
    const style *s = &p->style;

    word_at(p, at, text);
    const char *point = strchr(text, '.');
    int length = (int)strlen(text);
    int before = point ? s->left - (int)(point - text) : s->width - length;
    put_word(p, text, before, s->width - before - length);
}

/* Between two items of an axis: a space on the last one, else line breaks, one more for each axis
 * that ends there. */
static void put_gap(page *p, int axis)
{
    int inner = p->shape.rank - 1 - axis;

    put_times(&p->sink, '\n', inner);
    put_times(&p->sink, ' ', inner > 0 ? axis + 1 : 1);
}

static void put_block(page *p, int axis, int64_t at)
{
    if (axis == p->shape.rank) {
        put_element(p, at);
        return;
    }
    put(&p->sink, '[');
    for (int64_t i = 0, n = p->shape.dims[axis], last = -1; i < n; last = i, i = next(p, i, n)) {
        if (i > 0) put_gap(p, axis);
        if (i > last + 1) {
            put_word(p, "...", 0, 0);
            put_gap(p, axis);
        }
        put_block(p, axis + 1, at + i * p->strides[axis]);
    }
    put(&p->sink, ']');
}

/* A bare number has all the digits that it needs: 3.0, 1.5, 1e+16, 1.5e+16. */
static void put_scalar(page *p)
{
    char text[WORD];
    double x = p->dtype == GR_I64 ? 0 : fabs(number_at(p, 0));
    bool scientific = x > 0 && (x < 1e-4 || x >= (p->dtype == GR_F32 ? 1e6 : 1e16));

    p->style = (style){.scientific = scientific, .places = 17 + 4, .exponent = 2};
    word_at(p, 0, text);
    for (const char *c = text; *c; c++) {
        if (*c != '.' || c[1] != 'e') put(&p->sink, *c);
        if (*c == '.' && !c[1]) put(&p->sink, '0');
    }
}

static void print(const char *function, const gr_tensor *t, sink *out)
{
    t = gr__operand(function, "t", t);
    page p = {.dtype = gr_dtype_of(t), .shape = gr_shape_of(t), .data = gr_data(t)};
    int64_t count = 1;

    if (!p.data) {
        put_text(out, "<error tensor>");
        return;
    }
    for (int i = p.shape.rank - 1; i >= 0; i--) {
        p.strides[i] = count;
        count *= p.shape.dims[i];
    }
    p.shortened = count > THRESHOLD;
    p.sink = *out;
    if (count == 0) {
        put_text(&p.sink, "[]");
    } else if (p.shape.rank == 0) {
        put_scalar(&p);
    } else {
        choose_style(&p);
        put_block(&p, 0, 0);
    }
    *out = p.sink;
}
