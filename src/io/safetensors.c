/* safetensors: the length of a JSON header as 8 bytes, the header with dtype, shape and place of
 * every entry, the entries' bytes without a gap (github.com/huggingface/safetensors, "Format"). The
 * writer lays entries out as that project's own does: wide dtypes first, then by name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gradus/io.h>

#include "src/core/tensor.h"
#include "src/io/file.h"
#include "src/io/json.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the format's numbers are little-endian");

enum { LENGTH = 8, LONGEST_HEADER = 100 * 1000 * 1000 };

static const char *const dtypes[] = {[GR_F32] = "F32", [GR_F64] = "F64", [GR_I64] = "I64"};

static const char metadata[] = "__metadata__";

/* A cell, and where its bytes are in the data; end < 0: not known. */
typedef struct entry {
    const char *name;
    gr_tensor *cell;
    const void *numbers;
    int64_t begin, end;
} entry;

/* A name as messages show it: one line, at most 64 characters. */
static const char *shown(const char *name, char text[72])
{
    size_t length = strlen(name), n = length <= 64 ? length : 61;

    while (n < length && ((unsigned char)name[n] & 0xc0) == 0x80) n--;
    for (size_t i = 0; i < n; i++) {
        text[i] = (unsigned char)name[i] < 0x20 || name[i] == 0x7f ? '?' : name[i];
    }
    strcpy(text + n, n < length ? "..." : "");
    return text;
}

static int64_t bytes_of(const gr_tensor *cell)
{
    return cell->shape->count * (int64_t)gr_dtype_size((gr_dtype)cell->dtype);
}

/* The cells of params, to be freed; NULL, reported, on failure. A set without cells is most likely
 * one that could not be made: it must not replace a good file. */
static entry *list_cells(const char *function, const gr_params *params, int *count)
{
    *count = params ? gr_params_count(params) : 0;
    if (*count == 0) {
        gr_fail(GR_ERROR_VALUE, function, "params", "got %s, want at least one cell",
                params ? "an empty set" : "NULL");
        return NULL;
    }
    entry *entries = gr__alloc((size_t)*count * sizeof *entries);
    if (!entries) {
        gr_fail(GR_ERROR_MEMORY, function, NULL, "no memory for %d entries", *count);
        return NULL;
    }
    for (int i = 0; i < *count; i++) {
        entries[i] = (entry){gr_params_name(params, i), gr_params_at(params, i), NULL, 0, -1};
    }
    return entries;
}

/* ---- writing ---- */

static int by_width_and_name(const void *left, const void *right)
{
    const entry *a = left, *b = right;
    int width = b->cell->dtype - a->cell->dtype;

    return width ? width : strcmp(a->name, b->name);
}

static bool check_names(const char *function, const entry *entries, int count)
{
    char name[72];

    for (int i = 0; i < count; i++) {
        if (!gr__utf8_valid(entries[i].name)) {
            return gr_fail(GR_ERROR_VALUE, function, "params", "the name of cell %d is not UTF-8",
                           i);
        }
        if (strcmp(entries[i].name, metadata) == 0) {
            return gr_fail(GR_ERROR_VALUE, function, "params",
                           "cell %d is named \"%s\", which the format keeps for itself", i,
                           shown(entries[i].name, name));
        }
    }
    return true;
}

/* Looks at every cell's numbers and gives them places one behind the other. */
static bool lay_out(entry *entries, int count)
{
    int64_t end = 0;

    qsort(entries, (size_t)count, sizeof *entries, by_width_and_name);
    for (int i = 0; i < count; i++) {
        entries[i].begin = end;
        entries[i].end = end += bytes_of(entries[i].cell);
        entries[i].numbers = gr_data(entries[i].cell);
        if (!entries[i].numbers) {
            return false;
        }
    }
    return true;
}

static char *write_entry(char *to, const entry *e)
{
    const gr__shape *shape = e->cell->shape;

    to = gr__json_quote(to, e->name);
    to += sprintf(to, ":{\"dtype\":\"%s\",\"shape\":[", dtypes[e->cell->dtype]);
    for (int i = 0; i < shape->rank; i++) {
        to += sprintf(to, i ? ",%lld" : "%lld", (long long)shape->dims[i]);
    }
    return to +
           sprintf(to, "],\"data_offsets\":[%lld,%lld]}", (long long)e->begin, (long long)e->end);
}

