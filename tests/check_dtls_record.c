/* Records: where they end, what is wrong with them, and which of them wolfSSL may see. */
#include "dtls/record.h"

#include "base/bytes.h"
#include "base/limits.h"

#include "support/suite.h"

#include <string.h>

/* A plain record, from its parts. */
static struct hws_bytes plain(uint8_t *out, uint8_t type, uint16_t epoch, const char *body,
                              size_t len)
{
    const uint8_t header[HWS_RECORD_HEADER] = {
        type, 0xFE, 0xFD, (uint8_t)(epoch >> 8), (uint8_t)epoch, 0, 0, 0,
        0,    0,    7,    (uint8_t)(len >> 8),   (uint8_t)len};

    memcpy(out, header, sizeof(header));
    memcpy(out + sizeof(header), body, len);
    return (struct hws_bytes){out, sizeof(header) + len};
}

#define BODY(text) text, sizeof(text) - 1
#define SEVENTEEN  "0123456789abcdefg"

struct cut_row {
    const char *name;
    const char *bytes;
    size_t len;
    enum hws_record_flaw flaw;
};

/* clang-format off */
static const struct cut_row cut_rows[] = {
    {"nothing", BODY(""), HWS_RECORD_CUT},
    {"one byte", BODY("\x16"), HWS_RECORD_CUT},
    {"a STUN message", BODY("\x00\x01\x00\x00\x21\x12\xA4\x42"), HWS_RECORD_KIND},
    {"an RTP packet", BODY("\x80\x60\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00"),
     HWS_RECORD_KIND},
    {"heartbeat", BODY("\x18\xFE\xFD\0\0\0\0\0\0\0\0\0\1x"), HWS_RECORD_KIND},
    {"DTLS 1.2 with a connection id", BODY("\x19\xFE\xFD\0\0\0\0\0\0\0\0\0\1x"), HWS_RECORD_KIND},
    {"header cut", BODY("\x16\xFE\xFD\0\0\0\0\0\0\0\0\0"), HWS_RECORD_CUT},
    {"body cut", BODY("\x16\xFE\xFD\0\0\0\0\0\0\0\0\0\3xx"), HWS_RECORD_CUT},
    {"a byte too many", BODY("\x16\xFE\xFD\0\0\0\0\0\0\0\0\0\1xx"), HWS_RECORD_KIND},
    {"empty body", BODY("\x16\xFE\xFD\0\0\0\0\0\0\0\0\0\0"), HWS_RECORD_LENGTH},
    {"TLS", BODY("\x16\x03\x03\0\0\0\0\0\0\0\0\0\1x"), HWS_RECORD_VERSION},
    {"the version of before DTLS 1.0", BODY("\x16\x01\x00\0\0\0\0\0\0\0\0\0\1x"),
     HWS_RECORD_VERSION},
    {"DTLS 1.0 header", BODY("\x16\xFE\xFF\0\0\0\0\0\0\0\0\0\1x"), HWS_RECORD_SOUND},
    {"DTLS 1.2 header", BODY("\x17\xFE\xFD\0\1\0\0\0\0\0\0\0\1x"), HWS_RECORD_SOUND},
    {"ACK", BODY("\x1A\xFE\xFD\0\0\0\0\0\0\0\0\0\2\0\0"), HWS_RECORD_SOUND},
    {"two records", BODY("\x16\xFE\xFD\0\0\0\0\0\0\0\0\0\1x\x14\xFE\xFD\0\0\0\0\0\0\0\0\0\1\1"),
     HWS_RECORD_SOUND},
    {"a good and a cut one", BODY("\x16\xFE\xFD\0\0\0\0\0\0\0\0\0\1x\x14\xFE\xFD\0\0\0\0"),
     HWS_RECORD_CUT},
    {"unified, short, to the end", BODY("\x22\x01" SEVENTEEN), HWS_RECORD_SOUND},
    {"unified, long, to the end", BODY("\x2A\x01\x02" SEVENTEEN), HWS_RECORD_SOUND},
    {"unified with length", BODY("\x2E\x01\x02\x00\x11" SEVENTEEN), HWS_RECORD_SOUND},
    {"two unified", BODY("\x2E\x01\x02\x00\x11" SEVENTEEN "\x2B\x01\x02" SEVENTEEN),
     HWS_RECORD_SOUND},
    {"unified, length past the end", BODY("\x2E\x01\x02\x00\x12" SEVENTEEN), HWS_RECORD_CUT},
    {"unified, no length", BODY("\x2E\x01\x02\x00"), HWS_RECORD_CUT},
    {"unified, less than a tag", BODY("\x2E\x01\x02\x00\x10" "0123456789abcdef"),
     HWS_RECORD_LENGTH},
    {"unified, nothing", BODY("\x22\x01"), HWS_RECORD_LENGTH},
    {"unified with a connection id", BODY("\x3E\x01\x02\x00\x11" SEVENTEEN), HWS_RECORD_CID},
};
/* clang-format on */

