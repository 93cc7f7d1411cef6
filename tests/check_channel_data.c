/* ChannelData over datagrams and streams: what is taken, what is refused, and round trips. */
#include "base/bytes.h"
#include "stun/channel_data.h"

#include "support/suite.h"

#include <string.h>

/* Exactly as long as it says, so that a sanitizer sees a read past the end. */
static uint8_t *block(const char *bytes, size_t len)
{
    uint8_t *copy = calloc(1, len > 0 ? len : 1);

    ck_assert_ptr_nonnull(copy);
    memcpy(copy, bytes, len);
    return copy;
}

/* clang-format off */
static const struct {
    const char *bytes;
    size_t len;
    enum hws_channel_data_flaw flaw;
    enum hws_err err;
    uint16_t channel;
    size_t data_len;
} messages[] = {
    {"\x40\x00\x00\x05hello", 9, HWS_CHANNEL_DATA_SOUND, HWS_OK, 0x4000, 5},
    {"\x4f\xff\x00\x01x", 5, HWS_CHANNEL_DATA_SOUND, HWS_OK, 0x4fff, 1},
    {"\x40\x01\x00\x00", 4, HWS_CHANNEL_DATA_SOUND, HWS_OK, 0x4001, 0},
    {"\x40\x01\x00\x01x\xff\xff\xff", 8, HWS_CHANNEL_DATA_SOUND, HWS_OK, 0x4001, 1}, /* padded */
    {"", 0, HWS_CHANNEL_DATA_SHORT_HEADER, HWS_ERR_TRUNCATED, 0, 0},
    {"\x40\x00\x00", 3, HWS_CHANNEL_DATA_SHORT_HEADER, HWS_ERR_TRUNCATED, 0, 0},
    {"\x40\x00\x00\x05hell", 8, HWS_CHANNEL_DATA_LENGTH_MISMATCH, HWS_ERR_TRUNCATED, 0, 0},
    {"\x40\x00\xff\xffhell", 8, HWS_CHANNEL_DATA_LENGTH_MISMATCH, HWS_ERR_TRUNCATED, 0, 0},
    {"\x40\x00\x00\x01", 4, HWS_CHANNEL_DATA_LENGTH_MISMATCH, HWS_ERR_TRUNCATED, 0, 0},
    {"\x3f\xff\x00\x00", 4, HWS_CHANNEL_DATA_BAD_CHANNEL, HWS_ERR_MALFORMED, 0, 0},
    {"\x50\x00\x00\x00", 4, HWS_CHANNEL_DATA_BAD_CHANNEL, HWS_ERR_MALFORMED, 0, 0},
    {"\x7f\xff\x00\x00", 4, HWS_CHANNEL_DATA_BAD_CHANNEL, HWS_ERR_MALFORMED, 0, 0},
    {"\x00\x01\x00\x00", 4, HWS_CHANNEL_DATA_BAD_CHANNEL, HWS_ERR_MALFORMED, 0, 0}, /* STUN */
};
/* clang-format on */

START_TEST(reads)
{
    uint8_t *bytes = block(messages[_i].bytes, messages[_i].len);
    struct hws_channel_data view = {.channel = 0xAAAA};
    enum hws_channel_data_flaw flaw;

    ck_assert_int_eq(
        hws_channel_data_read((struct hws_bytes){bytes, messages[_i].len}, &view, &flaw),
        messages[_i].err);
    ck_assert_int_eq(flaw, messages[_i].flaw);
    if (messages[_i].err) {
        ck_assert_uint_eq(view.channel, 0xAAAA);
    } else {
        ck_assert_uint_eq(view.channel, messages[_i].channel);
        ck_assert_ptr_eq(view.data.data, bytes + 4);
        ck_assert_uint_eq(view.data.len, messages[_i].data_len);
    }
    free(bytes);
}
END_TEST

START_TEST(names_its_flaws)
{
    ck_assert_str_eq(hws_channel_data_flaw_name(HWS_CHANNEL_DATA_SOUND), "OK");
    ck_assert_str_eq(hws_channel_data_flaw_name(HWS_CHANNEL_DATA_BAD_CHANNEL), "BAD_CHANNEL");
}
END_TEST

