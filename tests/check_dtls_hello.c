/* Fragmented ClientHellos: those of the browsers, and every way to send one badly. */
#include "dtls/hello.h"

#include "base/bytes.h"
#include "base/limits.h"
#include "base/writer.h"

#include "support/suite.h"

#include <stdio.h>
#include <string.h>

enum { FILE_MAX = 4096, HEADERS = HWS_RECORD_HEADER + HWS_HANDSHAKE_HEADER };

static struct hws_hello hello;

static void set_up(void)
{
    hello = (struct hws_hello){0};
}

static void tear_down(void)
{
    hws_hello_fini(&hello);
}

static struct hws_bytes load(const char *name, uint8_t out[FILE_MAX])
{
    char path[512];
    FILE *file;
    size_t len;

    (void)snprintf(path, sizeof(path), "%s/dtls/%s.bin", VECTORS, name);
    file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "cannot open %s", path);
    len = fread(out, 1, FILE_MAX, file);
    (void)fclose(file);
    ck_assert_uint_gt(len, 0);
    return (struct hws_bytes){out, len};
}

static enum hws_err feed(struct hws_bytes datagram, struct hws_bytes *out)
{
    enum hws_err err = HWS_ERR_AGAIN;
    struct hws_record record;

    while (datagram.len > 0 && err == HWS_ERR_AGAIN) {
        ck_assert_int_eq(hws_record_next(&datagram, &record), HWS_RECORD_SOUND);
        ck_assert(hws_hello_is_piece(&record));
        err = hws_hello_add(&hello, &record, out);
    }
    return err;
}

/* One piece of a hello of @p total bytes whose byte i is (i * 7 + salt). */
static struct hws_bytes piece(uint8_t *buffer, size_t total, size_t from, size_t len, uint16_t seq,
                              unsigned salt)
{
    struct hws_writer out = hws_writer_over(buffer, HEADERS + len);

    hws_write_u8(&out, HWS_RECORD_HANDSHAKE);
    hws_write_u16(&out, 0xFEFD);
    hws_write_u16(&out, 0);
    hws_write_u16(&out, 0);
    hws_write_u32(&out, (uint32_t)from);
    hws_write_u16(&out, (uint16_t)(HWS_HANDSHAKE_HEADER + len));
    hws_write_u8(&out, HWS_CLIENT_HELLO);
    hws_write_u8(&out, (uint8_t)(total >> 16));
    hws_write_u16(&out, (uint16_t)total);
    hws_write_u16(&out, seq);
    hws_write_u8(&out, (uint8_t)(from >> 16));
    hws_write_u16(&out, (uint16_t)from);
    hws_write_u8(&out, (uint8_t)(len >> 16));
    hws_write_u16(&out, (uint16_t)len);
    for (size_t i = from; i < from + len; i++) {
        hws_write_u8(&out, (uint8_t)(i * 7 + salt));
    }
    ck_assert(!out.failed);
    return hws_written(&out);
}

static enum hws_err add(size_t total, size_t from, size_t len, uint16_t seq, unsigned salt,
                        struct hws_bytes *out)
{
    static uint8_t buffer[HEADERS + HWS_HELLO_MAX];

    return feed(piece(buffer, total, from, len, seq, salt), out);
}

static void expect_whole(struct hws_bytes out, size_t total, uint16_t seq)
{
    static uint8_t buffer[HEADERS + HWS_HELLO_MAX];
    struct hws_bytes whole = piece(buffer, total, 0, total, seq, 0);

    ck_assert_uint_eq(out.len, whole.len);
    /* All but the sequence number, which is that of the last piece. */
    ck_assert_mem_eq(out.data, whole.data, 5);
    ck_assert_mem_eq(out.data + 11, whole.data + 11, whole.len - 11);
}

/* ---- Browsers */

static const char *const browsers[] = {"cr-default", "ff-default"};

static void join_browser(const char *browser, bool backwards)
{
    uint8_t first[FILE_MAX], second[FILE_MAX], joined[FILE_MAX];
    char name[64];
    struct hws_bytes parts[2], want, out = {0};

    (void)snprintf(name, sizeof(name), "%s-0", browser);
    parts[backwards] = load(name, first);
    (void)snprintf(name, sizeof(name), "%s-1", browser);
    parts[!backwards] = load(name, second);
    (void)snprintf(name, sizeof(name), "%s-reassembled", browser);
    want = load(name, joined);

    ck_assert_int_eq(feed(parts[0], &out), HWS_ERR_AGAIN);
    ck_assert_int_eq(feed(parts[0], &out), HWS_ERR_AGAIN);
    ck_assert_int_eq(feed(parts[1], &out), HWS_OK);
    ck_assert_uint_eq(out.len, want.len);
    ck_assert_mem_eq(out.data + HWS_RECORD_HEADER, want.data + HWS_RECORD_HEADER,
                     want.len - HWS_RECORD_HEADER);
    ck_assert_int_eq(hws_record_check(out), HWS_RECORD_SOUND);
}