/* The length and the header, padded with spaces to a multiple of 8; to be freed; NULL: no
 * memory. */
static char *write_header(const entry *entries, int count, size_t *size)
{
    size_t bound = LENGTH + 16;

    for (int i = 0; i < count; i++) bound += 6 * strlen(entries[i].name) + 64 + 21 * (8 + 2);
    char *header = gr__alloc(bound), *to = header + LENGTH;
    if (!header) {
        return NULL;
    }
    for (int i = 0; i < count; i++) {
        *to++ = i ? ',' : '{';
        to = write_entry(to, &entries[i]);
    }
    *to++ = '}';
    while ((to - header) % 8) *to++ = ' ';
    *size = (size_t)(to - header);
    uint64_t length = *size - LENGTH;
    memcpy(header, &length, LENGTH);
    return header;
}

static bool save(const char *function, entry *entries, int count, const char *path)
{
    size_t size;

    if (!check_names(function, entries, count) || !lay_out(entries, count)) {
        return false;
    }
    char *header = write_header(entries, count, &size);
    if (!header) {
        return gr_fail(GR_ERROR_MEMORY, function, NULL, "no memory for the header");
    }
    gr__output out = gr__output_open(function, path);
    gr__output_write(&out, header, size);
    gr__free(header);
    for (int i = 0; i < count; i++) {
        gr__output_write(&out, entries[i].numbers, (size_t)(entries[i].end - entries[i].begin));
    }
    return gr__output_close(&out);
}

bool gr_safetensors_save(const gr_params *params, const char *path)
{
    int count;
    entry *entries = list_cells("gr_safetensors_save", params, &count);

    if (!entries) {
        return false;
    }
    gr_scope scope = gr_scope_begin();
    bool saved = save("gr_safetensors_save", entries, count, path);
    gr_scope_end(&scope);
    gr__free(entries);
    return saved;
}

/* ---- reading ---- */

/* A file being read, and what messages call it. */
typedef struct reader {
    const char *function, *where;
    const unsigned char *data; /* what follows the header */
    size_t size;               /* of the data */
    gr__json json;             /* the header */
    entry *entries;            /* by name, while the header is read */
    int count;
} reader;

/* What the header says of one entry. */
typedef struct claim {
    const char *dtype;
    gr__shape shape; /* rank and dims only */
    int64_t offsets[2];
} claim;

static int by_name(const void *left, const void *right)
{
    return strcmp(((const entry *)left)->name, ((const entry *)right)->name);
}

static int by_place(const void *left, const void *right)
{
    const entry *a = left, *b = right;

    if (a->begin != b->begin) return a->begin < b->begin ? -1 : 1;
    if (a->end != b->end) return a->end < b->end ? -1 : 1;
    return by_name(a, b);
}

/* Splits the bytes; the header is a copy, to be freed, because its strings are decoded in place. */
static bool split(reader *r, const unsigned char *bytes, size_t size)
{
    uint64_t length;

    if (size < LENGTH) {
        return gr_fail(GR_ERROR_FILE, r->function, r->where,
                       "got %zu bytes, want %d or more: cut short", size, LENGTH);
    }
    memcpy(&length, bytes, LENGTH);
    if (length > LONGEST_HEADER) {
        return gr_fail(GR_ERROR_FILE, r->function, r->where,
                       "got a header of %llu bytes, want %d or less: not a safetensors file",
                       (unsigned long long)length, LONGEST_HEADER);
    }
    if (length > size - LENGTH) {
        return gr_fail(GR_ERROR_FILE, r->function, r->where,
                       "got %zu of the header's %llu bytes: cut short", size - LENGTH,
                       (unsigned long long)length);
    }
    char *header = gr__alloc((size_t)length + 1);
    if (!header) {
        return gr_fail(GR_ERROR_MEMORY, r->function, r->where, "no memory for its header");
    }
    memcpy(header, bytes + LENGTH, (size_t)length);
    header[length] = 0;
    r->json = (gr__json){.begin = header, .next = header, .end = header + length};
    r->data = bytes + LENGTH + length;
    r->size = size - LENGTH - (size_t)length;
    return true;
}

static bool read_dtype(gr__json *json, claim *c)
{
    c->dtype = gr__json_string(json);
    return c->dtype != NULL;
}

