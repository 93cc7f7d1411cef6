/*
 * Runs files of protocol rules: tests/run_cases FILE.json...
 *
 * A file is {"cases": [{"id", "kind", ..., "expect": {...}}]}. Each case goes to the handler of its
 * kind, and every fact in `expect` is compared with what the handler got; null means that the fact
 * must be absent, and "a-or-b" as an action that both conform. Prints each failing id with what was
 * expected and got, and at the end "N passed, N failed". Fails if a case fails, if a file cannot be
 * read or holds no case, and if a kind is unknown.
 */
#include "cases/cases.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *kind; /* "" is a case without one */
    bool (*run)(const json_t *one, struct case_report *report);
} handlers[] = {
    {"",            case_run_dcep       },
    {"candidate",   case_run_candidate  },
    {"channeldata", case_run_channeldata},
    {"demux",       case_run_demux      },
    {"sdp",         case_run_sdp        },
    {"stun",        case_run_stun       },
    {"agent",       case_run_agent      },
};

enum { FILE_MAX = 64 * 1024 * 1024 };

static size_t passed_count, failed_count;

static char *read_file(const char *path, size_t *out_len)
{
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    long len;

    if (!file) return NULL;
    if (fseek(file, 0, SEEK_END) || (len = ftell(file)) < 0 || len > FILE_MAX) goto out;
    rewind(file);
    text = calloc(1, (size_t)len + 1);
    if (text && fread(text, 1, (size_t)len, file) != (size_t)len) {
        free(text);
        text = NULL;
    }
    *out_len = (size_t)len;
out:
    fclose(file);
    return text;
}

static size_t digits_at(const char *text, size_t len)
{
    size_t count = 0;

    while (count < len && text[count] >= '0' && text[count] <= '9') {
        count++;
    }
    return count;
}

/* jansson refuses a file with an integer over INT64_MAX, but a rule may name 2^64-1: such integers
 * become strings here, as case_got_number() reports them. Returns a new text. */
static char *quote_big_integers(const char *text, size_t len, size_t *out_len)
{
    char *copy = calloc(3, len + 1);
    size_t at = 0;
    bool in_string = false;

    if (!copy) return NULL;
    for (size_t i = 0; i < len; i++) {
        size_t digits = in_string ? 0 : digits_at(text + i, len - i);
        bool whole = digits > 0 && i + digits < len && !strchr(".eE", text[i + digits]);
        bool natural = digits > 0 && (i == 0 || !strchr("-+.eE", text[i - 1]));
        bool big = digits > 19 || (digits == 19 && memcmp(text + i, "9223372036854775807", 19) > 0);

        if (digits > 0) {
            if (whole && natural && big) copy[at++] = '"';
            memcpy(copy + at, text + i, digits);
            at += digits;
            if (whole && natural && big) copy[at++] = '"';
            i += digits - 1;
            continue;
        }
        if (in_string && text[i] == '\\' && i + 1 < len)
            copy[at++] = text[i++];
        else if (text[i] == '"')
            in_string = !in_string;
        copy[at++] = text[i];
    }
    *out_len = at;
    return copy;
}

static json_t *load(const char *path)
{
    size_t len = 0, quoted_len = 0;
    char *text = read_file(path, &len);
    char *quoted = text ? quote_big_integers(text, len, &quoted_len) : NULL;
    json_error_t error;
    json_t *root;

    free(text);
    if (!quoted) {
        printf("%s: cannot be read: %s\n", path, strerror(errno));
        return NULL;
    }
    root = json_loadb(quoted, quoted_len, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &error);
    free(quoted);
    if (!root) printf("%s:%d: %s\n", path, error.line, error.text);
    return root;
}

/* Is @p got one of the alternatives of "a-or-b-or-c"? */
static bool is_alternative(const char *alternatives, const char *got)
{
    const char *rest = alternatives;

    for (;;) {
        const char *end = strstr(rest, "-or-");
        size_t len = end ? (size_t)(end - rest) : strlen(rest);

        if (strlen(got) == len && memcmp(got, rest, len) == 0) return true;
        if (!end) return false;
        rest = end + strlen("-or-");
    }
}

static bool fits(const char *key, const json_t *expected, const json_t *got)
{
    if (json_is_null(expected)) return !got || json_is_null(got);
    if (!got) return false;
    if (strcmp(key, "action") == 0 && json_is_string(expected) && json_is_string(got))
        return is_alternative(json_string_value(expected), json_string_value(got));
    return json_equal(expected, got) == 1;
}

static void print_fact(const char *what, const json_t *value)
{
    char *text = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;

    printf(" %s %s", what, text ? text : "nothing");
    free(text);
}

/* Every expected fact; prints those that do not fit. */
static bool compare(const char *path, const char *id, const char *title, json_t *expect,
                    const struct case_report *report)
{
    const char *key;
    json_t *expected;
    bool all = true;

    json_object_foreach(expect, key, expected)
    {
        const json_t *got = json_object_get(report->got, key);

        if (fits(key, expected, got)) continue;
        printf("FAIL %s %s: %s: %s:", path, id, title, key);
        print_fact("expected", expected);
        print_fact("got", got);
        printf("\n");
        all = false;
    }
    return all;
}

static bool dispatch(const json_t *one, struct case_report *report)
{
    const char *kind = case_string(one, "kind");

    for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
        if (strcmp(handlers[i].kind, kind ? kind : "") == 0) return handlers[i].run(one, report);
    }
    report->broken = "no handler for this kind";
    return false;
}

static void run_one(const char *path, json_t *one, size_t index)
{
    struct case_report report = {.got = json_object(), .broken = NULL};
    json_t *expect = json_object_get(one, "expect");
    const char *id = case_string(one, "id"), *title = case_string(one, "title");
    char number[32];
    bool passed = false;

    (void)snprintf(number, sizeof(number), "number %zu", index);
    if (!id) id = number;
    if (!title) title = "";
    if (!json_is_object(expect) || json_object_size(expect) == 0) {
        printf("FAIL %s %s: %s: nothing is expected\n", path, id, title);
    } else if (!dispatch(one, &report)) {
        printf("FAIL %s %s: %s: cannot be run: %s\n", path, id, title,
               report.broken ? report.broken : "no reason given");
    } else {
        passed = compare(path, id, title, expect, &report);
    }
    *(passed ? &passed_count : &failed_count) += 1;
    json_decref(report.got);
}

/* False if the file is no rule file. */
static bool run_file(const char *path)
{
    json_t *root = load(path);
    json_t *cases = json_object_get(root, "cases");
    bool readable = json_array_size(cases) > 0;
    json_t *one;
    size_t i;

    if (root && !readable) printf("%s: holds no cases\n", path);
    json_array_foreach(cases, i, one)
    {
        run_one(path, one, i);
    }
    json_decref(root);
    return readable;
}

int main(int argc, char **argv)
{
    bool readable = argc > 1;

    if (argc < 2) fprintf(stderr, "usage: %s FILE.json...\n", argv[0]);
    for (int i = 1; i < argc; i++) {
        readable = run_file(argv[i]) && readable;
    }
    printf("%zu passed, %zu failed\n", passed_count, failed_count);
    return readable && failed_count == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