START_TEST(joins_what_browsers_send)
{
    join_browser(browsers[_i], false);
}
END_TEST

START_TEST(joins_it_backwards)
{
    join_browser(browsers[_i], true);
}
END_TEST

/* aiortc puts both pieces into one datagram. */
START_TEST(joins_two_in_a_datagram)
{
    uint8_t first[2 * FILE_MAX], second[FILE_MAX];
    struct hws_bytes a = load("cr-default-0", first), b = load("cr-default-1", second), out;

    memcpy(first + a.len, b.data, b.len);
    ck_assert_int_eq(feed((struct hws_bytes){first, a.len + b.len}, &out), HWS_OK);
    ck_assert_uint_eq(out.len, a.len + b.len - HEADERS);
}
END_TEST

static const char *const whole_hellos[] = {"cr-nopqc-feature-0", "ff-dtls12-0",
                                           "cr-default-reassembled", "ff-default-reassembled"};

START_TEST(leaves_whole_hellos_alone)
{
    uint8_t buffer[FILE_MAX];
    struct hws_bytes datagram = load(whole_hellos[_i], buffer);
    struct hws_record record;

    ck_assert_int_eq(hws_record_next(&datagram, &record), HWS_RECORD_SOUND);
    ck_assert(!hws_hello_is_piece(&record));
}
END_TEST

/* A browser's piece, cut anywhere or with any bit wrong, is refused or waits for more; what comes
 * out in the end is a sound record. */
START_TEST(survives_damage)
{
    uint8_t first[FILE_MAX], second[FILE_MAX];
    struct hws_bytes a = load("ff-default-0", first), b = load("ff-default-1", second), out;

    for (size_t bit = 0; bit < b.len * 8; bit++) {
        struct hws_record record;
        struct hws_bytes rest = b;

        ck_assert_int_eq(feed(a, &out), HWS_ERR_AGAIN);
        second[bit / 8] = (uint8_t)(second[bit / 8] ^ 1U << (bit & 7));
        if (hws_record_next(&rest, &record) == HWS_RECORD_SOUND && hws_hello_is_piece(&record) &&
            hws_hello_add(&hello, &record, &out) == HWS_OK) {
            ck_assert_int_eq(hws_record_check(out), HWS_RECORD_SOUND);
        }
        second[bit / 8] = (uint8_t)(second[bit / 8] ^ 1U << (bit & 7));
        hws_hello_fini(&hello);
    }
}
END_TEST

/* ---- Bad manners */

START_TEST(takes_any_order_and_overlaps)
{
    struct hws_bytes out;

    ck_assert_int_eq(add(100, 60, 40, 0, 0, &out), HWS_ERR_AGAIN);
    ck_assert_int_eq(add(100, 0, 30, 0, 0, &out), HWS_ERR_AGAIN);
    ck_assert_int_eq(add(100, 20, 20, 0, 0, &out), HWS_ERR_AGAIN);
    ck_assert_int_eq(add(100, 20, 20, 0, 0, &out), HWS_ERR_AGAIN);
    ck_assert_int_eq(add(100, 0, 99, 0, 0, &out), HWS_OK);
    expect_whole(out, 100, 0);
}
END_TEST

START_TEST(keeps_what_came_first)
{
    struct hws_bytes out;

    ck_assert_int_eq(add(100, 0, 50, 0, 0, &out), HWS_ERR_AGAIN);
    ck_assert_int_eq(add(100, 0, 50, 0, 1, &out), HWS_ERR_AGAIN); /* other bytes */
    ck_assert_int_eq(add(100, 50, 50, 0, 0, &out), HWS_OK);
    expect_whole(out, 100, 0);
}
END_TEST

START_TEST(begins_again_for_another_hello)
{
    struct hws_bytes out;

    ck_assert_int_eq(add(100, 0, 50, 0, 1, &out), HWS_ERR_AGAIN);
    ck_assert_int_eq(add(100, 50, 50, 1, 0, &out), HWS_ERR_AGAIN); /* after a cookie */
    ck_assert_int_eq(add(100, 0, 50, 1, 0, &out), HWS_OK);
    expect_whole(out, 100, 1);
    ck_assert_int_eq(add(100, 0, 50, 1, 0, &out), HWS_ERR_AGAIN);  /* repeated: joined again */
    ck_assert_int_eq(add(101, 50, 51, 1, 0, &out), HWS_ERR_AGAIN); /* another length */
    ck_assert_int_eq(add(101, 0, 50, 1, 0, &out), HWS_OK);
    expect_whole(out, 101, 1);
}
END_TEST

