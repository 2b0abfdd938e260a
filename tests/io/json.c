/* The JSON of file headers: what is taken, and where and why the rest is not. */

#include "tests/io/expect.h"

#include <gradus/error.h>

#include "src/io/json.h"

static char text[256];

static gr__json reading(const char *json)
{
    size_t length = strlen(json);

    memset(text, '"', sizeof text); /* nobody may look behind the final 0 */
    memcpy(text, json, length + 1);
    return (gr__json){.begin = text, .next = text, .end = text + length};
}

static void assert_string(const char *from, const char *want)
{
    gr__json json = reading(from);
    const char *got = gr__json_string(&json);

    cr_assert(got, "%s: want %s", from, json.wanted);
    cr_assert_str_eq(got, want);
    cr_assert(gr__json_end(&json));
}

static void assert_no_string(const char *from, int place, const char *wanted)
{
    gr__json json = reading(from);

    cr_assert_null(gr__json_string(&json), "%s", from);
    cr_assert_str_eq(json.wanted, wanted, "%s: %s", from, json.wanted);
    cr_assert_eq(json.next - json.begin, place, "%s: at %td", from, json.next - json.begin);
}

Test(json, strings)
{
    assert_string("\"\"", "");
    assert_string(" \t\r\n\"hidden.weight\" ", "hidden.weight");
    assert_string("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t");
    assert_string("\"\x7f \xc3\xa9 \xe6\xbc\xa2 \xf0\x9f\x98\x80\"",
                  "\x7f \xc3\xa9 \xe6\xbc\xa2 \xf0\x9f\x98\x80");
}

Test(json, characters_by_number)
{
    assert_string("\"\\u0041\\u00e9\\u6F22!\"", "A\xc3\xa9\xe6\xbc\xa2!");
    assert_string("\"\\ud83d\\uDE00\"", "\xf0\x9f\x98\x80");
    assert_string("\"\\uffff\\u07ff\\u0800\"", "\xef\xbf\xbf\xdf\xbf\xe0\xa0\x80");
}

Test(json, what_is_no_string)
{
    const char *number = "\\u and the number of a character other than 0";
    const char *utf8 = "a character of UTF-8";

    assert_no_string("", 0, "a string");
    assert_no_string("  x", 2, "a string");
    assert_no_string("\"abc", 4, utf8);
    assert_no_string("\"a\nb\"", 2, utf8);
    assert_no_string("\"\\x\"", 1, number);
    assert_no_string("\"\\", 1, number);
    assert_no_string("\"\\u12g4\"", 1, number);
    assert_no_string("\"\\u123", 1, number);
    assert_no_string("\"\\u0000\"", 1, number);
    assert_no_string("\"\\ud83d\"", 1, number);
    assert_no_string("\"\\ud83d\\u0041\"", 1, number);
    assert_no_string("\"\\ude00\\ud83d\"", 1, number);
    assert_no_string("\"\\ud83d", 1, number);
}

/* Continuation without a lead, lead without continuation, too long forms, a surrogate, above the
 * last character, bytes that never occur. */
static const char *const not_utf8[] = {
    "\x80",
    "\xc3",
    "\xc3(",
    "\xe6\xbc",
    "\xf0\x9f\x98",
    "\xc0\xaf",
    "\xc1\xbf",
    "\xe0\x9f\xbf",
    "\xf0\x8f\xbf\xbf",
    "\xed\xa0\x80",
    "\xf4\x90\x80\x80",
    "\xf8\x88\x80\x80\x80",
    "\xff",
};

Test(json, strings_are_utf8)
{
    char quoted[16];

    cr_assert(gr__utf8_valid(""));
    cr_assert(gr__utf8_valid("a\xc3\xa9\xe6\xbc\xa2\xed\x9f\xbf\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf"));
    for (size_t i = 0; i < sizeof not_utf8 / sizeof *not_utf8; i++) {
        cr_assert_not(gr__utf8_valid(not_utf8[i]), "case %zu", i);
        snprintf(quoted, sizeof quoted, "\"a%s\"", not_utf8[i]);
        assert_no_string(quoted, 2, "a character of UTF-8");
    }
}

Test(json, numbers)
{
    const struct {
        const char *text;
        int64_t want; /* -1: not taken */
        int length;
    } cases[] = {
        {"0", 0, 1},
        {" 42,", 42, 3},
        {"9223372036854775807", INT64_MAX, 19},
        {"9223372036854775808", -1, 0},
        {"99999999999999999999999", -1, 0},
        {"-1", -1, 0},
        {"01", -1, 0},
        {"00", -1, 0},
        {"", -1, 0},
        {"x", -1, 0},
        {"1.5", 1, 1},
        {"0x1", 0, 1},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        gr__json json = reading(cases[i].text);
        int64_t number;
        bool taken = gr__json_number(&json, &number);
        cr_assert_eq(taken, cases[i].want >= 0, "%s", cases[i].text);
        cr_assert(!taken || number == cases[i].want, "%s", cases[i].text);
        cr_assert_eq(json.next - json.begin, cases[i].length, "%s", cases[i].text);
        cr_assert(taken || strcmp(json.wanted, "a whole number of 0 or more") == 0);
    }
}

Test(json, signs_between_white_space)
{
    gr__json json = reading(" { :\t},\n");

    cr_assert_not(gr__json_has(&json, '}'));
    cr_assert(gr__json_expect(&json, '{'));
    cr_assert(gr__json_expect(&json, ':'));
    cr_assert_not(gr__json_has(&json, '{'));
    cr_assert(gr__json_has(&json, '}'));
    cr_assert_not(gr__json_end(&json));
    cr_assert_str_eq(json.wanted, "the end");
}

Test(json, the_first_failure_stays)
{
    gr__json json = reading("{]");
    int64_t number;

    cr_assert(gr__json_expect(&json, '{'));
    cr_assert_not(gr__json_expect(&json, ':'));
    cr_assert_not(gr__json_expect(&json, ']'));
    cr_assert_not(gr__json_number(&json, &number));
    cr_assert_null(gr__json_string(&json));
    cr_assert_str_eq(json.wanted, "':'");
    cr_assert_eq(json.next - json.begin, 1);
}

Test(json, what_was_quoted_is_read_back)
{
    const char *names[] = {"", "hidden.weight", "\"\\/\b\f\n\r\t\x01\x1f\x7f",
                           "\xc3\xa9\xf0\x9f\x98\x80"};
    char quoted[64];

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        *gr__json_quote(quoted, names[i]) = 0;
        assert_string(quoted, names[i]);
    }
    *gr__json_quote(quoted, names[2]) = 0;
    cr_assert_str_eq(quoted, "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\"");
}