START_TEST(finds_the_flaw)
{
    const struct cut_row *row = &cut_rows[_i];
    struct hws_bytes datagram = {(const uint8_t *)row->bytes, row->len};
    enum hws_record_flaw flaw = hws_record_check(datagram);

    ck_assert_msg(flaw == row->flaw, "%s: '%s' instead of '%s'", row->name,
                  hws_record_flaw_name(flaw), hws_record_flaw_name(row->flaw));
}
END_TEST

START_TEST(names_every_flaw)
{
    for (int i = 0; i < HWS_RECORD_FLAW_COUNT; i++) {
        ck_assert_ptr_nonnull(hws_record_flaw_name((enum hws_record_flaw)i));
    }
    ck_assert_str_eq(hws_record_flaw_name(HWS_RECORD_FLAW_COUNT), "unknown");
}
END_TEST

START_TEST(tells_what_a_record_is)
{
    static const char two[] =
        "\x17\xFE\xFD\x01\x02\0\0\0\0\0\0\0\3abc\x2E\x01\x02\x00\x11" SEVENTEEN;
    struct hws_bytes rest = {(const uint8_t *)two, sizeof(two) - 1};
    struct hws_record record;

    ck_assert_int_eq(hws_record_next(&rest, &record), HWS_RECORD_SOUND);
    ck_assert_uint_eq(record.type, HWS_RECORD_DATA);
    ck_assert_uint_eq(record.epoch, 0x0102);
    ck_assert(!record.unified);
    ck_assert_uint_eq(record.whole.len, 16);
    ck_assert(hws_bytes_equal(record.body, hws_bytes_of("abc")));
    ck_assert_int_eq(hws_record_next(&rest, &record), HWS_RECORD_SOUND);
    ck_assert(record.unified);
    ck_assert_uint_eq(record.epoch, 2);
    ck_assert_uint_eq(record.type, 0);
    ck_assert_uint_eq(record.whole.len, 5 + 17);
    ck_assert(hws_bytes_equal(record.body, hws_bytes_of(SEVENTEEN)));
    ck_assert_uint_eq(rest.len, 0);
}
END_TEST

START_TEST(leaves_everything_alone_on_a_flaw)
{
    struct hws_bytes rest = {(const uint8_t *)"\x16\xFE\xFD", 3}, before = rest;
    struct hws_record record = {.epoch = 4711};

    ck_assert_int_ne(hws_record_next(&rest, &record), HWS_RECORD_SOUND);
    ck_assert_ptr_eq(rest.data, before.data);
    ck_assert_uint_eq(rest.len, before.len);
    ck_assert_uint_eq(record.epoch, 4711);
}
END_TEST

/* ---- Handshake fragments */

struct fragment_row {
    const char *name;
    const char *bytes;
    size_t len;
    bool good;
};

/* clang-format off */
static const struct fragment_row fragment_rows[] = {
    {"a whole message", BODY("\x01\0\0\2\0\0\0\0\0\0\0\2ab"), true},
    {"a whole empty one", BODY("\x0E\0\0\0\0\0\0\0\0\0\0\0"), true},
    {"the second half", BODY("\x01\0\0\4\0\0\0\0\2\0\0\2cd"), true},
    {"header cut", BODY("\x01\0\0\2\0\0\0\0\0\0\0"), false},
    {"body cut", BODY("\x01\0\0\2\0\0\0\0\0\0\0\2a"), false},
    {"past its message", BODY("\x01\0\0\3\0\0\0\0\2\0\0\2cd"), false},
    {"offset far out", BODY("\x01\0\0\3\0\0\xFF\xFF\xFF\0\0\2cd"), false},
    {"an empty piece", BODY("\x01\0\0\3\0\0\0\0\1\0\0\0"), false},
    {"16 KiB", BODY("\x01\0\x40\0\0\0\0\0\0\0\0\2ab"), true},
    {"over 16 KiB", BODY("\x01\0\x40\1\0\0\0\0\0\0\0\2ab"), false},
};
/* clang-format on */

