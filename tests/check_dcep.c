/* DCEP: its two messages, what a receiver does in every state, and UTF-8. */
#include "sctp/dcep.h"

#include "base/limits.h"
#include "support/suite.h"

#include <string.h>

/* OPEN, lifetime 500 ms, unordered, priority 0x0102, label "chat", protocol "p". */
static const uint8_t open_message[] = {
    3, 0x82, 1, 2, 0, 0, 1, 0xF4, 0, 4, 0, 1, 'c', 'h', 'a', 't', 'p',
};

enum { OPEN_LEN = sizeof(open_message) };

static struct hws_bytes bytes_of(const char *text)
{
    return (struct hws_bytes){(const uint8_t *)text, strlen(text)};
}

/* Reads from a heap block of exactly that size. */
static enum hws_err read_exact(const uint8_t *bytes, size_t len, struct hws_dcep_open *out)
{
    uint8_t *copy = calloc(1, len > 0 ? len : 1);
    enum hws_err err;

    ck_assert_ptr_nonnull(copy);
    memcpy(copy, bytes, len);
    err = hws_dcep_read_open((struct hws_bytes){copy, len}, out);
    free(copy); /* what is borrowed is not looked at by the callers */
    return err;
}

START_TEST(reads_an_open)
{
    struct hws_dcep_open open;

    ck_assert_int_eq(hws_dcep_read_open((struct hws_bytes){open_message, OPEN_LEN}, &open), HWS_OK);
    ck_assert(!open.ordered);
    ck_assert_int_eq(open.reliability, HWS_MAX_LIFETIME);
    ck_assert_uint_eq(open.reliability_value, 500);
    ck_assert_uint_eq(open.priority, 0x0102);
    ck_assert(hws_bytes_equal(open.label, bytes_of("chat")));
    ck_assert(hws_bytes_equal(open.protocol, bytes_of("p")));
}
END_TEST

START_TEST(refuses_every_truncation_and_more)
{
    uint8_t longer[OPEN_LEN + 1] = {0};
    struct hws_dcep_open open, untouched;

    memset(&open, 0xAA, sizeof(open));
    memcpy(&untouched, &open, sizeof(open));
    for (size_t len = 0; len < OPEN_LEN; len++) {
        ck_assert_int_eq(read_exact(open_message, len, &open), HWS_ERR_MALFORMED);
    }
    memcpy(longer, open_message, OPEN_LEN);
    ck_assert_int_eq(read_exact(longer, sizeof(longer), &open), HWS_ERR_MALFORMED);
    ck_assert_mem_eq(&open, &untouched, sizeof(open));
}
END_TEST

/* Every channel type: six are known (RFC 8832 section 8.2.2). */
START_TEST(knows_channel_types)
{
    uint8_t copy[OPEN_LEN];
    struct hws_dcep_open open;

    memcpy(copy, open_message, OPEN_LEN);
    for (unsigned type = 0; type < 256; type++) {
        bool known = (type & 0x7F) <= 2;

        copy[1] = (uint8_t)type;
        ck_assert_msg((read_exact(copy, OPEN_LEN, &open) == HWS_OK) == known, "type %u", type);
        if (!known) continue;
        ck_assert_int_eq(open.ordered, type < 0x80);
        ck_assert_uint_eq(open.reliability, type & 0x7F);
        ck_assert_uint_eq(open.reliability_value, (type & 0x7F) == 0 ? 0 : 500);
    }
}
END_TEST

START_TEST(survives_damage)
{
    struct hws_dcep_open open;

    for (size_t bit = 0; bit < (size_t)OPEN_LEN * 8; bit++) {
        uint8_t copy[OPEN_LEN];
        enum hws_err err;

        memcpy(copy, open_message, OPEN_LEN);
        copy[bit / 8] ^= (uint8_t)(1U << bit % 8);
        err = read_exact(copy, OPEN_LEN, &open);
        /* The type and the lengths decide; priority and reliability may be anything. */
        if (bit / 8 == 0 || (bit / 8 >= 8 && bit / 8 < 12))
            ck_assert_int_eq(err, HWS_ERR_MALFORMED);
        if (bit / 8 >= 2 && bit / 8 < 8) ck_assert_int_eq(err, HWS_OK);
    }
}
END_TEST

START_TEST(writes_what_it_reads)
{
    uint8_t text[OPEN_LEN + 1];
    struct hws_writer out = hws_writer_over(text, OPEN_LEN);
    struct hws_dcep_open open;

    ck_assert_int_eq(hws_dcep_read_open((struct hws_bytes){open_message, OPEN_LEN}, &open), HWS_OK);
    hws_dcep_write_open(&out, &open);
    ck_assert_uint_eq(hws_written(&out).len, OPEN_LEN);
    ck_assert_mem_eq(text, open_message, OPEN_LEN);
    for (size_t cap = 0; cap < OPEN_LEN; cap++) {
        out = hws_writer_over(text, cap);
        hws_dcep_write_open(&out, &open);
        ck_assert(out.failed);
    }
    out = hws_writer_over(text, sizeof(text));
    hws_dcep_write_ack(&out);
    ck_assert_uint_eq(out.len, 1);
    ck_assert_uint_eq(text[0], 2);
}
END_TEST