START_TEST(stops_at_sixteen_kilobytes)
{
    size_t most = HWS_HELLO_MAX - HWS_HANDSHAKE_HEADER;
    struct hws_bytes out;

    ck_assert_int_eq(add(most + 1, 0, 100, 0, 0, &out), HWS_ERR_TOO_BIG);
    ck_assert_ptr_null(hello.block);
    ck_assert_int_eq(add(most, 0, most - 1, 0, 0, &out), HWS_ERR_AGAIN);
    ck_assert_int_eq(add(most, most - 1, 1, 0, 0, &out), HWS_OK);
    expect_whole(out, most, 0);
}
END_TEST

START_TEST(stops_at_sixty_four_pieces)
{
    struct hws_bytes out;

    for (size_t i = 0; i < HWS_HELLO_FRAGMENTS - 1; i++) {
        ck_assert_int_eq(add(1000, i, 1, 0, 0, &out), HWS_ERR_AGAIN);
    }
    ck_assert_int_eq(add(1000, HWS_HELLO_FRAGMENTS - 1, 1, 0, 0, &out), HWS_ERR_AGAIN);
    ck_assert_int_eq(add(1000, 0, 999, 0, 0, &out), HWS_ERR_FULL);
    ck_assert_ptr_null(hello.block);
    ck_assert_int_eq(add(1000, 0, 999, 0, 0, &out), HWS_ERR_AGAIN);
    ck_assert_int_eq(add(1000, 999, 1, 0, 0, &out), HWS_OK);
    expect_whole(out, 1000, 0);
}
END_TEST

/* Sixty-four pieces are allowed when they are the whole. */
START_TEST(takes_sixty_four_pieces)
{
    enum { TOTAL = HWS_HELLO_FRAGMENTS * 10 };
    struct hws_bytes out;

    for (size_t i = HWS_HELLO_FRAGMENTS; i-- > 1;) {
        ck_assert_int_eq(add(TOTAL, i * 10, 10, 0, 0, &out), HWS_ERR_AGAIN);
    }
    ck_assert_int_eq(add(TOTAL, 0, 10, 0, 0, &out), HWS_OK);
    expect_whole(out, TOTAL, 0);
}
END_TEST

START_TEST(refuses_other_messages_in_the_record)
{
    static const char mixed[] = "\x16\xFE\xFD\0\0\0\0\0\0\0\0\0\x1C"
                                "\x01\0\0\4\0\0\0\0\0\0\0\2ab"
                                "\x0B\0\0\4\0\0\0\0\0\0\0\2cd";
    struct hws_bytes rest = {(const uint8_t *)mixed, sizeof(mixed) - 1};
    struct hws_bytes out = {NULL, 4711};
    struct hws_record record;

    ck_assert_int_eq(hws_record_next(&rest, &record), HWS_RECORD_SOUND);
    ck_assert(hws_hello_is_piece(&record));
    ck_assert_int_eq(hws_hello_add(&hello, &record, &out), HWS_ERR_MALFORMED);
    ck_assert_uint_eq(out.len, 4711);
    ck_assert_ptr_null(hello.block);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dtls_hello");
    TCase *real = tcase_create("browsers");
    TCase *bad = tcase_create("bad manners");

    suite_add_tcase(suite, real);
    tcase_add_checked_fixture(real, set_up, tear_down);
    tcase_add_loop_test(real, joins_what_browsers_send, 0, ROWS(browsers));
    tcase_add_loop_test(real, joins_it_backwards, 0, ROWS(browsers));
    tcase_add_test(real, joins_two_in_a_datagram);
    tcase_add_loop_test(real, leaves_whole_hellos_alone, 0, ROWS(whole_hellos));
    tcase_add_test(real, survives_damage);
    suite_add_tcase(suite, bad);
    tcase_add_checked_fixture(bad, set_up, tear_down);
    tcase_add_test(bad, takes_any_order_and_overlaps);
    tcase_add_test(bad, keeps_what_came_first);
    tcase_add_test(bad, begins_again_for_another_hello);
    tcase_add_test(bad, stops_at_sixteen_kilobytes);
    tcase_add_test(bad, stops_at_sixty_four_pieces);
    tcase_add_test(bad, takes_sixty_four_pieces);
    tcase_add_test(bad, refuses_other_messages_in_the_record);
    return run_suite(suite);
}