START_TEST(cuts_fragments)
{
    const struct fragment_row *row = &fragment_rows[_i];
    struct hws_bytes rest = {(const uint8_t *)row->bytes, row->len};
    struct hws_fragment fragment = {.message_seq = 4711};

    ck_assert_msg(hws_fragment_next(&rest, &fragment) == row->good, "%s", row->name);
    ck_assert_uint_eq(rest.len, row->good ? 0 : row->len);
    if (!row->good) ck_assert_uint_eq(fragment.message_seq, 4711);
}
END_TEST

/* ---- What wolfSSL may see */

enum side { CLIENT, SERVER };

#define HELLO         "\x01\0\0\2\0\0\0\0\0\0\0\2ab"
#define MESSAGE(type) type "\0\0\2\0\1\0\0\0\0\0\2ab"

struct admit_row {
    const char *name;
    enum side side;
    enum hws_record_protocol protocol;
    bool finished;
    uint8_t type;
    uint16_t epoch;
    const char *body;
    size_t len;
    enum hws_record_flaw flaw;
};

#define OPEN HWS_PROTOCOL_OPEN
#define V12  HWS_PROTOCOL_12
#define V13  HWS_PROTOCOL_13

/* clang-format off */
static const struct admit_row admit_rows[] = {
    {"hello to a server", SERVER, OPEN, false, 22, 0, BODY(HELLO), HWS_RECORD_SOUND},
    {"hello again, 1.2", SERVER, V12, false, 22, 0, BODY(HELLO), HWS_RECORD_SOUND},
    {"hello again, 1.3", SERVER, V13, false, 22, 0, BODY(HELLO), HWS_RECORD_SOUND},
    {"hello to a client", CLIENT, OPEN, false, 22, 0, BODY(HELLO), HWS_RECORD_MESSAGE},
    {"two hellos in a record", SERVER, OPEN, false, 22, 0, BODY(HELLO HELLO), HWS_RECORD_SOUND},
    {"hello and garbage", SERVER, OPEN, false, 22, 0, BODY(HELLO "x"), HWS_RECORD_MESSAGE},
    {"message number out of reach", SERVER, OPEN, false, 22, 0,
     BODY("\x01\0\0\2\0\x0A\0\0\0\0\0\2ab"), HWS_RECORD_MESSAGE},
    {"ServerHello", CLIENT, OPEN, false, 22, 0, BODY(MESSAGE("\x02")), HWS_RECORD_SOUND},
    {"ServerHello to a server", SERVER, OPEN, false, 22, 0, BODY(MESSAGE("\x02")),
     HWS_RECORD_MESSAGE},
    {"HelloVerifyRequest", CLIENT, OPEN, false, 22, 0, BODY(MESSAGE("\x03")), HWS_RECORD_SOUND},
    {"HelloVerifyRequest in 1.3", CLIENT, V13, false, 22, 0, BODY(MESSAGE("\x03")),
     HWS_RECORD_MESSAGE},
    {"HelloVerifyRequest after the hello", CLIENT, V12, false, 22, 0, BODY(MESSAGE("\x03")),
     HWS_RECORD_MESSAGE},
    {"ticket", CLIENT, V12, false, 22, 0, BODY(MESSAGE("\x04")), HWS_RECORD_MESSAGE},
    {"certificate before the hello", SERVER, OPEN, false, 22, 0, BODY(MESSAGE("\x0B")),
     HWS_RECORD_MESSAGE},
    {"certificate to a server", SERVER, V12, false, 22, 0, BODY(MESSAGE("\x0B")), HWS_RECORD_SOUND},
    {"certificate to a client", CLIENT, OPEN, false, 22, 0, BODY(MESSAGE("\x0B")),
     HWS_RECORD_SOUND},
    {"plain certificate in 1.3", CLIENT, V13, false, 22, 0, BODY(MESSAGE("\x0B")),
     HWS_RECORD_MESSAGE},
    {"key exchange to a server", SERVER, V12, false, 22, 0, BODY(MESSAGE("\x10")),
     HWS_RECORD_SOUND},
    {"key exchange to a client", CLIENT, V12, false, 22, 0, BODY(MESSAGE("\x10")),
     HWS_RECORD_MESSAGE},
    {"plain Finished", SERVER, V12, false, 22, 0, BODY(MESSAGE("\x14")), HWS_RECORD_MESSAGE},
    {"HelloRequest", CLIENT, V12, false, 22, 0, BODY(MESSAGE("\x00")), HWS_RECORD_MESSAGE},
    {"hello afterwards", SERVER, V12, true, 22, 0, BODY(HELLO), HWS_RECORD_LATE},
    {"alert afterwards", CLIENT, V13, true, 21, 0, BODY("\2\x28"), HWS_RECORD_LATE},
    {"alert", CLIENT, OPEN, false, 21, 0, BODY("\2\x28"), HWS_RECORD_PLAIN_ALERT},
    {"data without encryption", SERVER, V12, false, 23, 0, BODY("x"), HWS_RECORD_PLAIN_DATA},
    {"ChangeCipherSpec", SERVER, V12, false, 20, 0, BODY("\1"), HWS_RECORD_SOUND},
    {"ChangeCipherSpec too early", CLIENT, OPEN, false, 20, 0, BODY("\1"), HWS_RECORD_BAD_SPEC},
    {"ChangeCipherSpec in 1.3", CLIENT, V13, false, 20, 0, BODY("\1"), HWS_RECORD_BAD_SPEC},
    {"ChangeCipherSpec too long", SERVER, V12, false, 20, 0, BODY("\1\1"), HWS_RECORD_BAD_SPEC},
    {"ChangeCipherSpec of another value", SERVER, V12, false, 20, 0, BODY("\2"),
     HWS_RECORD_BAD_SPEC},
    {"ChangeCipherSpec encrypted", SERVER, V12, false, 20, 1, BODY("\1"), HWS_RECORD_BAD_SPEC},
    {"empty ACK", SERVER, V13, false, 26, 0, BODY("\0\0"), HWS_RECORD_SOUND},
    {"ACK of a record", SERVER, V13, false, 26, 0, BODY("\0\x10" SEVENTEEN), HWS_RECORD_BAD_ACK},
    {"empty ACK before the hello", CLIENT, OPEN, false, 26, 0, BODY("\0\0"), HWS_RECORD_BAD_ACK},
    {"ACK in 1.2", SERVER, V12, false, 26, 0, BODY("\0\0"), HWS_RECORD_BAD_ACK},
    {"ACK in epoch 1", SERVER, V12, false, 26, 1, BODY("\0\0"), HWS_RECORD_KIND},
    {"encrypted Finished", SERVER, V12, false, 22, 1, BODY(SEVENTEEN), HWS_RECORD_SOUND},
    {"encrypted alert", SERVER, V12, false, 21, 1, BODY(SEVENTEEN), HWS_RECORD_SOUND},
    {"early data", SERVER, V12, false, 23, 1, BODY(SEVENTEEN), HWS_RECORD_EARLY},
    {"data", SERVER, V12, true, 23, 1, BODY(SEVENTEEN), HWS_RECORD_SOUND},
    {"data of a later epoch", SERVER, V12, true, 23, 2, BODY(SEVENTEEN), HWS_RECORD_EPOCH},
    {"encrypted before the hello", SERVER, OPEN, false, 22, 1, BODY(SEVENTEEN), HWS_RECORD_EPOCH},
    {"the header of 1.2 in 1.3", SERVER, V13, true, 23, 1, BODY(SEVENTEEN), HWS_RECORD_VERSION},
};
/* clang-format on */

