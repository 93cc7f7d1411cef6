#include "stun/stun_writer.h"

#include "base/address.h"
#include "base/bytes.h"
#include "crypto/crc32.h"
#include "crypto/hash.h"

#include <string.h>

enum {
    ATTR_HEADER_LEN = 4,
    LENGTH_AT = 2,
    BODY_MAX = 0xFFFC,            /* the greatest multiple of 4 that the length field can say */
    FINGERPRINT_XOR = 0x5354554E, /* RFC 8489 section 14.7 */
};

static void fail(struct hws_stun_writer *msg, enum hws_err err)
{
    if (!msg->err) msg->err = err;
    msg->out.failed = true;
}

static size_t padding_after(size_t len)
{
    return (0 - len) & 3;
}

/* The class bits go between the method bits (RFC 8489 section 5). */
static uint16_t type_of(enum hws_stun_class msg_class, uint16_t method)
{
    unsigned bits = (unsigned)msg_class;

    return (uint16_t)((method & 0xF80u) << 2 | (method & 0x070u) << 1 | (method & 0x00Fu) |
                      (bits & 2u) << 7 | (bits & 1u) << 4);
}

struct hws_stun_writer hws_stun_begin(uint8_t *buffer, size_t cap, enum hws_stun_class msg_class,
                                      uint16_t method, const uint8_t transaction[HWS_STUN_TID_LEN])
{
    struct hws_stun_writer msg = {.out = hws_writer_over(buffer, cap)};

    memcpy(msg.transaction, transaction, HWS_STUN_TID_LEN);
    hws_write_u16(&msg.out, type_of(msg_class, method));
    hws_write_u16(&msg.out, 0); /* fixed by set_len() */
    hws_write_u32(&msg.out, HWS_STUN_COOKIE);
    hws_write_bytes(&msg.out, (struct hws_bytes){transaction, HWS_STUN_TID_LEN});
    return msg;
}

/* Can @p more bytes follow within the 16 bits of the length field? */
static bool has_room(struct hws_stun_writer *msg, size_t more)
{
    if (!msg->out.failed && more > BODY_MAX - (msg->out.len - HWS_STUN_HEADER_LEN))
        fail(msg, HWS_ERR_FULL);
    return !msg->out.failed;
}

/* Let the header say that the message ends @p more bytes from here. */
static void set_len(struct hws_stun_writer *msg, size_t more)
{
    size_t len = msg->out.len + more - HWS_STUN_HEADER_LEN;

    hws_patch_u16(&msg->out, LENGTH_AT, (uint16_t)len);
}

void hws_stun_add_bytes(struct hws_stun_writer *msg, uint16_t type, struct hws_bytes value)
{
    if (value.len > BODY_MAX) fail(msg, HWS_ERR_FULL);
    if (!has_room(msg, ATTR_HEADER_LEN + value.len + padding_after(value.len))) return;
    hws_write_u16(&msg->out, type);
    hws_write_u16(&msg->out, (uint16_t)value.len);
    hws_write_bytes(&msg->out, value);
    hws_write_zeros(&msg->out, padding_after(value.len));
}

/* An attribute that was assembled in @p value first. */
static void add_written(struct hws_stun_writer *msg, uint16_t type, const struct hws_writer *value)
{
    if (value->failed)
        fail(msg, HWS_ERR_FULL);
    else
        hws_stun_add_bytes(msg, type, hws_written(value));
}

void hws_stun_add_u32(struct hws_stun_writer *msg, uint16_t type, uint32_t value)
{
    uint8_t bytes[4];
    struct hws_writer out = hws_writer_over(bytes, sizeof(bytes));

    hws_write_u32(&out, value);
    add_written(msg, type, &out);
}

void hws_stun_add_u64(struct hws_stun_writer *msg, uint16_t type, uint64_t value)
{
    uint8_t bytes[8];
    struct hws_writer out = hws_writer_over(bytes, sizeof(bytes));

    hws_write_u64(&out, value);
    add_written(msg, type, &out);
}

void hws_stun_add_flag(struct hws_stun_writer *msg, uint16_t type)
{
    hws_stun_add_bytes(msg, type, (struct hws_bytes){0});
}

