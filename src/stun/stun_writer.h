/**
 * @file
 * Writing STUN messages. Begin, add attributes in wire order, then finish with or without
 * integrity; ask for success once, at the end. Padding is always zero bytes. The first failure
 * sticks and is told by hws_stun_end().
 */
#ifndef HWS_STUN_STUN_WRITER_H
#define HWS_STUN_STUN_WRITER_H

#include "base/writer.h"
#include "stun/stun.h"

#include <hawser/err.h>

/** A message being written into a caller's buffer. */
struct hws_stun_writer {
    struct hws_writer out;
    uint8_t transaction[HWS_STUN_TID_LEN];
    enum hws_err err; /**< the first failure, HWS_OK while there is none */
};

struct hws_stun_writer hws_stun_begin(uint8_t *buffer, size_t cap, enum hws_stun_class msg_class,
                                      uint16_t method, const uint8_t transaction[HWS_STUN_TID_LEN]);

void hws_stun_add_bytes(struct hws_stun_writer *msg, uint16_t type, struct hws_bytes value);
void hws_stun_add_u32(struct hws_stun_writer *msg, uint16_t type, uint32_t value);
void hws_stun_add_u64(struct hws_stun_writer *msg, uint16_t type, uint64_t value);
void hws_stun_add_flag(struct hws_stun_writer *msg, uint16_t type); /**< attribute without value */
/** XOR-MAPPED-ADDRESS and its kin (RFC 8489 section 14.2). */
void hws_stun_add_xor_address(struct hws_stun_writer *msg, uint16_t type,
                              const struct hws_address *addr);
/** MAPPED-ADDRESS and ALTERNATE-SERVER (RFC 8489 section 14.1). */
void hws_stun_add_address(struct hws_stun_writer *msg, uint16_t type,
                          const struct hws_address *addr);
void hws_stun_add_error(struct hws_stun_writer *msg, uint16_t code, const char *reason);
void hws_stun_add_u16_list(struct hws_stun_writer *msg, uint16_t type, const uint16_t *values,
                           size_t count);

/** Add MESSAGE-INTEGRITY (SHA-1) over what is there; only MESSAGE-INTEGRITY-SHA256 and FINGERPRINT
 *  may follow, and a reader ignores everything else (RFC 8489 section 14.5). */
void hws_stun_add_integrity(struct hws_stun_writer *msg, struct hws_bytes key);
void hws_stun_add_integrity_sha256(struct hws_stun_writer *msg, struct hws_bytes key);
void hws_stun_add_fingerprint(struct hws_stun_writer *msg);

/**
 * Fix the length and hand out the message; it borrows the buffer given to hws_stun_begin().
 *
 * @retval HWS_ERR_FULL      it did not fit, or is longer than the 16-bit length can say
 * @retval HWS_ERR_ARGUMENT  an address without family, or an error code outside 300 to 699
 * @retval HWS_ERR_CRYPTO    the keyed hash failed
 */
HWS_MUST_USE enum hws_err hws_stun_end(struct hws_stun_writer *msg, struct hws_bytes *out);

#endif /* HWS_STUN_STUN_WRITER_H */