START_TEST(admits)
{
    const struct admit_row *row = &admit_rows[_i];
    struct hws_record_stage stage = {row->protocol, row->side == SERVER, row->finished};
    uint8_t buffer[128];
    struct hws_bytes rest = plain(buffer, row->type, row->epoch, row->body, row->len);
    struct hws_record record;
    enum hws_record_flaw flaw;

    ck_assert_int_eq(hws_record_next(&rest, &record), HWS_RECORD_SOUND);
    flaw = hws_record_admit(&record, &stage);
    ck_assert_msg(flaw == row->flaw, "%s: '%s' instead of '%s'", row->name,
                  hws_record_flaw_name(flaw), hws_record_flaw_name(row->flaw));
}
END_TEST

struct unified_row {
    enum side side;
    enum hws_record_protocol protocol;
    bool finished;
    enum hws_record_flaw by_epoch[4];
};

/* clang-format off */
static const struct unified_row unified_rows[] = {
    /* Keys come with the hello; epoch 1 is early data, which we never negotiate. */
    {SERVER, OPEN, false, {HWS_RECORD_EPOCH, HWS_RECORD_EPOCH, HWS_RECORD_EPOCH, HWS_RECORD_EARLY}},
    {CLIENT, OPEN, false, {HWS_RECORD_EPOCH, HWS_RECORD_EPOCH, HWS_RECORD_SOUND, HWS_RECORD_EARLY}},
    {SERVER, V13, false, {HWS_RECORD_EPOCH, HWS_RECORD_EPOCH, HWS_RECORD_SOUND, HWS_RECORD_EARLY}},
    /* Later epochs look like any. */
    {SERVER, V13, true, {HWS_RECORD_SOUND, HWS_RECORD_SOUND, HWS_RECORD_SOUND, HWS_RECORD_SOUND}},
    {CLIENT, V12, false, {HWS_RECORD_VERSION, HWS_RECORD_VERSION, HWS_RECORD_VERSION,
     HWS_RECORD_VERSION}},
    {CLIENT, V12, true, {HWS_RECORD_VERSION, HWS_RECORD_VERSION, HWS_RECORD_VERSION,
     HWS_RECORD_VERSION}},
};
/* clang-format on */