/* RFC 8832 section 5.1: the parameter of a reliable channel is 0. */
START_TEST(writes_zero_for_reliable)
{
    uint8_t text[64];
    struct hws_writer out = hws_writer_over(text, sizeof(text));
    struct hws_dcep_open open = {.ordered = true, .reliability_value = 77, .priority = 256};
    static const uint8_t expected[] = {3, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0};

    hws_dcep_write_open(&out, &open);
    ck_assert_uint_eq(out.len, sizeof(expected));
    ck_assert_mem_eq(text, expected, sizeof(expected));
}
END_TEST

START_TEST(takes_the_longest_label)
{
    static uint8_t label[HWS_LABEL_MAX + 1], message[2 * HWS_LABEL_MAX + 64];
    struct hws_writer out = hws_writer_over(message, sizeof(message));
    struct hws_dcep_open open = {
        .label = {label, HWS_LABEL_MAX},
          .protocol = {label, HWS_LABEL_MAX}
    };
    struct hws_dcep_open read;

    memset(label, 'L', sizeof(label));
    label[7] = 0; /* length-counted: a NUL is a character */
    hws_dcep_write_open(&out, &open);
    ck_assert_uint_eq(out.len, 12 + 2 * HWS_LABEL_MAX);
    ck_assert_int_eq(hws_dcep_read_open(hws_written(&out), &read), HWS_OK);
    ck_assert(hws_bytes_equal(read.label, open.label));
    ck_assert(hws_bytes_equal(read.protocol, open.protocol));
    open.label.len++;
    out = hws_writer_over(message, sizeof(message));
    hws_dcep_write_open(&out, &open);
    ck_assert(out.failed && out.len == 0);
}
END_TEST

START_TEST(wants_utf8_in_both_texts)
{
    uint8_t copy[OPEN_LEN];
    struct hws_dcep_open open;

    memcpy(copy, open_message, OPEN_LEN);
    copy[12] = 0xFF;
    ck_assert_int_eq(read_exact(copy, OPEN_LEN, &open), HWS_ERR_MALFORMED);
    memcpy(copy, open_message, OPEN_LEN);
    copy[16] = 0xC3; /* the first half of a character, cut off by the end */
    ck_assert_int_eq(read_exact(copy, OPEN_LEN, &open), HWS_ERR_MALFORMED);
}
END_TEST

/* ---- What a receiver does: every state with every kind of message */

enum kind {
    OPEN,
    CUT_OPEN,
    ACK,
    LONG_ACK,
    UNKNOWN_TYPE,
    NO_BYTE,
    STRING,
    BINARY,
    STRING_EMPTY,
    BINARY_EMPTY,
    STRING_PARTIAL,
    BINARY_PARTIAL,
    UNKNOWN_PPID,
    KIND_COUNT
};

static const struct {
    uint32_t ppid;
    const char *bytes;
    size_t len;
} kinds[KIND_COUNT] = {
    [OPEN] = {50,  (const char *)open_message, OPEN_LEN    },
    [CUT_OPEN] = {50,  (const char *)open_message, OPEN_LEN - 1},
    [ACK] = {50,  "\x02",                     1           },
    [LONG_ACK] = {50,  "\x02\x00\x00\x00",         4           },
    [UNKNOWN_TYPE] = {50,  "\x00",                     1           },
    [NO_BYTE] = {50,  "",                         0           },
    [STRING] = {51,  "hi",                       2           },
    [BINARY] = {53,  "hi",                       2           },
    [STRING_EMPTY] = {56,  "x",                        1           },
    [BINARY_EMPTY] = {57,  "\x00",                     1           },
    [STRING_PARTIAL] = {54,  "hi",                       2           },
    [BINARY_PARTIAL] = {52,  "hi",                       2           },
    [UNKNOWN_PPID] = {999, "hi",                       2           },
};

#define ACC HWS_DCEP_ACCEPT
#define OPD HWS_DCEP_OPENED
#define STR HWS_DCEP_MESSAGE_STRING
#define BIN HWS_DCEP_MESSAGE_BINARY
#define RST HWS_DCEP_RESET
#define DRP HWS_DCEP_DROP

/* clang-format off */
static const enum hws_dcep_action expected[][KIND_COUNT] = {
    /* OPEN cut  ACK  ACK+ type none str  bin  str0 bin0 str1 bin1 ppid */
    [HWS_STREAM_UNUSED] =
        {ACC, RST, RST, RST, RST, RST, RST, RST, RST, RST, RST, RST, RST},
    [HWS_STREAM_WRONG_PARITY] =
        {RST, RST, RST, RST, RST, RST, RST, RST, RST, RST, RST, RST, RST},
    [HWS_STREAM_OPENING] =
        {RST, RST, OPD, OPD, RST, RST, STR, BIN, STR, BIN, RST, RST, RST},
    [HWS_STREAM_OPEN] =
        {RST, RST, DRP, DRP, RST, RST, STR, BIN, STR, BIN, RST, RST, RST},
    [HWS_STREAM_CLOSING] =
        {DRP, DRP, DRP, DRP, DRP, DRP, DRP, DRP, DRP, DRP, DRP, DRP, DRP},
};
/* clang-format on */

