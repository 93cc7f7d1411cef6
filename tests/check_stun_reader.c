/* The STUN reader: the RFC's messages, every truncation and every single bit of damage. */
#include "base/address.h"
#include "crypto/hash.h"
#include "stun/stun_auth.h"
#include "stun/stun_reader.h"
#include "stun/stun_writer.h"

#include "support/rfc5769.h"
#include "support/suite.h"

#include <string.h>

static const uint8_t tid[HWS_STUN_TID_LEN] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

#define OVER(array) ((struct hws_bytes){(array), sizeof(array)})

static struct hws_bytes password(void)
{
    return hws_bytes_of(rfc5769_password);
}

START_TEST(reads_the_request)
{
    struct hws_stun_message m;
    enum hws_stun_flaw flaw;

    ck_assert_int_eq(hws_stun_read(OVER(rfc5769_request), &m, &flaw), HWS_OK);
    ck_assert_int_eq(flaw, HWS_STUN_SOUND);
    ck_assert_int_eq(m.msg_class, HWS_STUN_REQUEST);
    ck_assert_uint_eq(m.method, HWS_STUN_BINDING);
    ck_assert_mem_eq(m.transaction, rfc5769_request + 8, HWS_STUN_TID_LEN);
    ck_assert(hws_bytes_equal(m.username, hws_bytes_of("evtj:h6vY")));
    ck_assert(hws_bytes_equal(m.software, hws_bytes_of("STUN test client")));
    ck_assert(m.has_priority && m.priority == 0x6e0001ff);
    ck_assert(m.has_ice_controlled && m.ice_controlled == 0x932ff9b151263b36);
    ck_assert(!m.has_ice_controlling && !m.use_candidate && m.has_fingerprint);
    ck_assert_uint_eq(m.unknown_required_count, 0);
    ck_assert_int_eq(hws_stun_verify(&m, password()), HWS_STUN_INTEGRITY_OK);
    ck_assert_int_eq(hws_stun_verify(&m, hws_bytes_of("another")), HWS_STUN_INTEGRITY_BAD);
    ck_assert_int_eq(hws_stun_verify(&m, (struct hws_bytes){0}), HWS_STUN_INTEGRITY_BAD);
}
END_TEST

START_TEST(reads_the_responses)
{
    struct hws_stun_message m;
    char text[HWS_ENDPOINT_TEXT_MAX];

    ck_assert_int_eq(hws_stun_read(OVER(rfc5769_response4), &m, NULL), HWS_OK);
    ck_assert_int_eq(m.msg_class, HWS_STUN_SUCCESS);
    ck_assert_str_eq(hws_endpoint_text(&m.xor_mapped, text), "192.0.2.1:32853");
    ck_assert_int_eq(hws_stun_verify(&m, password()), HWS_STUN_INTEGRITY_OK);
    ck_assert_int_eq(hws_stun_read(OVER(rfc5769_response6), &m, NULL), HWS_OK);
    ck_assert_str_eq(hws_endpoint_text(&m.xor_mapped, text),
                     "[2001:db8:1234:5678:11:2233:4455:6677]:32853");
    ck_assert_int_eq(hws_stun_verify(&m, password()), HWS_STUN_INTEGRITY_OK);
}
END_TEST

START_TEST(reads_the_long_term_request)
{
    struct hws_stun_message m;
    struct hws_stun_key key;

    ck_assert_int_eq(hws_stun_read(OVER(rfc5769_long_term), &m, NULL), HWS_OK);
    ck_assert(hws_bytes_equal(m.realm, hws_bytes_of("example.org")));
    ck_assert_int_eq(hws_stun_long_term_key(HWS_STUN_PASSWORD_MD5, m.username, m.realm,
                                            hws_bytes_of("TheMatrIX"), &key),
                     HWS_OK);
    ck_assert_int_eq(hws_stun_verify(&m, (struct hws_bytes){key.bytes, key.len}),
                     HWS_STUN_INTEGRITY_OK);
}
END_TEST

static const struct {
    const uint8_t *bytes;
    size_t len;
} vectors[] = {
    {rfc5769_request,   sizeof(rfc5769_request)  },
    {rfc5769_response4, sizeof(rfc5769_response4)},
    {rfc5769_response6, sizeof(rfc5769_response6)},
    {rfc5769_long_term, sizeof(rfc5769_long_term)},
};

/* A heap block of exactly @p len bytes, so that a sanitizer sees every read past its end. */
static struct hws_bytes block(const uint8_t *bytes, size_t len)
{
    uint8_t *copy = calloc(1, len > 0 ? len : 1);

