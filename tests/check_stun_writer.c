/* The STUN writer: what it writes the reader takes, padding is zero, and it knows its limits. */
#include "base/address.h"
#include "base/bytes.h"
#include "stun/stun_reader.h"
#include "stun/stun_writer.h"

#include "support/rfc5769.h"
#include "support/suite.h"

#include <string.h>

static const uint8_t tid[HWS_STUN_TID_LEN] = {0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34,
                                              0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae};

static struct hws_address address(const char *ip, uint16_t port)
{
    struct hws_address addr;

    ck_assert_int_eq(hws_address_read(hws_bytes_of(ip), &addr), HWS_OK);
    addr.port = port;
    return addr;
}

static struct hws_bytes key(void)
{
    return hws_bytes_of(rfc5769_password);
}

/* RFC 5769 section 2.2 and RFC 5769 section 2.3, but for their padding, which is 0x20 there. */
START_TEST(writes_the_responses_of_the_rfc)
{
    static const struct {
        const char *ip;
        const uint8_t *bytes;
        size_t len;
    } rows[] = {
        {"192.0.2.1",                            rfc5769_response4, sizeof(rfc5769_response4)},
        {"2001:db8:1234:5678:11:2233:4455:6677", rfc5769_response6, sizeof(rfc5769_response6)},
    };
    struct hws_address mapped = address(rows[_i].ip, 32853);
    uint8_t buffer[256];
    struct hws_stun_writer msg =
        hws_stun_begin(buffer, sizeof(buffer), HWS_STUN_SUCCESS, HWS_STUN_BINDING, tid);
    struct hws_bytes whole;
    size_t hash_at = rows[_i].len - 8 - 24;

    hws_stun_add_bytes(&msg, HWS_STUN_SOFTWARE, hws_bytes_of("test vector"));
    /* The RFC pads with a space, and the hash covers it: the same byte makes the same hash. */
    ck_assert_uint_eq(buffer[35], 0);
    buffer[35] = 0x20;
    hws_stun_add_xor_address(&msg, HWS_STUN_XOR_MAPPED_ADDRESS, &mapped);
    hws_stun_add_integrity(&msg, key());
    hws_stun_add_fingerprint(&msg);
    ck_assert_int_eq(hws_stun_end(&msg, &whole), HWS_OK);
    ck_assert_uint_eq(whole.len, rows[_i].len);
    ck_assert_mem_eq(whole.data, rows[_i].bytes, hash_at);
    ck_assert_mem_eq(whole.data, rows[_i].bytes, rows[_i].len);
}
END_TEST

/* Every attribute that the reader knows, through both. */
static struct hws_bytes write_everything(uint8_t *buffer, size_t cap, enum hws_err *out_err)
{
    static const uint16_t unknown[] = {0x7fff, 0x0025, 0x0001};
    struct hws_address ip4 = address("192.0.2.1", 1), ip6 = address("2001:db8::1", 65535);
    struct hws_stun_writer msg =
        hws_stun_begin(buffer, cap, HWS_STUN_ERROR, HWS_STUN_ALLOCATE, tid);
    struct hws_bytes whole = {0};

    hws_stun_add_bytes(&msg, HWS_STUN_USERNAME, hws_bytes_of("evtj:h6vY"));
    hws_stun_add_error(&msg, HWS_STUN_UNKNOWN_ATTRIBUTE, "Unknown");
    hws_stun_add_u16_list(&msg, HWS_STUN_UNKNOWN_ATTRIBUTES, unknown, 3);
    hws_stun_add_address(&msg, HWS_STUN_MAPPED_ADDRESS, &ip4);
    hws_stun_add_address(&msg, HWS_STUN_ALTERNATE_SERVER, &ip6);
    hws_stun_add_xor_address(&msg, HWS_STUN_XOR_MAPPED_ADDRESS, &ip4);
    hws_stun_add_xor_address(&msg, HWS_STUN_XOR_PEER_ADDRESS, &ip6);
    hws_stun_add_xor_address(&msg, HWS_STUN_XOR_RELAYED_ADDRESS, &ip4);
    hws_stun_add_u32(&msg, HWS_STUN_PRIORITY, 0x6e0001ff);
    hws_stun_add_u32(&msg, HWS_STUN_LIFETIME, 600);
    hws_stun_add_u32(&msg, HWS_STUN_CHANNEL_NUMBER, 0x40010000);
    hws_stun_add_u32(&msg, HWS_STUN_REQUESTED_TRANSPORT, 17u << 24);
    hws_stun_add_u32(&msg, HWS_STUN_REQUESTED_ADDRESS_FAMILY, 2u << 24);
    hws_stun_add_u64(&msg, HWS_STUN_ICE_CONTROLLING, 0x0102030405060708);
    hws_stun_add_u64(&msg, HWS_STUN_ICE_CONTROLLED, UINT64_MAX);
    hws_stun_add_u64(&msg, HWS_STUN_RESERVATION_TOKEN, 5);
    hws_stun_add_bytes(&msg, HWS_STUN_EVEN_PORT, hws_bytes_of("\x80"));
    hws_stun_add_flag(&msg, HWS_STUN_USE_CANDIDATE);
    hws_stun_add_flag(&msg, HWS_STUN_DONT_FRAGMENT);
    hws_stun_add_bytes(&msg, HWS_STUN_DATA_ATTR, (struct hws_bytes){0});
    hws_stun_add_integrity(&msg, key());
    hws_stun_add_integrity_sha256(&msg, key());
    hws_stun_add_fingerprint(&msg);
    *out_err = hws_stun_end(&msg, &whole);
    return whole;
}