/* Every length of data, as datagram and in a stream with two messages behind each other. */
START_TEST(reads_what_it_writes)
{
    uint8_t data[9], stream[64];
    struct hws_writer out = hws_writer_over(stream, sizeof(stream));
    struct hws_bytes payload = {data, (size_t)_i}, rest;
    struct hws_channel_data view;
    size_t len;

    memset(data, 'd', sizeof(data));
    ck_assert_int_eq(hws_channel_data_write(&out, 0x4abc, payload, false), HWS_OK);
    ck_assert_uint_eq(out.len, 4 + (size_t)_i);
    ck_assert_int_eq(hws_channel_data_read(hws_written(&out), &view, NULL), HWS_OK);
    ck_assert(hws_bytes_equal(view.data, payload));

    memset(stream, 0xFF, sizeof(stream));
    out = hws_writer_over(stream, sizeof(stream));
    ck_assert_int_eq(hws_channel_data_write(&out, 0x4abc, payload, true), HWS_OK);
    ck_assert_int_eq(hws_channel_data_write(&out, 0x4abd, payload, true), HWS_OK);
    rest = hws_written(&out);
    for (uint16_t channel = 0x4abc; channel <= 0x4abd; channel++) {
        ck_assert_int_eq(hws_stream_message_len(rest, &len), HWS_OK);
        ck_assert_uint_eq(len % 4, 0);
        ck_assert_int_eq(hws_channel_data_read((struct hws_bytes){rest.data, len}, &view, NULL),
                         HWS_OK);
        ck_assert_uint_eq(view.channel, channel);
        ck_assert(hws_bytes_equal(view.data, payload));
        for (size_t i = 4 + view.data.len; i < len; i++) {
            ck_assert_uint_eq(rest.data[i], 0); /* padding tells nothing */
        }
        rest = (struct hws_bytes){rest.data + len, rest.len - len};
    }
    ck_assert_uint_eq(rest.len, 0);
}
END_TEST

START_TEST(refuses_to_write)
{
    static uint8_t big[65536];
    uint8_t buffer[8];
    struct hws_writer out = hws_writer_over(buffer, sizeof(buffer));
    struct hws_bytes five = {big, 5};

    ck_assert_int_eq(hws_channel_data_write(&out, 0x3fff, five, false), HWS_ERR_ARGUMENT);
    ck_assert_int_eq(hws_channel_data_write(&out, 0x5000, five, false), HWS_ERR_ARGUMENT);
    ck_assert_int_eq(hws_channel_data_write(&out, 0x4000, five, false), HWS_ERR_FULL);
    ck_assert_int_eq(
        hws_channel_data_write(&out, 0x4000, (struct hws_bytes){big, sizeof(big)}, false),
        HWS_ERR_TOO_BIG);
    ck_assert_uint_eq(out.len, 0);
    ck_assert(!out.failed);
}
END_TEST

static const struct {
    const char *bytes;
    size_t len;
    enum hws_err err;
    size_t message_len;
} heads[] = {
    {"",                 0, HWS_ERR_AGAIN,     0         },
    {"\x40\x00\x00",     3, HWS_ERR_AGAIN,     0         },
    {"\x40\x00\x00\x00", 4, HWS_OK,            4         },
    {"\x40\x00\x00\x01", 4, HWS_OK,            8         },
    {"\x40\x00\x00\x04", 4, HWS_OK,            8         },
    {"\x4f\xff\xff\xff", 4, HWS_OK,            4 + 65536 },
    {"\x00\x01\x00\x00", 4, HWS_OK,            20        },
    {"\x3f\xff\xff\xfc", 4, HWS_OK,            20 + 65532},
    {"\x00\x01\x00\x02", 4, HWS_ERR_MALFORMED, 0         },
    {"\x50\x00\x00\x00", 4, HWS_ERR_MALFORMED, 0         },
    {"\x80\x00\x00\x00", 4, HWS_ERR_MALFORMED, 0         },
    {"\xff\xff\xff\xff", 4, HWS_ERR_MALFORMED, 0         },
};

START_TEST(finds_the_end_of_a_message)
{
    struct hws_bytes stream = {(const uint8_t *)heads[_i].bytes, heads[_i].len};
    size_t len = 0;

    ck_assert_int_eq(hws_stream_message_len(stream, &len), heads[_i].err);
    ck_assert_uint_eq(len, heads[_i].message_len);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("channel_data");
    TCase *tc = tcase_create("channel_data");

    suite_add_tcase(suite, tc);
    tcase_add_loop_test(tc, reads, 0, ROWS(messages));
    tcase_add_test(tc, names_its_flaws);
    tcase_add_loop_test(tc, reads_what_it_writes, 0, 10);
    tcase_add_test(tc, refuses_to_write);
    tcase_add_loop_test(tc, finds_the_end_of_a_message, 0, ROWS(heads));
    return run_suite(suite);
}
