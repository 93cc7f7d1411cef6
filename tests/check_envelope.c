/* The envelope: there and back, and everything that a hostile sender may write instead. */
#include "base/bytes.h"
#include "signal/envelope.h"
#include "support/suite.h"

#include <string.h>

/* A literal: constant, and it stays. */
#define WIRE(text)                                \
    {                                             \
        (const uint8_t *)(text), sizeof(text) - 1 \
    }

static uint8_t big[2 * HWS_ENVELOPE_MAX];

static struct hws_bytes packed_of(enum hws_envelope_side side, const struct hws_envelope *envelope)
{
    struct hws_writer out = hws_writer_over(big, sizeof(big));

    hws_envelope_write(&out, side, envelope);
    ck_assert(!out.failed);
    ck_assert_uint_eq(out.len, hws_envelope_len(side, envelope));
    return hws_written(&out);
}

static const struct {
    enum hws_envelope_side side;
    struct hws_envelope envelope;
} samples[] = {
    {HWS_SIDE_CLIENT, {0}                                                                         },
    {HWS_SIDE_CLIENT, {.worker = 7, .event = HWS_RTC_OFFER, .payload = {(const uint8_t *)"{}", 2}}},
    {HWS_SIDE_CLIENT, {.worker = INT64_MIN, .event = HWS_RTC_PING, .sequence = UINT64_MAX}        },
    {HWS_SIDE_WORKER, {.worker = INT64_MAX, .event = HWS_RTC_LOCAL_ICE_CANDIDATE, .session = 1}   },
    {HWS_SIDE_WORKER,
     {.worker = -1,
      .event = HWS_RTC_ANSWER,
      .payload = {(const uint8_t *)"a\0b", 3},
      .session = UINT64_MAX,
      .sequence = 300}                                                                            },
};

START_TEST(there_and_back)
{
    const struct hws_envelope *want = &samples[_i].envelope;
    struct hws_bytes packed = packed_of(samples[_i].side, want);
    struct hws_envelope got;

    ck_assert_int_eq(hws_envelope_read(samples[_i].side, packed, &got, NULL), HWS_OK);
    ck_assert_int_eq(got.worker, want->worker);
    ck_assert_int_eq(got.event, want->event);
    ck_assert_uint_eq(got.session, want->session);
    ck_assert_uint_eq(got.sequence, want->sequence);
    ck_assert(hws_bytes_equal(got.payload, want->payload));
    if (got.payload.len > 0) { /* borrowed, not copied */
        ck_assert(got.payload.data > packed.data && got.payload.data < packed.data + packed.len);
    }
}
END_TEST

/* The bytes themselves: what programs of the earlier system send and read. */
START_TEST(the_wire_is_exactly_this)
{
    struct hws_envelope envelope = {.worker = 300,
                                    .event = HWS_RTC_ANSWER,
                                    .payload = hws_bytes_of("hi"),
                                    .session = 0x0102030405060708,
                                    .sequence = 1};
    static const uint8_t client[] = {0x08, 0xAC, 0x02, 0x10, 0x01, 0x1A, 0x02, 'h', 'i', 0x28, 1};
    static const uint8_t worker[] = {0x08, 0xAC, 0x02, 0x10, 0x01, 0x1A, 0x02, 'h',  'i',  0x21,
                                     0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01, 0x28, 1};
    struct hws_bytes got = packed_of(HWS_SIDE_CLIENT, &envelope);

    ck_assert_uint_eq(got.len, sizeof(client));
    ck_assert_mem_eq(got.data, client, sizeof(client));
    got = packed_of(HWS_SIDE_WORKER, &envelope);
    ck_assert_uint_eq(got.len, sizeof(worker));
    ck_assert_mem_eq(got.data, worker, sizeof(worker));
}
END_TEST

/* A prefix is a message of fewer fields where it ends between two of them, and else refused. */
START_TEST(every_truncation)
{
    static const uint8_t whole[] = {0x08, 0xAC, 0x02, 0x10, 0x01, 0x1A, 0x02, 'h',  'i',  0x21,
                                    0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01, 0x28, 1};
    static const size_t ends[] = {0, 3, 5, 9, 18, 20};
    struct hws_bytes packed = {whole, (size_t)_i};
    struct hws_envelope got, untouched;
    bool between = false;
    const char *field = NULL;

    memset(&got, 0xAA, sizeof(got));
    memcpy(&untouched, &got, sizeof(got));
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        between |= ends[i] == packed.len;
    if (between) {
        ck_assert_int_eq(hws_envelope_read(HWS_SIDE_WORKER, packed, &got, &field), HWS_OK);
        return;
    }
    ck_assert_int_eq(hws_envelope_read(HWS_SIDE_WORKER, packed, &got, &field), HWS_ERR_MALFORMED);
    ck_assert_mem_eq(&got, &untouched, sizeof(got));
    ck_assert_ptr_nonnull(field);
}
END_TEST

