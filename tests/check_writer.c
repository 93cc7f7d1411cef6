/* The writer: what it writes, and that nothing is written behind its buffer. */
#include "base/bytes.h"
#include "base/writer.h"

#include "support/suite.h"

#include <string.h>

static const uint8_t expected[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b,
                                   0x0c, 0x0d, 0x0e, 0x0f, 'a',  'b',  0,    0,    0,    'x',  '7'};

static void write_all(struct hws_writer *out)
{
    hws_write_u8(out, 0x01);
    hws_write_u16(out, 0x0203);
    hws_write_u32(out, 0x04050607);
    hws_write_u64(out, 0x08090a0b0c0d0e0f);
    hws_write_bytes(out, hws_bytes_of("ab"));
    hws_write_zeros(out, 3);
    hws_write_text(out, "x%d", 7);
}

START_TEST(writes_straight_down)
{
    uint8_t buffer[sizeof(expected) + 1]; /* text wants room for a NUL */
    struct hws_writer out = hws_writer_over(buffer, sizeof(buffer));

    write_all(&out);
    ck_assert(!out.failed);
    ck_assert_uint_eq(hws_written(&out).len, sizeof(expected));
    ck_assert_mem_eq(hws_written(&out).data, expected, sizeof(expected));
}
END_TEST

/* Whatever the buffer is short of, the writer fails and what lies behind the buffer stays. */
START_TEST(fails_in_every_shorter_buffer)
{
    uint8_t buffer[sizeof(expected) + 1], behind[sizeof(expected) + 1];
    size_t cap = (size_t)_i;
    struct hws_writer out;

    memset(buffer, 0xAA, sizeof(buffer));
    memset(behind, 0xAA, sizeof(behind));
    out = hws_writer_over(buffer, cap);
    write_all(&out);
    ck_assert(out.failed);
    ck_assert_uint_eq(hws_written(&out).len, 0);
    ck_assert_mem_eq(buffer + cap, behind, sizeof(buffer) - cap);
}
END_TEST

START_TEST(stays_failed)
{
    uint8_t buffer[4];
    struct hws_writer out = hws_writer_over(buffer, sizeof(buffer));

    hws_write_u64(&out, 1);
    ck_assert(out.failed);
    hws_write_u8(&out, 1);
    hws_write_text(&out, "a");
    ck_assert_uint_eq(out.len, 0);
    ck_assert_ptr_null(hws_written(&out).data);
}
END_TEST

START_TEST(writes_nothing_anywhere)
{
    struct hws_writer out = hws_writer_over(NULL, 0);

    hws_write_bytes(&out, (struct hws_bytes){0});
    hws_write_zeros(&out, 0);
    hws_write_text(&out, "%s", "");
    ck_assert(!out.failed);
    hws_write_zeros(&out, SIZE_MAX);
    ck_assert(out.failed);
}
END_TEST

START_TEST(patches_only_what_was_written)
{
    static const uint8_t patched[] = {0xAB, 0xCD, 3, 4};
    uint8_t buffer[8] = {0};
    struct hws_writer out = hws_writer_over(buffer, sizeof(buffer));

    hws_write_u32(&out, 0x01020304);
    hws_patch_u16(&out, 0, 0xABCD);
    hws_patch_u16(&out, 3, 0xFFFF); /* its second byte is not written yet */
    ck_assert_mem_eq(buffer, patched, sizeof(patched));
    ck_assert_uint_eq(buffer[4], 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("writer");
    TCase *tc = tcase_create("writer");

    suite_add_tcase(suite, tc);
    tcase_add_test(tc, writes_straight_down);
    tcase_add_loop_test(tc, fails_in_every_shorter_buffer, 0, ROWS(expected));
    tcase_add_test(tc, stays_failed);
    tcase_add_test(tc, writes_nothing_anywhere);
    tcase_add_test(tc, patches_only_what_was_written);
    return run_suite(suite);
}