    ck_assert_ptr_nonnull(copy);
    if (len > 0) memcpy(copy, bytes, len);
    return (struct hws_bytes){copy, len};
}

START_TEST(refuses_every_truncation)
{
    struct hws_stun_message m, untouched;

    memset(&m, 0xAA, sizeof(m));
    memcpy(&untouched, &m, sizeof(m));
    for (size_t len = 0; len < vectors[_i].len; len++) {
        struct hws_bytes cut = block(vectors[_i].bytes, len);
        enum hws_stun_flaw flaw, expected;

        expected = len < HWS_STUN_HEADER_LEN ? HWS_STUN_SHORT_HEADER : HWS_STUN_LENGTH_MISMATCH;
        ck_assert_int_eq(hws_stun_read(cut, &m, &flaw), HWS_ERR_TRUNCATED);
        ck_assert_int_eq(flaw, expected);
        ck_assert_mem_eq(&m, &untouched, sizeof(m));
        free((void *)(uintptr_t)cut.data);
    }
}
END_TEST

/* The same with a length field that fits, so that the attributes themselves are cut. Only the
 * FINGERPRINT may go and leave the keyed hash right. */
START_TEST(survives_every_cut_of_the_body)
{
    for (size_t len = HWS_STUN_HEADER_LEN; len < vectors[_i].len; len += 4) {
        struct hws_bytes cut = block(vectors[_i].bytes, len);
        uint8_t *bytes = (uint8_t *)(uintptr_t)cut.data;
        bool whole = _i < 3 && len == vectors[_i].len - 8;
        struct hws_stun_message m;
        enum hws_stun_flaw flaw;

        bytes[2] = (uint8_t)((len - HWS_STUN_HEADER_LEN) >> 8);
        bytes[3] = (uint8_t)(len - HWS_STUN_HEADER_LEN);
        if (hws_stun_read(cut, &m, &flaw) == HWS_OK)
            ck_assert_int_eq(hws_stun_verify(&m, password()) == HWS_STUN_INTEGRITY_OK, whole);
        else
            ck_assert_int_eq(flaw, HWS_STUN_ATTR_OVERRUN);
        free(bytes);
    }
}
END_TEST

static bool is_good(struct hws_bytes bytes, struct hws_bytes key, bool fingerprinted)
{
    struct hws_stun_message m;

    if (hws_stun_read(bytes, &m, NULL)) return false;
    if (m.has_fingerprint != fingerprinted) return false;
    return hws_stun_verify(&m, key) == HWS_STUN_INTEGRITY_OK;
}