/* Whatever one bit does: the result is refused or in range, and what it borrows is inside. */
START_TEST(every_single_bit)
{
    uint8_t damaged[20] = {0x08, 0xAC, 0x02, 0x10, 0x01, 0x1A, 0x02, 'h',  'i',  0x21,
                           0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01, 0x28, 1};
    struct hws_envelope got;

    damaged[_i / 8] ^= (uint8_t)(1u << (_i % 8));
    if (hws_envelope_read(HWS_SIDE_WORKER, (struct hws_bytes){damaged, sizeof(damaged)}, &got,
                          NULL)) {
        return;
    }
    ck_assert_int_lt(got.event, HWS_RTC_EVENT_COUNT);
    ck_assert_uint_le(got.payload.len, sizeof(damaged));
}
END_TEST

#define CLIENT HWS_SIDE_CLIENT
#define WORKER HWS_SIDE_WORKER

/* By hand: aligned, the rows would be too wide. */
/* clang-format off */
static const struct {
    const char *what;
    const char *field;
    enum hws_envelope_side side;
    struct hws_bytes packed;
} refusals[] = {
    {"event 7", "event", CLIENT, WIRE("\x10\x07")},
    {"event -1", "event", CLIENT, WIRE("\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")},
    {"event 2^32", "event", CLIENT, WIRE("\x10\x80\x80\x80\x80\x10")},
    {"worker as bytes", "worker_machine_id", CLIENT, WIRE("\x0a\x01\x01")},
    {"event as fixed32", "event", CLIENT, WIRE("\x15\x01\x00\x00\x00")},
    {"message as varint", "message", CLIENT, WIRE("\x18\x01")},
    {"session as varint", "session", WORKER, WIRE("\x20\x01")},
    {"sequence as bytes", "sequence", WORKER, WIRE("\x2a\x00")},
    {"a group", "unknown fields", CLIENT, WIRE("\x33\x34")},
    {"wire type 7", "unknown fields", CLIENT, WIRE("\x37")},
    {"field 0", "field number", CLIENT, WIRE("\x00\x01")},
    {"field 2^29", "field number", CLIENT, WIRE("\x80\x80\x80\x80\x10\x01")},
    {"a key without end", "field number", CLIENT, WIRE("\x80")},
    {"an 11-byte varint", "worker_machine_id", CLIENT,
     WIRE("\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00")},
    {"a varint of 65 bits", "worker_machine_id", CLIENT,
     WIRE("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02")},
    {"length one too many", "message", CLIENT, WIRE("\x1a\x03\x68\x69")},
    {"length 2^64 - 1", "message", CLIENT,
     WIRE("\x1a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x68")},
    {"length 2^32", "message", CLIENT, WIRE("\x1a\x80\x80\x80\x80\x10\x68")},
    {"unknown lies too", "unknown fields", CLIENT, WIRE("\x32\x05\x68")},
    {"session cut", "session", WORKER, WIRE("\x21\x01\x02\x03")},
    {"text", "unknown fields", CLIENT, WIRE("\x68\x65\x6c\x6c\x6f")},
};
/* clang-format on */

START_TEST(refuses_and_names_the_field)
{
    struct hws_envelope got;
    const char *field = "";

    ck_assert_msg(hws_envelope_read(refusals[_i].side, refusals[_i].packed, &got, &field) ==
                      HWS_ERR_MALFORMED,
                  "%s was accepted", refusals[_i].what);
    ck_assert_msg(strcmp(field, refusals[_i].field) == 0, "%s: named %s instead of %s",
                  refusals[_i].what, field, refusals[_i].field);
}
END_TEST

