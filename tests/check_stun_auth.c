/* Long-term keys and USERHASH: the values of the RFCs. */
#include "base/bytes.h"
#include "stun/stun_auth.h"

#include "support/suite.h"

#include <string.h>

static const uint8_t md5_key[16] = {0x84, 0x93, 0xfb, 0xc5, 0x3b, 0xa5, 0x82, 0xfb,
                                    0x4c, 0x04, 0x4c, 0x45, 0x6b, 0xdc, 0x40, 0xeb};
static const uint8_t sha256_key[32] = {
    0x07, 0xe9, 0x34, 0x11, 0x7a, 0xbd, 0x40, 0x83, 0x6e, 0x7c, 0x63, 0x29, 0xb5, 0x47, 0x31, 0xb2,
    0xb2, 0xd2, 0xa5, 0xf9, 0xa7, 0x1f, 0x54, 0x49, 0x22, 0xd7, 0x5e, 0x07, 0x30, 0xd8, 0x25, 0x1b};
/* RFC 8489 appendix B.1 */
static const uint8_t rfc_userhash[32] = {
    0x4a, 0x3c, 0xf3, 0x8f, 0xef, 0x69, 0x92, 0xbd, 0xa9, 0x52, 0xc6, 0x78, 0x04, 0x17, 0xda, 0x0f,
    0x24, 0x81, 0x94, 0x15, 0x56, 0x9e, 0x60, 0xb2, 0x05, 0xc4, 0x6e, 0x41, 0x40, 0x7f, 0x17, 0x04};
static const char matrix[] =
    "\xe3\x83\x9e\xe3\x83\x88\xe3\x83\xaa\xe3\x83\x83\xe3\x82\xaf\xe3\x82\xb9";

static enum hws_err make(int algorithm, const char *username, struct hws_stun_key *key)
{
    return hws_stun_long_term_key((enum hws_stun_password_algorithm)algorithm,
                                  hws_bytes_of(username), hws_bytes_of("realm"),
                                  hws_bytes_of("pass"), key);
}

START_TEST(makes_keys)
{
    struct hws_stun_key key;

    ck_assert_int_eq(make(HWS_STUN_PASSWORD_MD5, "user", &key), HWS_OK);
    ck_assert_uint_eq(key.len, sizeof(md5_key)); /* RFC 8489 section 9.2.2 prints this one */
    ck_assert_mem_eq(key.bytes, md5_key, sizeof(md5_key));
    ck_assert_int_eq(make(HWS_STUN_PASSWORD_SHA256, "user", &key), HWS_OK);
    ck_assert_uint_eq(key.len, sizeof(sha256_key));
    ck_assert_mem_eq(key.bytes, sha256_key, sizeof(sha256_key));
    ck_assert_int_eq(make(HWS_STUN_PASSWORD_SHA256, "User", &key), HWS_OK);
    ck_assert_mem_ne(key.bytes, sha256_key, sizeof(sha256_key));
}
END_TEST

/* The number may come off the wire. */
START_TEST(refuses_other_algorithms)
{
    static const int others[] = {0, 3, 0xFFFF};
    struct hws_stun_key key, untouched;

    memset(&key, 0xAA, sizeof(key));
    untouched = key;
    ck_assert_int_eq(make(others[_i], "user", &key), HWS_ERR_ARGUMENT);
    ck_assert_mem_eq(&key, &untouched, sizeof(key));
}
END_TEST

START_TEST(makes_userhash)
{
    uint8_t userhash[HWS_STUN_USERHASH_LEN];

    ck_assert_int_eq(hws_stun_userhash(hws_bytes_of(matrix), hws_bytes_of("example.org"), userhash),
                     HWS_OK);
    ck_assert_mem_eq(userhash, rfc_userhash, sizeof(rfc_userhash));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stun_auth");
    TCase *tc = tcase_create("stun_auth");

    suite_add_tcase(suite, tc);
    tcase_add_test(tc, makes_keys);
    tcase_add_loop_test(tc, refuses_other_algorithms, 0, 3);
    tcase_add_test(tc, makes_userhash);
    return run_suite(suite);
}