static bool read_shape(gr__json *json, claim *c)
{
    gr__shape *s = &c->shape;

    if (!gr__json_expect(json, '[')) return false;
    if (gr__json_has(json, ']')) return true;
    do {
        if (!gr__json_number(json, &s->dims[s->rank++])) return false;
    } while (s->rank < GR_MAX_RANK && gr__json_has(json, ','));
    return gr__json_expect(json, ']');
}

static bool read_offsets(gr__json *json, claim *c)
{
    return gr__json_expect(json, '[') && gr__json_number(json, &c->offsets[0]) &&
           gr__json_expect(json, ',') && gr__json_number(json, &c->offsets[1]) &&
           gr__json_expect(json, ']');
}

static const struct {
    const char *key;
    bool (*read)(gr__json *, claim *);
} fields[] = {
    {"dtype", read_dtype},
    {"shape", read_shape},
    {"data_offsets", read_offsets},
};
enum { FIELDS = sizeof fields / sizeof *fields };

static bool read_fields(gr__json *json, claim *c)
{
    unsigned seen = 0;

    do {
        const char *key = gr__json_string(json);
        unsigned i = 0;
        while (key && i < FIELDS && strcmp(fields[i].key, key) != 0) i++;
        if (!key || i == FIELDS || seen >> i & 1) break;
        seen |= 1u << i;
        if (!gr__json_expect(json, ':') || !fields[i].read(json, c)) return false;
    } while (gr__json_has(json, ','));
    return seen == (1u << FIELDS) - 1;
}

/* {"dtype":..., "shape":..., "data_offsets":...}, in any order. */
static bool read_claim(gr__json *json, claim *c)
{
    if (!gr__json_expect(json, '{')) return false;
    if (!read_fields(json, c) && !json->wanted) {
        json->wanted = "dtype, shape and data_offsets, each once";
    }
    return gr__json_expect(json, '}');
}

/* Strings under strings, of no interest here. */
static bool read_metadata(gr__json *json)
{
    if (!gr__json_expect(json, '{')) return false;
    if (gr__json_has(json, '}')) return true;
    do {
        if (!gr__json_string(json) || !gr__json_expect(json, ':') || !gr__json_string(json)) {
            return false;
        }
    } while (gr__json_has(json, ','));
    return gr__json_expect(json, '}');
}

static bool check_kind(const reader *r, const char *name, const entry *e, const claim *c)
{
    char text[72], dtype[72], got[GR_SHAPE_TEXT], want[GR_SHAPE_TEXT];
    const gr__shape *shape = e->cell->shape;
    bool same_dtype = strcmp(c->dtype, dtypes[e->cell->dtype]) == 0;
    bool same_shape = c->shape.rank == shape->rank &&
                      memcmp(c->shape.dims, shape->dims, (size_t)shape->rank * sizeof(int64_t)) ==
                          0;

    return (same_dtype && same_shape) ||
           gr_fail(same_dtype ? GR_ERROR_SHAPE : GR_ERROR_DTYPE, r->function, shown(name, text),
                   "got %s %s, want %s %s", shown(c->dtype, dtype), gr__shape_text(&c->shape, got),
                   dtypes[e->cell->dtype], gr__shape_text(shape, want));
}

/* Finds the cell that an entry is for, and gives it the entry's place. */
static bool match(reader *r, const char *name, const claim *c)
{
    char text[72], want[GR_SHAPE_TEXT];
    const entry key = {.name = name};
    entry *e = bsearch(&key, r->entries, (size_t)r->count, sizeof key, by_name);

    if (!e) {
        return gr_fail(GR_ERROR_FILE, r->function, r->where,
                       "has an entry \"%s\", params has no such cell; was another model saved?",
                       shown(name, text));
    }
    if (!check_kind(r, name, e, c)) {
        return false;
    }
    if (e->end >= 0) {
        return gr_fail(GR_ERROR_FILE, r->function, shown(name, text), "stored twice");
    }
    e->begin = c->offsets[0];
    e->end = c->offsets[1];
    return e->end - e->begin == bytes_of(e->cell) ||
           gr_fail(GR_ERROR_FILE, r->function, shown(name, text),
                   "data_offsets span %lld bytes, want %lld for %s %s",
                   (long long)(e->end - e->begin), (long long)bytes_of(e->cell), c->dtype,
                   gr__shape_text(e->cell->shape, want));
}