/* @p mask is what port and IP are XORed with: cookie and transaction id, or zeros. */
static void add_masked(struct hws_stun_writer *msg, uint16_t type, const struct hws_address *addr,
                       const uint8_t mask[16])
{
    uint8_t bytes[20];
    struct hws_writer out = hws_writer_over(bytes, sizeof(bytes));
    size_t ip_len = hws_address_ip_len(addr);

    if (ip_len == 0) {
        fail(msg, HWS_ERR_ARGUMENT);
        return;
    }
    hws_write_u8(&out, 0);
    hws_write_u8(&out, addr->family == HWS_FAMILY_IP4 ? 1 : 2);
    hws_write_u16(&out, (uint16_t)(addr->port ^ (mask[0] << 8 | mask[1])));
    for (size_t i = 0; i < ip_len; i++) {
        hws_write_u8(&out, addr->ip[i] ^ mask[i]);
    }
    add_written(msg, type, &out);
}

void hws_stun_add_xor_address(struct hws_stun_writer *msg, uint16_t type,
                              const struct hws_address *addr)
{
    uint8_t mask[16];
    struct hws_writer out = hws_writer_over(mask, sizeof(mask));

    hws_write_u32(&out, HWS_STUN_COOKIE);
    hws_write_bytes(&out, (struct hws_bytes){msg->transaction, HWS_STUN_TID_LEN});
    add_masked(msg, type, addr, mask);
}

void hws_stun_add_address(struct hws_stun_writer *msg, uint16_t type,
                          const struct hws_address *addr)
{
    static const uint8_t zeros[16];

    add_masked(msg, type, addr, zeros);
}

void hws_stun_add_error(struct hws_stun_writer *msg, uint16_t code, const char *reason)
{
    uint8_t bytes[4 + 763]; /* RFC 8489 section 14.8 ends a reason phrase at 763 bytes */
    struct hws_writer out = hws_writer_over(bytes, sizeof(bytes));

    if (code < 300 || code > 699) {
        fail(msg, HWS_ERR_ARGUMENT);
        return;
    }
    hws_write_u16(&out, 0);
    hws_write_u8(&out, (uint8_t)(code / 100));
    hws_write_u8(&out, (uint8_t)(code % 100));
    hws_write_bytes(&out, hws_bytes_of(reason));
    add_written(msg, HWS_STUN_ERROR_CODE, &out);
}

void hws_stun_add_u16_list(struct hws_stun_writer *msg, uint16_t type, const uint16_t *values,
                           size_t count)
{
    size_t len = count * 2;

    if (count > BODY_MAX / 2) fail(msg, HWS_ERR_FULL);
    if (!has_room(msg, ATTR_HEADER_LEN + len + padding_after(len))) return;
    hws_write_u16(&msg->out, type);
    hws_write_u16(&msg->out, (uint16_t)len);
    for (size_t i = 0; i < count; i++) {
        hws_write_u16(&msg->out, values[i]);
    }
    hws_write_zeros(&msg->out, padding_after(len));
}

/* The hash covers what is there, with a length as if the message ended behind this attribute. */
static void add_hmac(struct hws_stun_writer *msg, uint16_t type, enum hws_hash hash,
                     struct hws_bytes key)
{
    uint8_t digest[HWS_HASH_LEN_MAX];
    size_t len = hws_hash_len(hash);
    struct hws_bytes covered;

    if (!has_room(msg, ATTR_HEADER_LEN + len)) return;
    set_len(msg, ATTR_HEADER_LEN + len);
    covered = hws_written(&msg->out);
    if (hws_hmac_parts(hash, key, &covered, 1, digest)) {
        fail(msg, HWS_ERR_CRYPTO);
        return;
    }
    hws_stun_add_bytes(msg, type, (struct hws_bytes){digest, len});
}

void hws_stun_add_integrity(struct hws_stun_writer *msg, struct hws_bytes key)
{
    add_hmac(msg, HWS_STUN_MESSAGE_INTEGRITY, HWS_HASH_SHA1, key);
}

void hws_stun_add_integrity_sha256(struct hws_stun_writer *msg, struct hws_bytes key)
{
    add_hmac(msg, HWS_STUN_MESSAGE_INTEGRITY_SHA256, HWS_HASH_SHA256, key);
}

void hws_stun_add_fingerprint(struct hws_stun_writer *msg)
{
    if (!has_room(msg, ATTR_HEADER_LEN + 4)) return;
    set_len(msg, ATTR_HEADER_LEN + 4);
    hws_stun_add_u32(msg, HWS_STUN_FINGERPRINT,
                     hws_crc32(hws_written(&msg->out)) ^ FINGERPRINT_XOR);
}

enum hws_err hws_stun_end(struct hws_stun_writer *msg, struct hws_bytes *out)
{
    set_len(msg, 0);
    if (msg->err) return msg->err;
    if (msg->out.failed) return HWS_ERR_FULL;
    *out = hws_written(&msg->out);
    return HWS_OK;
}