static void expect_address(const struct hws_address *got, const char *ip, uint16_t port)
{
    struct hws_address expected = address(ip, port);

    ck_assert(hws_address_equal(got, &expected));
}

START_TEST(reads_what_it_writes)
{
    uint8_t buffer[HWS_STUN_MESSAGE_MAX];
    struct hws_stun_message m;
    enum hws_err err;

    ck_assert_int_eq(hws_stun_read(write_everything(buffer, sizeof(buffer), &err), &m, NULL),
                     HWS_OK);
    ck_assert_int_eq(err, HWS_OK);
    ck_assert_int_eq(m.msg_class, HWS_STUN_ERROR);
    ck_assert_uint_eq(m.method, HWS_STUN_ALLOCATE);
    ck_assert_mem_eq(m.transaction, tid, sizeof(tid));
    ck_assert(hws_bytes_equal(m.username, hws_bytes_of("evtj:h6vY")));
    ck_assert_uint_eq(m.error_code, 420);
    ck_assert(hws_bytes_equal(m.reason, hws_bytes_of("Unknown")));
    ck_assert_uint_eq(m.unknown_list.len, 6);
    ck_assert_mem_eq(m.unknown_list.data, "\x7f\xff\x00\x25\x00\x01", 6);
    expect_address(&m.mapped, "192.0.2.1", 1);
    expect_address(&m.alternate_server, "2001:db8::1", 65535);
    expect_address(&m.xor_mapped, "192.0.2.1", 1);
    expect_address(&m.xor_peer, "2001:db8::1", 65535);
    expect_address(&m.xor_relayed, "192.0.2.1", 1);
    ck_assert(m.has_priority && m.priority == 0x6e0001ff);
    ck_assert(m.has_lifetime && m.lifetime == 600);
    ck_assert_uint_eq(m.channel, 0x4001);
    ck_assert_uint_eq(m.requested_transport, 17);
    ck_assert_uint_eq(m.requested_family, 2);
    ck_assert(m.has_ice_controlling && m.ice_controlling == 0x0102030405060708);
    ck_assert(m.has_ice_controlled && m.ice_controlled == UINT64_MAX);
    ck_assert_uint_eq(m.reservation_token.len, 8);
    ck_assert(m.has_even_port && m.reserve_next_port);
    ck_assert(m.use_candidate && m.dont_fragment && m.has_fingerprint);
    ck_assert(m.data.data != NULL && m.data.len == 0);
    ck_assert_int_eq(hws_stun_verify(&m, key()), HWS_STUN_INTEGRITY_OK);
    m.integrity_sha256 = (struct hws_bytes){0}; /* the older hash must be right on its own */
    ck_assert_int_eq(hws_stun_verify(&m, key()), HWS_STUN_INTEGRITY_OK);
}
END_TEST

/* Whatever the buffer is short of, the end tells it, and nothing is written behind the buffer. */
START_TEST(fails_in_every_shorter_buffer)
{
    static uint8_t buffer[HWS_STUN_MESSAGE_MAX], behind[HWS_STUN_MESSAGE_MAX];
    enum hws_err err;
    size_t len = write_everything(buffer, sizeof(buffer), &err).len;

    memset(behind, 0xAA, sizeof(behind));
    ck_assert_uint_gt(len, 0);
    for (size_t cap = 0; cap < len; cap++) {
        memset(buffer, 0xAA, sizeof(buffer));
        ck_assert_uint_eq(write_everything(buffer, cap, &err).len, 0);
        ck_assert_int_eq(err, HWS_ERR_FULL);
        ck_assert_mem_eq(buffer + cap, behind, sizeof(buffer) - cap);
    }
    ck_assert_uint_eq(write_everything(buffer, len, &err).len, len); /* exactly enough */
}
END_TEST

START_TEST(pads_with_zeros)
{
    uint8_t buffer[64];
    struct hws_stun_writer msg;
    struct hws_bytes whole;

    memset(buffer, 0xAA, sizeof(buffer));
    msg = hws_stun_begin(buffer, sizeof(buffer), HWS_STUN_REQUEST, 1, tid);
    hws_stun_add_bytes(&msg, HWS_STUN_SOFTWARE, (struct hws_bytes){tid, (size_t)_i});
    ck_assert_int_eq(hws_stun_end(&msg, &whole), HWS_OK);
    ck_assert_uint_eq(whole.len % 4, 0);
    ck_assert_uint_eq(whole.data[23], (size_t)_i); /* the length tells the value only */
    ck_assert_uint_eq(whole.data[3], whole.len - HWS_STUN_HEADER_LEN);
    for (size_t i = 24 + (size_t)_i; i < whole.len; i++) {
        ck_assert_uint_eq(whole.data[i], 0);
    }
}
END_TEST

