/* Frames on a stream (RFC 4571 section 2). */
#include "stun/frame.h"
#include "support/check_main.h"

#include "base/bytes.h"

#include <string.h>

static struct hws_frames frames;
static uint8_t stream[16 * 1024];
static size_t stream_len;

static void put(size_t len, uint8_t fill)
{
    hws_frame_head(len, stream + stream_len);
    memset(stream + stream_len + HWS_FRAME_HEAD, fill, len);
    stream_len += HWS_FRAME_HEAD + len;
}

static void feed(size_t from, size_t len)
{
    ck_assert_uint_eq(hws_frames_feed(&frames, (struct hws_bytes){stream + from, len}), len);
}

static void expect(size_t len, uint8_t fill)
{
    struct hws_bytes out;

    ck_assert_int_eq(hws_frames_next(&frames, &out), HWS_OK);
    ck_assert_uint_eq(out.len, len);
    for (size_t i = 0; i < len; i++) {
        ck_assert_uint_eq(out.data[i], fill);
    }
}

static void expect_err(enum hws_err err)
{
    struct hws_bytes out = {NULL, 7};

    ck_assert_int_eq(hws_frames_next(&frames, &out), err);
    ck_assert(out.data == NULL && out.len == 7);
}

START_TEST(finds_frames_of_one_piece)
{
    put(1, 'a');
    put(0, 0);
    put(0, 0);
    put(700, 'b');
    put(0, 0);
    feed(0, stream_len);
    expect(1, 'a');
    expect(700, 'b');
    expect_err(HWS_ERR_AGAIN);
    expect_err(HWS_ERR_AGAIN);
}
END_TEST

START_TEST(finds_frames_byte_by_byte)
{
    put(3, 'a');
    put(258, 'b');
    for (size_t i = 0; i < stream_len; i++) {
        if (i == 5) expect(3, 'a');
        expect_err(HWS_ERR_AGAIN);
        feed(i, 1);
    }
    expect(258, 'b');
    expect_err(HWS_ERR_AGAIN);
}
END_TEST

/* The longest fill the buffer: what is behind waits outside until they are asked for. */
START_TEST(takes_the_longest)
{
    put(HWS_DATAGRAM_IN_MAX, 'a');
    put(HWS_DATAGRAM_IN_MAX, 'b');
    ck_assert_uint_eq(hws_frames_feed(&frames, (struct hws_bytes){stream, stream_len}),
                      HWS_FRAME_MAX);
    ck_assert_uint_eq(hws_frames_feed(&frames, (struct hws_bytes){stream, 1}), 0);
    expect(HWS_DATAGRAM_IN_MAX, 'a');
    expect_err(HWS_ERR_AGAIN);
    feed(HWS_FRAME_MAX, HWS_FRAME_MAX);
    expect(HWS_DATAGRAM_IN_MAX, 'b');
    expect_err(HWS_ERR_AGAIN);
    ck_assert_uint_eq(frames.len, 0); /* a reader of a socket asks for what there is room for */
}
END_TEST

START_TEST(refuses_a_longer_one_at_its_length)
{
    put(5, 'a');
    hws_frame_head(HWS_DATAGRAM_IN_MAX + 1, stream + stream_len);
    feed(0, stream_len + 1);
    expect(5, 'a');
    expect_err(HWS_ERR_AGAIN);
    feed(stream_len + 1, 1);
    expect_err(HWS_ERR_TOO_BIG);
    expect_err(HWS_ERR_TOO_BIG);
}
END_TEST

static const char *const others[] = {"GET / HTTP/1.1\r\n\r\n", "SSH-2.0-x\r\n", "\x16\x03\x01\x02"};

START_TEST(refuses_other_protocols)
{
    struct hws_bytes bytes = hws_bytes_of(others[_i]);

    ck_assert_uint_eq(hws_frames_feed(&frames, bytes), bytes.len);
    expect_err(HWS_ERR_TOO_BIG);
}
END_TEST

START_TEST(writes_lengths)
{
    uint8_t head[HWS_FRAME_HEAD];

    hws_frame_head(0x04D2, head);
    ck_assert_uint_eq(head[0], 4);
    ck_assert_uint_eq(head[1], 0xD2);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("frame");

    tcase_add_test(tc, finds_frames_of_one_piece);
    tcase_add_test(tc, finds_frames_byte_by_byte);
    tcase_add_test(tc, takes_the_longest);
    tcase_add_test(tc, refuses_a_longer_one_at_its_length);
    tcase_add_loop_test(tc, refuses_other_protocols, 0, sizeof(others) / sizeof(others[0]));
    tcase_add_test(tc, writes_lengths);
    return run_case("frame", tc);
}
