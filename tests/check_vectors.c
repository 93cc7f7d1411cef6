/* tests/vectors/vectors.json: every section that is about hashes, checksums and STUN keys. */
#include "cases/cases.h"
#include "crypto/base64.h"
#include "crypto/crc32.h"
#include "crypto/hash.h"
#include "stun/stun_auth.h"

#include "support/suite.h"

#include <stdio.h>
#include <string.h>

static json_t *root;

static void set_up(void)
{
    root = json_load_file(VECTORS "/vectors.json", 0, NULL);
    ck_assert_ptr_nonnull(root);
}

static void tear_down(void)
{
    json_decref(root);
}

/* The rows of a section; there must be some. */
static const json_t *section(const char *name)
{
    const json_t *rows = json_object_get(root, name);

    ck_assert_msg(json_array_size(rows) > 0, "no section %s", name);
    return rows;
}

/* Do @p bytes spell what the row says, whatever the case and colons? */
static bool spells(const char *expected, const uint8_t *bytes, size_t len)
{
    char text[3 * HWS_HASH_LEN_MAX + 1] = "";
    bool colons = strchr(expected, ':');

    for (size_t i = 0; i < len; i++) {
        (void)snprintf(text + i * (colons ? 3 : 2), 4, colons ? "%02X:" : "%02x", bytes[i]);
    }
    if (colons) text[3 * len - 1] = '\0';
    return strcmp(text, expected) == 0;
}

static struct hws_bytes hex(const json_t *row, const char *key)
{
    struct hws_bytes bytes;

    bytes.data = case_hex(row, key, &bytes.len);
    ck_assert_msg(bytes.data != NULL, "no hex in %s", key);
    return bytes;
}

START_TEST(crc32c)
{
    const json_t *row;
    size_t i;

    json_array_foreach(section("crc32c"), i, row)
    {
        struct hws_bytes bytes = hex(row, "hex");

        ck_assert_uint_eq(hws_crc32c(bytes), strtoul(case_string(row, "crc32c"), NULL, 16));
        free((void *)(uintptr_t)bytes.data);
    }
}
END_TEST

/* The checksum field is bytes 8 to 11, lowest byte first, and counts as zero itself. */
START_TEST(sctp_packets)
{
    const json_t *row;
    size_t i;

    json_array_foreach(section("sctp_packets"), i, row)
    {
        size_t len;
        uint8_t *packet = case_hex(row, "hex", &len);
        uint32_t sent;

        ck_assert_uint_ge(len, 12);
        sent = (uint32_t)packet[8] | (uint32_t)packet[9] << 8 | (uint32_t)packet[10] << 16 |
               (uint32_t)packet[11] << 24;
        memset(packet + 8, 0, 4);
        ck_assert_uint_eq(hws_crc32c((struct hws_bytes){packet, len}), sent);
        free(packet);
    }
}
END_TEST

START_TEST(stun_crc32)
{
    const json_t *row;
    size_t i;

    json_array_foreach(section("stun_crc32"), i, row)
    {
        struct hws_bytes bytes = hex(row, "hex");
        uint32_t crc = hws_crc32(bytes);

        ck_assert_uint_eq(crc, strtoul(case_string(row, "crc32"), NULL, 16));
        ck_assert_uint_eq(crc ^ 0x5354554Eu,
                          strtoul(case_string(row, "fingerprint_value"), NULL, 16));
        free((void *)(uintptr_t)bytes.data);
    }
}
END_TEST

START_TEST(stun_keys)
{
    const json_t *row;
    size_t i;

    json_array_foreach(section("stun_keys"), i, row)
    {
        struct hws_bytes username = case_text(row, "username"), realm = case_text(row, "realm");
        const char *mechanism = case_string(row, "mechanism");
        uint8_t userhash[HWS_STUN_USERHASH_LEN];
        struct hws_stun_key key;
        enum hws_stun_password_algorithm algorithm = HWS_STUN_PASSWORD_MD5;

        if (strcmp(mechanism, "USERHASH") == 0) {
            ck_assert_int_eq(hws_stun_userhash(username, realm, userhash), HWS_OK);
            ck_assert(spells(case_string(row, "userhash"), userhash, sizeof(userhash)));
            continue;
        }
        if (strstr(mechanism, "SHA-256")) algorithm = HWS_STUN_PASSWORD_SHA256;
        ck_assert_int_eq(
            hws_stun_long_term_key(algorithm, username, realm, case_text(row, "password"), &key),
            HWS_OK);
        ck_assert_msg(spells(case_string(row, "key"), key.bytes, key.len), "%s", mechanism);
    }
}
END_TEST

START_TEST(hmac)
{
    const json_t *row;
    size_t i;

    json_array_foreach(section("hmac"), i, row)
    {
        bool sha1 = strcmp(case_string(row, "alg"), "HMAC-SHA1") == 0;
        enum hws_hash hash = sha1 ? HWS_HASH_SHA1 : HWS_HASH_SHA256;
        struct hws_bytes key = hex(row, "key"), data = hex(row, "data");
        uint8_t mac[HWS_HASH_LEN_MAX];

        ck_assert_int_eq(hws_hmac_parts(hash, key, &data, 1, mac), HWS_OK);
        ck_assert(spells(case_string(row, "mac"), mac, hws_hash_len(hash)));
        free((void *)(uintptr_t)key.data);
        free((void *)(uintptr_t)data.data);
    }
}
END_TEST

/* password = base64(HMAC-SHA1(secret, username)) */
START_TEST(turn_rest)
{
    const json_t *row;
    size_t i;

    json_array_foreach(section("turn_rest"), i, row)
    {
        struct hws_bytes username = case_text(row, "username");
        uint8_t mac[HWS_HASH_LEN_MAX], text[64];
        struct hws_writer out = hws_writer_over(text, sizeof(text));

        ck_assert_int_eq(hws_hmac_parts(HWS_HASH_SHA1, case_text(row, "secret"), &username, 1, mac),
                         HWS_OK);
        hws_base64_write(&out, (struct hws_bytes){mac, 20});
        ck_assert(hws_bytes_equal(hws_written(&out), case_text(row, "password")));
    }
}
END_TEST

START_TEST(certificate_fingerprint)
{
    static const struct {
        const char *name;
        enum hws_hash hash;
    } names[] = {
        {"sha-1",   HWS_HASH_SHA1  },
        {"sha-256", HWS_HASH_SHA256},
        {"sha-384", HWS_HASH_SHA384},
        {"sha-512", HWS_HASH_SHA512},
    };
    const json_t *row;
    size_t i;

    json_array_foreach(section("certificate_fingerprint"), i, row)
    {
        const json_t *expected = json_object_get(row, "fingerprints");
        struct hws_bytes der = hex(row, "der_hex");
        uint8_t digest[HWS_HASH_LEN_MAX];

        for (int n = 0; n < ROWS(names); n++) {
            ck_assert_int_eq(hws_hash_parts(names[n].hash, &der, 1, digest), HWS_OK);
            ck_assert(
                spells(case_string(expected, names[n].name), digest, hws_hash_len(names[n].hash)));
        }
        free((void *)(uintptr_t)der.data);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("vectors");
    TCase *tc = tcase_create("vectors");

    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, crc32c);
    tcase_add_test(tc, sctp_packets);
    tcase_add_test(tc, stun_crc32);
    tcase_add_test(tc, stun_keys);
    tcase_add_test(tc, hmac);
    tcase_add_test(tc, turn_rest);
    tcase_add_test(tc, certificate_fingerprint);
    return run_suite(suite);
}