/* A later version may add fields; the last of a repeated field counts; order is free. */
START_TEST(accepts_what_protobuf_allows)
{
    static const uint8_t repeated[] = {0x1A, 1, 'a', 0x1A, 1, 'b', 8, 5};
    struct hws_bytes packed = {repeated, sizeof(repeated)};
    struct hws_envelope got;

    ck_assert_int_eq(hws_envelope_read(HWS_SIDE_CLIENT, packed, &got, NULL), HWS_OK);
    ck_assert(hws_bytes_equal(got.payload, hws_bytes_of("b")));
    ck_assert_int_eq(got.worker, 5);
    ck_assert_int_eq(hws_envelope_read(HWS_SIDE_CLIENT,
                                       (struct hws_bytes)WIRE("\x1a\x01\x61\x1a\x00"), &got, NULL),
                     HWS_OK);
    ck_assert_uint_eq(got.payload.len, 0);
    /* A client has no session: field 4 is an unknown one, of whatever type. */
    ck_assert_int_eq(
        hws_envelope_read(HWS_SIDE_CLIENT,
                          (struct hws_bytes)WIRE("\x20\x09\x32\x02\x01\x02\x3d\x00\x00\x00\x00"),
                          &got, NULL),
        HWS_OK);
    ck_assert_uint_eq(got.session, 0);
}
END_TEST

START_TEST(bounds_unknown_and_repeated_fields)
{
    uint8_t fields[2 * 200];
    struct hws_envelope got;
    const char *field = "";

    for (size_t i = 0; i < sizeof(fields); i += 2) {
        fields[i] = 6 << 3;
        fields[i + 1] = 1;
    }
    ck_assert_int_eq(
        hws_envelope_read(HWS_SIDE_CLIENT, (struct hws_bytes){fields, 2 * 16}, &got, &field),
        HWS_OK);
    ck_assert_int_eq(
        hws_envelope_read(HWS_SIDE_CLIENT, (struct hws_bytes){fields, 2 * 17}, &got, &field),
        HWS_ERR_MALFORMED);
    ck_assert_str_eq(field, "unknown fields");
    for (size_t i = 0; i < sizeof(fields); i += 2)
        fields[i] = 1 << 3;
    ck_assert_int_eq(
        hws_envelope_read(HWS_SIDE_CLIENT, (struct hws_bytes){fields, 2 * 64}, &got, &field),
        HWS_OK);
    ck_assert_int_eq(
        hws_envelope_read(HWS_SIDE_CLIENT, (struct hws_bytes){fields, 2 * 65}, &got, &field),
        HWS_ERR_MALFORMED);
    ck_assert_str_eq(field, "worker_machine_id");
}
END_TEST

START_TEST(bounds_the_size)
{
    static uint8_t payload[HWS_ENVELOPE_MAX];
    struct hws_envelope envelope = {
        .worker = 1, .event = HWS_RTC_ANSWER, .payload = {payload, HWS_ENVELOPE_MAX - 8}
    };
    struct hws_bytes packed = packed_of(HWS_SIDE_CLIENT, &envelope);
    struct hws_envelope got;
    struct hws_writer small;

    ck_assert_uint_eq(packed.len, HWS_ENVELOPE_MAX);
    ck_assert_int_eq(hws_envelope_read(HWS_SIDE_CLIENT, packed, &got, NULL), HWS_OK);
    packed.len++;
    ck_assert_int_eq(hws_envelope_read(HWS_SIDE_CLIENT, packed, &got, NULL), HWS_ERR_TOO_BIG);

    envelope.payload.len = 4;
    small = hws_writer_over(big, hws_envelope_len(HWS_SIDE_CLIENT, &envelope) - 1);
    hws_envelope_write(&small, HWS_SIDE_CLIENT, &envelope);
    ck_assert(small.failed);
    ck_assert_uint_eq(small.len, 0);
}
END_TEST

START_TEST(names_of_events)
{
    ck_assert_str_eq(hws_rtc_event_name(HWS_RTC_OFFER), "OFFER");
    ck_assert_str_eq(hws_rtc_event_name(HWS_RTC_PING), "PING");
    ck_assert_str_eq(hws_rtc_event_name((enum hws_rtc_event)99), "?");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("envelope");
    TCase *tc = tcase_create("read and write");

    suite_add_tcase(suite, tc);
    tcase_add_loop_test(tc, there_and_back, 0, ROWS(samples));
    tcase_add_test(tc, the_wire_is_exactly_this);
    tcase_add_loop_test(tc, every_truncation, 0, 21);
    tcase_add_loop_test(tc, every_single_bit, 0, 20 * 8);
    tcase_add_loop_test(tc, refuses_and_names_the_field, 0, ROWS(refusals));
    tcase_add_test(tc, accepts_what_protobuf_allows);
    tcase_add_test(tc, bounds_unknown_and_repeated_fields);
    tcase_add_test(tc, bounds_the_size);
    tcase_add_test(tc, names_of_events);
    return run_suite(suite);
}