START_TEST(admits_unified)
{
    const struct unified_row *row = &unified_rows[_i];
    struct hws_record_stage stage = {row->protocol, row->side == SERVER, row->finished};

    for (uint8_t epoch = 0; epoch < 4; epoch++) {
        char bytes[] = "\x2C\x01\x02\x00\x11" SEVENTEEN;
        struct hws_bytes rest = {(const uint8_t *)bytes, sizeof(bytes) - 1};
        struct hws_record record;

        bytes[0] = (char)(bytes[0] | epoch);
        ck_assert_int_eq(hws_record_next(&rest, &record), HWS_RECORD_SOUND);
        ck_assert_int_eq(hws_record_admit(&record, &stage), row->by_epoch[epoch]);
    }
}
END_TEST

/* Whatever the length fields say, records tile the datagram and nothing outside is read (ASan). */
START_TEST(tiles_under_damage)
{
    static const char two[] =
        "\x16\xFE\xFD\0\0\0\0\0\0\0\0\0\x0E" HELLO "\x2E\x01\x02\x00\x11" SEVENTEEN;
    size_t len = sizeof(two) - 1;
    uint8_t *copy = calloc(1, len);

    for (size_t bit = 0; bit < len * 8; bit++) {
        struct hws_bytes rest = {copy, len};
        struct hws_record record;
        size_t covered = 0;

        memcpy(copy, two, len);
        copy[bit / 8] = (uint8_t)(copy[bit / 8] ^ 1U << (bit & 7));
        while (rest.len > 0 && hws_record_next(&rest, &record) == HWS_RECORD_SOUND) {
            ck_assert_ptr_eq(record.whole.data, copy + covered);
            ck_assert_uint_gt(record.whole.len, record.body.len);
            covered += record.whole.len;
        }
        ck_assert_uint_eq(covered + rest.len, len);
        if (hws_record_check((struct hws_bytes){copy, len}) == HWS_RECORD_SOUND) {
            ck_assert_uint_eq(covered, len);
        }
    }
    free(copy);
}
END_TEST

START_TEST(sees_every_truncation)
{
    static const char one[] = "\x16\xFE\xFD\0\0\0\0\0\0\0\0\0\x0E" HELLO;

    for (size_t len = 0; len < sizeof(one) - 1; len++) {
        uint8_t *copy = calloc(1, len + 1);

        memcpy(copy, one, len);
        ck_assert_int_eq(hws_record_check((struct hws_bytes){copy, len}), HWS_RECORD_CUT);
        free(copy);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dtls_record");
    TCase *records = tcase_create("records");
    TCase *admission = tcase_create("admission");

    suite_add_tcase(suite, records);
    tcase_add_loop_test(records, finds_the_flaw, 0, ROWS(cut_rows));
    tcase_add_test(records, names_every_flaw);
    tcase_add_test(records, tells_what_a_record_is);
    tcase_add_test(records, leaves_everything_alone_on_a_flaw);
    tcase_add_test(records, tiles_under_damage);
    tcase_add_test(records, sees_every_truncation);
    tcase_add_loop_test(records, cuts_fragments, 0, ROWS(fragment_rows));
    suite_add_tcase(suite, admission);
    tcase_add_loop_test(admission, admits, 0, ROWS(admit_rows));
    tcase_add_loop_test(admission, admits_unified, 0, ROWS(unified_rows));
    return run_suite(suite);
}