/* The length field has 16 bits: a body of 65532 bytes goes, one more attribute does not. */
START_TEST(keeps_to_the_length_field)
{
    static uint8_t buffer[200000], value[70000];
    static const size_t too_long[] = {65529, 65532, 65535, 65536, 65540, 70000};
    struct hws_stun_writer msg = hws_stun_begin(buffer, sizeof(buffer), HWS_STUN_REQUEST, 1, tid);
    struct hws_stun_message m;
    struct hws_bytes whole = {0};

    hws_stun_add_bytes(&msg, HWS_STUN_DATA_ATTR, (struct hws_bytes){value, 65528});
    ck_assert_int_eq(hws_stun_end(&msg, &whole), HWS_OK);
    ck_assert_uint_eq(whole.len, HWS_STUN_HEADER_LEN + 65532);
    ck_assert_int_eq(hws_stun_read(whole, &m, NULL), HWS_OK);
    ck_assert_uint_eq(m.data.len, 65528);
    hws_stun_add_flag(&msg, HWS_STUN_USE_CANDIDATE);
    ck_assert_int_eq(hws_stun_end(&msg, &whole), HWS_ERR_FULL);

    for (int i = 0; i < ROWS(too_long); i++) {
        msg = hws_stun_begin(buffer, sizeof(buffer), HWS_STUN_REQUEST, 1, tid);
        hws_stun_add_bytes(&msg, HWS_STUN_DATA_ATTR, (struct hws_bytes){value, too_long[i]});
        ck_assert_int_eq(hws_stun_end(&msg, &whole), HWS_ERR_FULL);
    }
    for (int many = 0; many < 3; many++) { /* every kind of attribute that closes a message */
        msg = hws_stun_begin(buffer, sizeof(buffer), HWS_STUN_REQUEST, 1, tid);
        hws_stun_add_bytes(&msg, HWS_STUN_DATA_ATTR, (struct hws_bytes){value, 65524});
        if (many == 0) hws_stun_add_integrity(&msg, key());
        if (many == 1) hws_stun_add_integrity_sha256(&msg, key());
        if (many == 2) hws_stun_add_fingerprint(&msg);
        ck_assert_int_eq(hws_stun_end(&msg, &whole), HWS_ERR_FULL);
    }
    msg = hws_stun_begin(buffer, sizeof(buffer), HWS_STUN_REQUEST, 1, tid);
    hws_stun_add_u16_list(&msg, HWS_STUN_UNKNOWN_ATTRIBUTES, (const uint16_t *)(void *)value,
                          SIZE_MAX / 2 + 2); /* a length that wraps to 2 */
    ck_assert_int_eq(hws_stun_end(&msg, &whole), HWS_ERR_FULL);
}
END_TEST

START_TEST(refuses_nonsense)
{
    static const uint16_t codes[] = {0, 299, 700, 65535};
    uint8_t buffer[128];
    struct hws_address none = {0};
    struct hws_bytes whole = {0};
    struct hws_stun_writer msg;

    for (int i = 0; i < ROWS(codes); i++) {
        msg = hws_stun_begin(buffer, sizeof(buffer), HWS_STUN_ERROR, 1, tid);
        hws_stun_add_error(&msg, codes[i], "");
        ck_assert_int_eq(hws_stun_end(&msg, &whole), HWS_ERR_ARGUMENT);
    }
    msg = hws_stun_begin(buffer, sizeof(buffer), HWS_STUN_SUCCESS, 1, tid);
    hws_stun_add_xor_address(&msg, HWS_STUN_XOR_MAPPED_ADDRESS, &none);
    hws_stun_add_flag(&msg, HWS_STUN_USE_CANDIDATE); /* the first failure sticks */
    hws_stun_add_integrity(&msg, key());
    ck_assert_int_eq(hws_stun_end(&msg, &whole), HWS_ERR_ARGUMENT);
    ck_assert_ptr_null(whole.data);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stun_writer");
    TCase *tc = tcase_create("stun_writer");

    suite_add_tcase(suite, tc);
    tcase_add_loop_test(tc, writes_the_responses_of_the_rfc, 0, 2);
    tcase_add_test(tc, reads_what_it_writes);
    tcase_add_test(tc, fails_in_every_shorter_buffer);
    tcase_add_loop_test(tc, pads_with_zeros, 0, 13);
    tcase_add_test(tc, keeps_to_the_length_field);
    tcase_add_test(tc, refuses_nonsense);
    return run_suite(suite);
}