static bool read_entry(reader *r)
{
    const char *name = gr__json_string(&r->json);

    if (!name || !gr__json_expect(&r->json, ':')) {
        return false;
    }
    if (strcmp(name, metadata) == 0) {
        return read_metadata(&r->json);
    }
    claim c = {0};
    return read_claim(&r->json, &c) && match(r, name, &c);
}

static bool read_entries(reader *r)
{
    if (!gr__json_expect(&r->json, '{')) return false;
    if (!gr__json_has(&r->json, '}')) {
        do {
            if (!read_entry(r)) return false;
        } while (gr__json_has(&r->json, ','));
        if (!gr__json_expect(&r->json, '}')) return false;
    }
    return gr__json_end(&r->json);
}

static bool read_header(reader *r)
{
    const gr__json *json = &r->json;
    char got[8] = "the end";

    if (read_entries(r)) {
        return true;
    }
    if (!json->wanted) {
        return false; /* reported */
    }
    if (json->next < json->end) {
        snprintf(got, sizeof got, *json->next > ' ' && *json->next < 0x7f ? "'%c'" : "%02x",
                 (unsigned char)*json->next);
    }
    return gr_fail(GR_ERROR_FILE, r->function, r->where, "header byte %zu: got %s, want %s",
                   (size_t)(json->next - json->begin), got, json->wanted);
}

/* Every cell has its bytes, and the entries cover the data without gap or overlap. */
static bool check_places(reader *r)
{
    char name[72];
    int64_t end = 0;

    for (int i = 0; i < r->count; i++) {
        if (r->entries[i].end < 0) {
            return gr_fail(GR_ERROR_FILE, r->function, r->where,
                           "has no entry \"%s\"; was another model saved?",
                           shown(r->entries[i].name, name));
        }
    }
    qsort(r->entries, (size_t)r->count, sizeof *r->entries, by_place);
    for (int i = 0; i < r->count; i++) {
        if (r->entries[i].begin != end) {
            return gr_fail(GR_ERROR_FILE, r->function, shown(r->entries[i].name, name),
                           "data_offsets begin at %lld, want %lld, where the entry before ends",
                           (long long)r->entries[i].begin, (long long)end);
        }
        end = r->entries[i].end;
    }
    if ((uint64_t)end != r->size) {
        return gr_fail(GR_ERROR_FILE, r->function, r->where, "got %zu bytes of data, want %lld: %s",
                       r->size, (long long)end, (uint64_t)end > r->size ? "cut short" : "too many");
    }
    return true;
}

static bool assign(const reader *r)
{
    gr_tensor **cells = gr__alloc(2 * (size_t)r->count * sizeof *cells), **values;

    if (!cells) {
        return gr_fail(GR_ERROR_MEMORY, r->function, NULL, "no memory for %d values", r->count);
    }
    values = cells + r->count;
    gr_scope scope = gr_scope_begin();
    for (int i = 0; i < r->count; i++) {
        cells[i] = r->entries[i].cell;
        values[i] = gr_from_data(gr_dtype_of(cells[i]), gr_shape_of(cells[i]),
                                 r->data + r->entries[i].begin);
    }
    bool done = gr_assign_all(r->count, cells, values);
    gr_scope_end(&scope);
    gr__free(cells);
    return done;
}

static bool load(const char *function, const char *where, const gr_params *params,
                 const unsigned char *bytes, size_t size)
{
    reader r = {.function = function, .where = where};

    r.entries = list_cells(function, params, &r.count);
    bool done = r.entries && split(&r, bytes, size);
    if (done) {
        qsort(r.entries, (size_t)r.count, sizeof *r.entries, by_name);
        done = read_header(&r) && check_places(&r) && assign(&r);
    }
    gr__free(r.json.begin);
    gr__free(r.entries);
    return done;
}

bool gr_safetensors_load(gr_params *params, const char *path)
{
    size_t size;
    unsigned char *bytes = gr__file_read("gr_safetensors_load", path, &size);
    bool done = bytes && load("gr_safetensors_load", path, params, bytes, size);

    gr__free(bytes);
    return done;
}

bool gr_safetensors_load_memory(gr_params *params, const void *bytes, size_t size)
{
    if (!bytes) {
        return gr_fail(GR_ERROR_VALUE, "gr_safetensors_load_memory", "bytes",
                       "got NULL, want a safetensors file");
    }
    return load("gr_safetensors_load_memory", "bytes", params, bytes, size);
}