static void damage_every_bit(uint8_t *bytes, size_t len, struct hws_bytes key, bool fingerprinted)
{
    struct hws_bytes whole = {bytes, len};

    ck_assert(is_good(whole, key, fingerprinted));
    for (size_t bit = 0; bit < 8 * len; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        ck_assert_msg(!is_good(whole, key, fingerprinted), "bit %zu of byte %zu was taken", bit % 8,
                      bit / 8);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

START_TEST(refuses_every_damaged_bit)
{
    uint8_t bytes[128];
    struct hws_stun_key key;

    if (_i < 3) { /* MESSAGE-INTEGRITY and FINGERPRINT */
        memcpy(bytes, vectors[_i].bytes, vectors[_i].len);
        damage_every_bit(bytes, vectors[_i].len, password(), true);
        return;
    }
    /* No FINGERPRINT: only the keyed hash stands between. */
    memcpy(bytes, rfc5769_long_term, sizeof(rfc5769_long_term));
    ck_assert_int_eq(hws_stun_long_term_key(HWS_STUN_PASSWORD_MD5,
                                            hws_bytes_of("\xe3\x83\x9e\xe3\x83\x88\xe3\x83\xaa\xe3"
                                                         "\x83\x83\xe3\x82\xaf\xe3\x82\xb9"),
                                            hws_bytes_of("example.org"), hws_bytes_of("TheMatrIX"),
                                            &key),
                     HWS_OK);
    damage_every_bit(bytes, sizeof(rfc5769_long_term), (struct hws_bytes){key.bytes, key.len},
                     false);
}
END_TEST

START_TEST(refuses_every_damaged_bit_of_sha256)
{
    uint8_t bytes[128];
    struct hws_stun_writer msg =
        hws_stun_begin(bytes, sizeof(bytes), HWS_STUN_REQUEST, HWS_STUN_BINDING, tid);
    struct hws_bytes whole;

    hws_stun_add_bytes(&msg, HWS_STUN_USERNAME, hws_bytes_of("a:b"));
    hws_stun_add_integrity_sha256(&msg, password());
    ck_assert_int_eq(hws_stun_end(&msg, &whole), HWS_OK);
    damage_every_bit(bytes, whole.len, password(), false);
}
END_TEST

/* One attribute in a message that is otherwise empty. */
static struct hws_bytes with_attr(uint8_t buffer[160], uint16_t type, const uint8_t *value,
                                  size_t len)
{
    struct hws_stun_writer msg = hws_stun_begin(buffer, 160, HWS_STUN_REQUEST, 1, tid);
    struct hws_bytes whole;

    hws_stun_add_bytes(&msg, type, (struct hws_bytes){value, len});
    ck_assert_int_eq(hws_stun_end(&msg, &whole), HWS_OK);
    return whole;
}

/* Types of a fixed size: the lengths 0 to 40 that are taken, as a list. */
static const struct {
    uint16_t type;
    int first, last, step;
} sizes[] = {
    {HWS_STUN_MESSAGE_INTEGRITY,        20, 20, 1},
    {HWS_STUN_MESSAGE_INTEGRITY_SHA256, 16, 32, 4},
    {HWS_STUN_PRIORITY,                 4,  4,  1},
    {HWS_STUN_USE_CANDIDATE,            0,  0,  1},
    {HWS_STUN_ICE_CONTROLLED,           8,  8,  1},
    {HWS_STUN_ICE_CONTROLLING,          8,  8,  1},
    {HWS_STUN_LIFETIME,                 4,  4,  1},
    {HWS_STUN_CHANNEL_NUMBER,           4,  4,  1},
    {HWS_STUN_REQUESTED_TRANSPORT,      4,  4,  1},
    {HWS_STUN_REQUESTED_ADDRESS_FAMILY, 4,  4,  1},
    {HWS_STUN_EVEN_PORT,                1,  1,  1},
    {HWS_STUN_DONT_FRAGMENT,            0,  0,  1},
    {HWS_STUN_RESERVATION_TOKEN,        8,  8,  1},
    {HWS_STUN_USERHASH,                 32, 32, 1},
    {HWS_STUN_UNKNOWN_ATTRIBUTES,       0,  40, 2},
    {HWS_STUN_XOR_MAPPED_ADDRESS,       8,  8,  1}, /* of family 1, as the value below says */
    {HWS_STUN_ERROR_CODE,               4,  40, 1},
    {HWS_STUN_USERNAME,                 0,  40, 1},
    {HWS_STUN_SOFTWARE,                 0,  40, 1},
};

START_TEST(knows_the_size_of_attributes)
{
    static const uint8_t value[40] = {0, 1, 4, 1};
    uint8_t buffer[160];

    for (int len = 0; len <= 40; len++) {
        bool fits = len >= sizes[_i].first && len <= sizes[_i].last && len % sizes[_i].step == 0;
        struct hws_stun_message m;
        enum hws_stun_flaw flaw;

        (void)!hws_stun_read(with_attr(buffer, sizes[_i].type, value, (size_t)len), &m, &flaw);
        ck_assert_msg(flaw == (fits ? HWS_STUN_SOUND : HWS_STUN_BAD_ATTR_LENGTH),
                      "type %#x with %d bytes: %s", sizes[_i].type, len, hws_stun_flaw_name(flaw));
    }
}
END_TEST

START_TEST(knows_error_codes)
{
    uint8_t buffer[160], value[4] = {0xFF, 0xFF, 0, 0};

    for (unsigned byte = 0; byte < 256; byte++) {
        for (unsigned number = 0; number < 256; number++) {
            bool fits = (byte & 7) >= 3 && (byte & 7) <= 6 && number <= 99;
            struct hws_stun_message m = {0};
            enum hws_stun_flaw flaw;

            value[2] = (uint8_t)byte; /* the five bits above the class are reserved: ignored */
            value[3] = (uint8_t)number;
            (void)!hws_stun_read(with_attr(buffer, HWS_STUN_ERROR_CODE, value, 4), &m, &flaw);
            ck_assert_int_eq(flaw, fits ? HWS_STUN_SOUND : HWS_STUN_BAD_ERROR_CODE);
            ck_assert_uint_eq(m.error_code, fits ? (byte & 7) * 100 + number : 0);
        }
    }
}
END_TEST

/* Every class with every method: what the writer interleaves, the reader takes apart. */
START_TEST(takes_type_apart)
{
    static const uint16_t methods[] = {0, 1, 3, 9, 0x00F, 0x010, 0x070, 0x080, 0x801, 0xF80, 0xFFF};
    uint8_t buffer[HWS_STUN_HEADER_LEN];

    for (int i = 0; i < ROWS(methods); i++) {
        struct hws_stun_writer msg =
            hws_stun_begin(buffer, sizeof(buffer), (enum hws_stun_class)_i, methods[i], tid);
        struct hws_stun_message m;
        struct hws_bytes whole;

        ck_assert_int_eq(hws_stun_end(&msg, &whole), HWS_OK);
        ck_assert_int_eq(hws_stun_read(whole, &m, NULL), HWS_OK);
        ck_assert_int_eq((int)m.msg_class, _i);
        ck_assert_uint_eq(m.method, methods[i]);
    }
}
END_TEST

/* Many unknown types: each once, in wire order, and no more than the struct holds. */
START_TEST(bounds_the_unknown)
{
    uint8_t buffer[1200];
    struct hws_stun_writer msg = hws_stun_begin(buffer, sizeof(buffer), HWS_STUN_REQUEST, 1, tid);
    struct hws_stun_message m;
    struct hws_bytes whole;

    for (uint16_t i = 0; i < 200; i++) {
        hws_stun_add_flag(&msg, (uint16_t)(0x7F00 + i % 100));
    }
    hws_stun_add_flag(&msg, 0xC000);
    ck_assert_int_eq(hws_stun_end(&msg, &whole), HWS_OK);
    ck_assert_int_eq(hws_stun_read(whole, &m, NULL), HWS_OK);
    ck_assert_uint_eq(m.unknown_required_count, HWS_STUN_UNKNOWN_MAX);
    for (uint16_t i = 0; i < HWS_STUN_UNKNOWN_MAX; i++) {
        ck_assert_uint_eq(m.unknown_required[i], 0x7F00 + i);
    }
}
END_TEST

/* What stands behind the keyed hash is not there, whatever it is; and its size is no flaw. */
START_TEST(ignores_what_is_not_protected)
{
    uint8_t buffer[256];
    struct hws_stun_writer msg = hws_stun_begin(buffer, sizeof(buffer), HWS_STUN_REQUEST, 1, tid);
    struct hws_stun_message m;
    struct hws_bytes whole, value;

    hws_stun_add_bytes(&msg, 0xC070, hws_bytes_of("before"));
    hws_stun_add_integrity(&msg, password());
    hws_stun_add_flag(&msg, HWS_STUN_USE_CANDIDATE);
    hws_stun_add_flag(&msg, HWS_STUN_PRIORITY); /* of a wrong size */
    hws_stun_add_flag(&msg, 0x7FFF);
    hws_stun_add_bytes(&msg, 0xC071, hws_bytes_of("behind"));
    hws_stun_add_fingerprint(&msg);
    ck_assert_int_eq(hws_stun_end(&msg, &whole), HWS_OK);
    ck_assert_int_eq(hws_stun_read(whole, &m, NULL), HWS_OK);
    ck_assert(!m.use_candidate && !m.has_priority && m.has_fingerprint);
    ck_assert_uint_eq(m.unknown_required_count, 0);
    ck_assert_int_eq(hws_stun_verify(&m, password()), HWS_STUN_INTEGRITY_OK);
    ck_assert(hws_stun_find(&m, 0xC070, &value));
    ck_assert(hws_bytes_equal(value, hws_bytes_of("before")));
    ck_assert(!hws_stun_find(&m, 0xC071, &value));
    ck_assert(hws_bytes_equal(value, hws_bytes_of("before")));
}
END_TEST

START_TEST(finds_the_first_of_equals)
{
    uint8_t buffer[128];
    struct hws_stun_writer msg = hws_stun_begin(buffer, sizeof(buffer), HWS_STUN_REQUEST, 1, tid);
    struct hws_stun_message m;
    struct hws_bytes whole, value;

    hws_stun_add_bytes(&msg, 0xC000, hws_bytes_of("first"));
    hws_stun_add_bytes(&msg, 0xC000, hws_bytes_of("second"));
    ck_assert_int_eq(hws_stun_end(&msg, &whole), HWS_OK);
    ck_assert_int_eq(hws_stun_read(whole, &m, NULL), HWS_OK);
    ck_assert(hws_stun_find(&m, 0xC000, &value));
    ck_assert(hws_bytes_equal(value, hws_bytes_of("first")));
    ck_assert(!hws_stun_find(&m, 0xC001, &value));
}
END_TEST

/* RFC 8489 section 14: the first of equal attributes counts, of whatever form it is. */
START_TEST(takes_the_first_of_equals)
{
    uint8_t buffer[512];
    struct hws_stun_writer msg = hws_stun_begin(buffer, sizeof(buffer), HWS_STUN_ERROR, 1, tid);
    struct hws_stun_message m;
    struct hws_bytes whole;

    for (uint8_t i = 1; i <= 2; i++) {
        struct hws_address addr = {
            .ip = {192, 0, 2, i},
              .port = i, .family = HWS_FAMILY_IP4
        };

        hws_stun_add_bytes(&msg, HWS_STUN_USERNAME, (struct hws_bytes){&i, 1});
        hws_stun_add_u32(&msg, HWS_STUN_PRIORITY, i);
        hws_stun_add_u64(&msg, HWS_STUN_ICE_CONTROLLING, i);
        hws_stun_add_u32(&msg, HWS_STUN_CHANNEL_NUMBER, (0x4000u + i) << 16);
        hws_stun_add_u32(&msg, HWS_STUN_REQUESTED_TRANSPORT, (uint32_t)i << 24);
        hws_stun_add_u32(&msg, HWS_STUN_REQUESTED_ADDRESS_FAMILY, (uint32_t)i << 24);
        hws_stun_add_bytes(&msg, HWS_STUN_EVEN_PORT, hws_bytes_of(i == 1 ? "\x80" : "\x01"));
        hws_stun_add_error(&msg, (uint16_t)(400 + i), i == 1 ? "one" : "two");
        hws_stun_add_xor_address(&msg, HWS_STUN_XOR_MAPPED_ADDRESS, &addr);
    }
    ck_assert_int_eq(hws_stun_end(&msg, &whole), HWS_OK);
    ck_assert_int_eq(hws_stun_read(whole, &m, NULL), HWS_OK);
    ck_assert_uint_eq(m.username.data[0], 1);
    ck_assert_uint_eq(m.priority, 1);
    ck_assert_uint_eq(m.ice_controlling, 1);
    ck_assert_uint_eq(m.channel, 0x4001);
    ck_assert_uint_eq(m.requested_transport, 1);
    ck_assert_uint_eq(m.requested_family, 1);
    ck_assert(m.reserve_next_port);
    ck_assert_uint_eq(m.error_code, 401);
    ck_assert(hws_bytes_equal(m.reason, hws_bytes_of("one")));
    ck_assert_uint_eq(m.xor_mapped.port, 1);
}
END_TEST

/* FINGERPRINT ends the message, be it right or wrong (RFC 8489 section 14.7). */
START_TEST(refuses_what_follows_fingerprint)
{
    uint8_t buffer[64];
    struct hws_stun_writer msg = hws_stun_begin(buffer, sizeof(buffer), HWS_STUN_REQUEST, 1, tid);
    struct hws_stun_message m;
    struct hws_bytes whole;
    enum hws_stun_flaw flaw;

    hws_stun_add_fingerprint(&msg);
    hws_stun_add_flag(&msg, (uint16_t)(_i == 0 ? 0xC000 : HWS_STUN_FINGERPRINT));
    ck_assert_int_eq(hws_stun_end(&msg, &whole), HWS_OK);
    ck_assert_int_eq(hws_stun_read(whole, &m, &flaw), HWS_ERR_MALFORMED);
    ck_assert_int_eq(flaw, HWS_STUN_ATTR_AFTER_FINGERPRINT);
}
END_TEST

/* A cut SHA-256 would be easier to guess, and nobody negotiated it. */
START_TEST(refuses_a_cut_hash)
{
    uint8_t buffer[128];
    struct hws_stun_writer msg = hws_stun_begin(buffer, sizeof(buffer), HWS_STUN_REQUEST, 1, tid);
    struct hws_stun_message m;
    struct hws_bytes whole, head = {buffer, HWS_STUN_HEADER_LEN};
    uint8_t digest[HWS_HASH_LEN_MAX];
    size_t len = (size_t)_i;

    buffer[3] = (uint8_t)(4 + len); /* the length that the hash covers */
    ck_assert_int_eq(hws_hmac_parts(HWS_HASH_SHA256, password(), &head, 1, digest), HWS_OK);
    hws_stun_add_bytes(&msg, HWS_STUN_MESSAGE_INTEGRITY_SHA256, (struct hws_bytes){digest, len});
    ck_assert_int_eq(hws_stun_end(&msg, &whole), HWS_OK);
    ck_assert_int_eq(hws_stun_read(whole, &m, NULL), HWS_OK);
    ck_assert_int_eq(hws_stun_verify(&m, password()),
                     len == 32 ? HWS_STUN_INTEGRITY_OK : HWS_STUN_INTEGRITY_BAD);
}
END_TEST

/* A fresh copy of the RFC's request with one byte changed. */
static const struct {
    const char *what;
    size_t at;
    uint8_t value;
    enum hws_stun_flaw flaw;
    enum hws_err err;
} flaws[] = {
    {"leading bit",            0,   0x80, HWS_STUN_NOT_STUN,                 HWS_ERR_MALFORMED},
    {"cookie",                 4,   0x20, HWS_STUN_BAD_MAGIC,                HWS_ERR_MALFORMED},
    {"odd length",             3,   0x59, HWS_STUN_LENGTH_NOT_MULTIPLE_OF_4, HWS_ERR_MALFORMED},
    {"length too small",       3,   0x54, HWS_STUN_LENGTH_MISMATCH,          HWS_ERR_MALFORMED},
    {"length too great",       3,   0x5c, HWS_STUN_LENGTH_MISMATCH,          HWS_ERR_TRUNCATED},
    {"attribute overruns",     22,  0x01, HWS_STUN_ATTR_OVERRUN,             HWS_ERR_MALFORMED},
    {"PRIORITY of 5 bytes",    43,  0x05, HWS_STUN_BAD_ATTR_LENGTH,          HWS_ERR_MALFORMED},
    {"FINGERPRINT of 0 bytes", 103, 0x00, HWS_STUN_BAD_ATTR_LENGTH,          HWS_ERR_MALFORMED},
    {"wrong CRC",              107, 0x00, HWS_STUN_BAD_FINGERPRINT,          HWS_ERR_INTEGRITY},
};

START_TEST(names_the_flaw)
{
    uint8_t bytes[sizeof(rfc5769_request)];
    struct hws_stun_message m;
    enum hws_stun_flaw flaw;

    memcpy(bytes, rfc5769_request, sizeof(bytes));
    bytes[flaws[_i].at] = flaws[_i].value;
    ck_assert_msg(hws_stun_read(OVER(bytes), &m, &flaw) == flaws[_i].err, "%s", flaws[_i].what);
    ck_assert_msg(flaw == flaws[_i].flaw, "%s: %s", flaws[_i].what, hws_stun_flaw_name(flaw));
}
END_TEST

START_TEST(knows_the_first_byte)
{
    for (unsigned first = 0; first < 256; first++) {
        ck_assert_int_eq(hws_stun_is_first_byte((uint8_t)first), first < 4);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stun_reader");
    TCase *tc = tcase_create("stun_reader");

    suite_add_tcase(suite, tc);
    tcase_add_test(tc, reads_the_request);
    tcase_add_test(tc, reads_the_responses);
    tcase_add_test(tc, reads_the_long_term_request);
    tcase_add_loop_test(tc, refuses_every_truncation, 0, ROWS(vectors));
    tcase_add_loop_test(tc, survives_every_cut_of_the_body, 0, ROWS(vectors));
    tcase_add_loop_test(tc, refuses_every_damaged_bit, 0, ROWS(vectors));
    tcase_add_test(tc, refuses_every_damaged_bit_of_sha256);
    tcase_add_loop_test(tc, knows_the_size_of_attributes, 0, ROWS(sizes));
    tcase_add_test(tc, knows_error_codes);
    tcase_add_loop_test(tc, takes_type_apart, 0, 4);
    tcase_add_test(tc, bounds_the_unknown);
    tcase_add_test(tc, ignores_what_is_not_protected);
    tcase_add_test(tc, finds_the_first_of_equals);
    tcase_add_test(tc, takes_the_first_of_equals);
    tcase_add_loop_test(tc, refuses_what_follows_fingerprint, 0, 2);
    for (int len = 16; len <= 32; len += 4) {
        tcase_add_loop_test(tc, refuses_a_cut_hash, len, len + 1);
    }
    tcase_add_loop_test(tc, names_the_flaw, 0, ROWS(flaws));
    tcase_add_test(tc, knows_the_first_byte);
    return run_suite(suite);
}