START_TEST(judges_every_message_in_every_state)
{
    enum hws_dcep_stream stream = (enum hws_dcep_stream)_i;

    for (int kind = 0; kind < KIND_COUNT; kind++) {
        struct hws_bytes payload = {(const uint8_t *)kinds[kind].bytes, kinds[kind].len};
        struct hws_dcep_verdict got = hws_dcep_judge(stream, kinds[kind].ppid, payload);
        bool is_message = got.action == STR || got.action == BIN;
        bool is_empty = kind == STRING_EMPTY || kind == BINARY_EMPTY;

        ck_assert_msg(got.action == expected[stream][kind], "state %d, kind %d: got %d", stream,
                      kind, got.action);
        ck_assert_int_eq(got.opens, is_message && stream == HWS_STREAM_OPENING);
        if (is_message) ck_assert_uint_eq(got.data.len, is_empty ? 0 : 2);
        if (got.action == ACC) ck_assert(hws_bytes_equal(got.open.label, bytes_of("chat")));
    }
}
END_TEST

/* ---- UTF-8 (RFC 3629 section 4) */

static const struct {
    const char *text;
    bool sound;
} texts[] = {
    {"",                     true },
    {"plain",                true },
    {"\x7F",                 true },
    {"\xC2\x80",             true },
    {"\xDF\xBF",             true },
    {"\xE0\xA0\x80",         true },
    {"\xED\x9F\xBF",         true },
    {"\xEE\x80\x80",         true },
    {"\xEF\xBF\xBF",         true },
    {"\xF0\x90\x80\x80",     true },
    {"\xF4\x8F\xBF\xBF",     true },
    {"a\xF0\x9F\x98\x80z",   true },
    {"\x80",                 false}, /* a continuation alone */
    {"\xBF",                 false},
    {"\xC0\x80",             false}, /* overlong */
    {"\xC1\xBF",             false},
    {"\xE0\x9F\xBF",         false},
    {"\xF0\x8F\xBF\xBF",     false},
    {"\xED\xA0\x80",         false}, /* surrogates */
    {"\xED\xBF\xBF",         false},
    {"\xF4\x90\x80\x80",     false}, /* above 10FFFF */
    {"\xF5\x80\x80\x80",     false},
    {"\xF8\x88\x80\x80\x80", false},
    {"\xFE",                 false},
    {"\xFF",                 false},
    {"\xC2",                 false}, /* cut */
    {"\xE1\x80",             false},
    {"\xF1\x80\x80",         false},
    {"\xC2\x41",             false}, /* no continuation */
    {"\xE1\x80\x41",         false},
    {"\xF1\x80\x80\x41",     false},
    {"\xC2\xC0",             false},
    {"\xE1\x80\xC0",         false},
};

START_TEST(knows_utf8)
{
    ck_assert_msg(hws_is_utf8(bytes_of(texts[_i].text)) == texts[_i].sound, "row %d", _i);
}
END_TEST

/* All two-byte texts, against the ranges of the RFC written the other way round. */
START_TEST(knows_all_pairs)
{
    for (unsigned pair = 0; pair < 0x10000; pair++) {
        uint8_t text[2] = {(uint8_t)(pair >> 8), (uint8_t)pair};
        bool ascii = text[0] < 0x80 && text[1] < 0x80;
        bool two = text[0] >= 0xC2 && text[0] <= 0xDF && (text[1] & 0xC0) == 0x80;

        ck_assert_msg(hws_is_utf8((struct hws_bytes){text, 2}) == (ascii || two), "%04x", pair);
    }
    ck_assert(hws_is_utf8((struct hws_bytes){(const uint8_t *)"a\0b", 3}));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dcep");
    TCase *messages = tcase_create("messages"), *judging = tcase_create("judge");
    TCase *utf8 = tcase_create("utf8");

    suite_add_tcase(suite, messages);
    tcase_add_test(messages, reads_an_open);
    tcase_add_test(messages, refuses_every_truncation_and_more);
    tcase_add_test(messages, knows_channel_types);
    tcase_add_test(messages, survives_damage);
    tcase_add_test(messages, writes_what_it_reads);
    tcase_add_test(messages, writes_zero_for_reliable);
    tcase_add_test(messages, takes_the_longest_label);
    tcase_add_test(messages, wants_utf8_in_both_texts);
    suite_add_tcase(suite, judging);
    tcase_add_loop_test(judging, judges_every_message_in_every_state, 0, ROWS(expected));
    suite_add_tcase(suite, utf8);
    tcase_add_loop_test(utf8, knows_utf8, 0, ROWS(texts));
    tcase_add_test(utf8, knows_all_pairs);
    return run_suite(suite);
}
