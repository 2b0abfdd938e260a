/* Reading one entry of a safetensors file. */
#include "tests/primitives/reference.h"

#include <ctype.h>
#include <string.h>

#include "src/io/json.h"
#include "tests/common/check.h"

typedef struct file {
    char *bytes; /* to be freed */
    gr__json header;
    const char *data;
} file;

static file open_file(const char *table)
{
    char path[256];
    const char *family = strrchr(table, '/') + 1;
    int length = (int)strcspn(family, ".");

    snprintf(path, sizeof path, "%.*s/references/%.*s.safetensors", (int)(family - 1 - table),
             table, length, family);
    FILE *in = fopen(path, "rb");
    cr_assert(in, "%s is missing: make references", path);
    fseek(in, 0, SEEK_END);
    long size = ftell(in);
    rewind(in);
    file f = {.bytes = malloc((size_t)size + 1)};
    cr_assert_eq(fread(f.bytes, 1, (size_t)size, in), (size_t)size);
    fclose(in);

    uint64_t header;
    memcpy(&header, f.bytes, sizeof header);
    f.data = f.bytes + 8 + header;
    f.header = (gr__json){.begin = f.bytes + 8, .next = f.bytes + 8, .end = f.bytes + 8 + header};
    return f;
}

static int64_t number(gr__json *json)
{
    int64_t n = 0;

    cr_assert(gr__json_number(json, &n));
    return n;
}

/* {"dtype": "F64", "shape": [2, 3], "data_offsets": [0, 48]} */
static reference read_entry(file *f)
{
    reference r = {.count = 1};
    int64_t begin = 0;

    gr__json_expect(&f->header, '{');
    do {
        const char *key = gr__json_string(&f->header);
        gr__json_expect(&f->header, ':');
        if (strcmp(key, "dtype") == 0) {
            r.dtype = strcmp(gr__json_string(&f->header), "I64") == 0 ? GR_I64 : GR_F64;
            continue;
        }
        bool shape = strcmp(key, "shape") == 0;
        gr__json_expect(&f->header, '[');
        if (shape && !gr__json_has(&f->header, ']')) {
            do {
                r.shape.dims[r.shape.rank] = number(&f->header);
                r.count *= r.shape.dims[r.shape.rank++];
            } while (gr__json_has(&f->header, ','));
            gr__json_expect(&f->header, ']');
        } else if (!shape) {
            begin = number(&f->header);
            gr__json_expect(&f->header, ',');
            number(&f->header);
            gr__json_expect(&f->header, ']');
        }
    } while (gr__json_has(&f->header, ','));
    gr__json_expect(&f->header, '}');
    r.numbers = malloc((size_t)(r.count + 1) * sizeof *r.numbers);
    for (int64_t i = 0; i < r.count; i++) {
        int64_t whole;
        memcpy(&whole, f->data + begin + i * 8, 8);
        memcpy(&r.numbers[i], &whole, 8);
        r.numbers[i] = r.dtype == GR_I64 ? (double)whole : r.numbers[i];
    }
    return r;
}

/* The text without white space. */
static char *squeezed(const char *text)
{
    char *copy = malloc(strlen(text) + 1), *end = copy;

    for (; *text; text++) {
        if (!isspace((unsigned char)*text)) {
            *end++ = *text;
        }
    }
    *end = 0;
    return copy;
}

reference reference_of(const char *table, const char *text)
{
    file f = open_file(table);
    char *wanted = squeezed(text);
    bool found = false;
    reference r = {.count = 0};

    gr__json_expect(&f.header, '{');
    do {
        const char *name = gr__json_string(&f.header);
        gr__json_expect(&f.header, ':');
        found = name && strcmp(name, wanted) == 0;
        reference entry = read_entry(&f);
        if (found) {
            r = entry;
        } else {
            free(entry.numbers);
        }
    } while (!found && gr__json_has(&f.header, ','));
    cr_assert(found, "no reference for %s in %s: make references", wanted, table);
    free(wanted);
    free(f.bytes);
    return r;
}
