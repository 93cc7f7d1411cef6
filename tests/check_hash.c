/* Hashes and keyed hashes against the vectors of their RFCs, in every cut. */
#include "base/bytes.h"
#include "crypto/hash.h"

#include "support/suite.h"

#include <stdio.h>
#include <string.h>

static const char *hex_of(const uint8_t *bytes, size_t len, char out[2 * HWS_HASH_LEN_MAX + 1])
{
    for (size_t i = 0; i < len; i++) {
        (void)snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    }
    return out;
}

/* clang-format off */
static const struct {
    enum hws_hash hash;
    const char *text, *digest;
} hashes[] = {
    /* RFC 1321 appendix A.5 */
    {HWS_HASH_MD5, "", "d41d8cd98f00b204e9800998ecf8427e"},
    {HWS_HASH_MD5, "message digest", "f96b697d7cb7938d525a2f31aaf161d0"},
    /* RFC 3174 section 7.3, RFC 6234 section 8.5 */
    {HWS_HASH_SHA1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
    {HWS_HASH_SHA1, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "84983e441c3bd26ebaae4aa1f95129e5e54670f1"},
    {HWS_HASH_SHA256, "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {HWS_HASH_SHA256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {HWS_HASH_SHA384, "abc",
     "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
     "8086072ba1e7cc2358baeca134c825a7"},
    {HWS_HASH_SHA512, "abc",
     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
     "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
};
/* clang-format on */

/* One range, and cut in three at every place: the same digest, of the length that is promised. */
START_TEST(hashes_every_cut)
{
    struct hws_bytes text = hws_bytes_of(hashes[_i].text);
    uint8_t digest[HWS_HASH_LEN_MAX + 1];
    size_t len = hws_hash_len(hashes[_i].hash);
    char hex[2 * HWS_HASH_LEN_MAX + 1];

    ck_assert_uint_eq(2 * len, strlen(hashes[_i].digest));
    for (size_t cut = 0; cut <= text.len; cut++) {
        struct hws_bytes head = {text.data, cut}, tail = {text.data + cut, text.len - cut};
        struct hws_bytes parts[] = {head, {0}, tail};

        memset(digest, 0xAA, sizeof(digest));
        ck_assert_int_eq(hws_hash_parts(hashes[_i].hash, parts, 3, digest), HWS_OK);
        ck_assert_str_eq(hex_of(digest, len, hex), hashes[_i].digest);
        ck_assert_uint_eq(digest[len], 0xAA);
    }
}
END_TEST

START_TEST(hashes_nothing)
{
    uint8_t digest[HWS_HASH_LEN_MAX];
    char hex[2 * HWS_HASH_LEN_MAX + 1];

    ck_assert_int_eq(hws_hash_parts(HWS_HASH_MD5, NULL, 0, digest), HWS_OK);
    ck_assert_str_eq(hex_of(digest, 16, hex), "d41d8cd98f00b204e9800998ecf8427e");
}
END_TEST

/* clang-format off */
static const struct {
    enum hws_hash hash;
    uint8_t key_byte; /* repeated; 0 = the key is "Jefe" */
    size_t key_len;
    const char *text, *digest;
} macs[] = {
    /* RFC 2202 section 2 and RFC 2202 section 3 */
    {HWS_HASH_MD5, 0x0b, 16, "Hi There", "9294727a3638bb1c13f48ef8158bfc9d"},
    {HWS_HASH_SHA1, 0x0b, 20, "Hi There", "b617318655057264e28bc0b6fb378c8ef146be00"},
    {HWS_HASH_SHA1, 0, 4, "what do ya want for nothing?",
     "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
    {HWS_HASH_SHA1, 0xaa, 80, "Test Using Larger Than Block-Size Key - Hash Key First",
     "aa4ae5e15272d00e95705637ce8a3b55ed402112"},
    /* RFC 4231 section 4 */
    {HWS_HASH_SHA256, 0x0b, 20, "Hi There",
     "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
    {HWS_HASH_SHA256, 0, 4, "what do ya want for nothing?",
     "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
    {HWS_HASH_SHA256, 0xaa, 131, "Test Using Larger Than Block-Size Key - Hash Key First",
     "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
    {HWS_HASH_SHA384, 0x0b, 20, "Hi There",
     "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59c"
     "faea9ea9076ede7f4af152e8b2fa9cb6"},
    {HWS_HASH_SHA512, 0x0b, 20, "Hi There",
     "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"
     "daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854"},
    /* No key at all is a key. */
    {HWS_HASH_SHA256, 0, 0, "", "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"},
};
/* clang-format on */

START_TEST(keyed_hashes_every_cut)
{
    uint8_t key_bytes[131] = "Jefe", digest[HWS_HASH_LEN_MAX];
    struct hws_bytes text = hws_bytes_of(macs[_i].text);
    struct hws_bytes key = {macs[_i].key_len > 0 ? key_bytes : NULL, macs[_i].key_len};
    size_t len = hws_hash_len(macs[_i].hash);
    char hex[2 * HWS_HASH_LEN_MAX + 1];

    if (macs[_i].key_byte != 0) memset(key_bytes, macs[_i].key_byte, sizeof(key_bytes));
    for (size_t cut = 0; cut <= text.len; cut++) {
        struct hws_bytes parts[] = {
            {text.data,       cut           },
            {text.data + cut, text.len - cut}
        };

        ck_assert_int_eq(hws_hmac_parts(macs[_i].hash, key, parts, 2, digest), HWS_OK);
        ck_assert_str_eq(hex_of(digest, len, hex), macs[_i].digest);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hash");
    TCase *tc = tcase_create("hash");

    suite_add_tcase(suite, tc);
    tcase_add_loop_test(tc, hashes_every_cut, 0, ROWS(hashes));
    tcase_add_test(tc, hashes_nothing);
    tcase_add_loop_test(tc, keyed_hashes_every_cut, 0, ROWS(macs));
    return run_suite(suite);
}
