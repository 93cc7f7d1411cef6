/**
 * @file
 * Reading STUN messages: bytes in, a checked view out. Pure; knows no ICE, socket or clock.
 *
 *      0               2               4
 *     +---------------+---------------+
 *     | 0 0  type     | body length   |     RFC 8489 section 5
 *     +---------------+---------------+
 *     | magic cookie 0x2112A442       |
 *     +-------------------------------+
 *     | transaction id, 12 bytes      |
 *     +-------------------------------+
 *     | attributes, each padded to 4  |     RFC 8489 section 14
 *     +-------------------------------+
 */
#ifndef HWS_STUN_STUN_READER_H
#define HWS_STUN_STUN_READER_H

#include "base/bytes.h"
#include "stun/stun.h"

#include <hawser/err.h>

/** What is wrong with a message, in the order in which it is looked for. */
enum hws_stun_flaw {
    HWS_STUN_SOUND,
    HWS_STUN_SHORT_HEADER,             /**< fewer than 20 bytes */
    HWS_STUN_NOT_STUN,                 /**< one of the two leading bits is set */
    HWS_STUN_BAD_MAGIC,                /**< not the magic cookie */
    HWS_STUN_LENGTH_NOT_MULTIPLE_OF_4, /**< body length */
    HWS_STUN_LENGTH_MISMATCH,          /**< body length against the datagram */
    HWS_STUN_ATTR_OVERRUN,             /**< an attribute ends behind the message */
    HWS_STUN_ATTR_AFTER_FINGERPRINT,   /**< FINGERPRINT is not the last attribute */
    HWS_STUN_BAD_ATTR_LENGTH,          /**< an attribute of fixed size has another size */
    HWS_STUN_BAD_ERROR_CODE,           /**< class outside 3 to 6 or number above 99 */
    HWS_STUN_BAD_FINGERPRINT,          /**< CRC-32 does not match */
    HWS_STUN_FLAW_COUNT
};

/** Name of @p flaw as in the test vectors, such as "ATTR_OVERRUN"; "OK" for a sound message. */
const char *hws_stun_flaw_name(enum hws_stun_flaw flaw);

enum { HWS_STUN_UNKNOWN_MAX = 64 }; /* unknown comprehension-required types that are listed */

/**
 * A checked message. Every range borrows the datagram; an absent one has data == NULL, an empty
 * one has not. The first of several equal attributes counts, and what follows MESSAGE-INTEGRITY is
 * left out, as it is not authenticated (RFC 8489 section 14). An address of an unknown family is
 * absent.
 */
struct hws_stun_message {
    enum hws_stun_class msg_class;
    uint16_t method; /**< 12 bits, such as HWS_STUN_BINDING */
    uint8_t transaction[HWS_STUN_TID_LEN];
    struct hws_bytes datagram; /**< the whole message, for the integrity checks */

    struct hws_bytes username, realm, nonce, software, userhash, data, reason;
    struct hws_bytes password_algorithms, password_algorithm, reservation_token;
    struct hws_bytes integrity;        /**< value of MESSAGE-INTEGRITY, 20 bytes */
    struct hws_bytes integrity_sha256; /**< 16 to 32 bytes, multiple of 4 */
    struct hws_address mapped, xor_mapped, xor_peer, xor_relayed, alternate_server;
    struct hws_address other_address, response_origin; /**< RFC 5780 section 7 */
    uint64_t ice_controlling, ice_controlled; /**< tiebreakers, meaningful with the flags below */
    uint32_t priority, lifetime;
    uint32_t nomination;         /**< NOMINATION, meaningful with its flag below */
    uint16_t channel;            /**< CHANNEL-NUMBER, 0 when absent */
    uint16_t error_code;         /**< 300 to 699, 0 when absent */
    uint8_t requested_transport; /**< protocol number, 0 when absent */
    uint8_t requested_family;    /**< 1 for IPv4, 2 for IPv6, 0 when absent */
    bool has_ice_controlling, has_ice_controlled, has_priority, has_lifetime, has_nomination;
    bool use_candidate, has_fingerprint;
    bool has_even_port, reserve_next_port, dont_fragment;
    uint16_t unknown_required[HWS_STUN_UNKNOWN_MAX]; /**< in wire order, each once */
    size_t unknown_required_count;
    struct hws_bytes unknown_list; /**< value of UNKNOWN-ATTRIBUTES: big-endian u16 each */
};

/**
 * Read and check one datagram: outline, every attribute that we know, and FINGERPRINT if present.
 * Integrity is not checked here: see hws_stun_verify().
 *
 * @param[out] out   borrows @p datagram; written only on HWS_OK
 * @param[out] flaw  may be NULL; what was wrong, written always
 * @retval HWS_ERR_TRUNCATED  SHORT_HEADER, or LENGTH_MISMATCH with too few bytes
 * @retval HWS_ERR_INTEGRITY  BAD_FINGERPRINT
 * @retval HWS_ERR_MALFORMED  every other flaw
 */
HWS_MUST_USE enum hws_err hws_stun_read(struct hws_bytes datagram, struct hws_stun_message *out,
                                        enum hws_stun_flaw *flaw);

/**
 * Find the first attribute of @p type that counts, for types that the struct above has no field
 * for (an extension in the comprehension-optional range, say). False if there is none.
 *
 * @param[out] out  the value, borrowed from the datagram; written only on true
 */
bool hws_stun_find(const struct hws_stun_message *message, uint16_t type, struct hws_bytes *out);

/**
 * Find the n-th address (0 is the first) among the attributes of @p type that count, XORed as
 * XOR-MAPPED-ADDRESS is: a TURN server gives two relayed ones (RFC 8656 section 7.2). False if
 * there are not so many; those of an unknown family or a wrong length are not counted.
 *
 * @param[out] out  written only on true
 */
bool hws_stun_find_xor_address(const struct hws_stun_message *message, uint16_t type, size_t nth,
                               struct hws_address *out);

enum hws_stun_integrity {
    HWS_STUN_INTEGRITY_ABSENT,
    HWS_STUN_INTEGRITY_OK,
    HWS_STUN_INTEGRITY_BAD,
};

/**
 * Check MESSAGE-INTEGRITY-SHA256 if present, else MESSAGE-INTEGRITY, with the key (the password
 * for short-term credentials; see stun_auth.h for long-term ones). Constant time in the value.
 * A truncated SHA-256 is BAD: no usage of ours allows it (RFC 8489 section 14.6).
 */
enum hws_stun_integrity hws_stun_verify(const struct hws_stun_message *message,
                                        struct hws_bytes key);

/** Is the first byte that of STUN (RFC 7983 section 7)? */
bool hws_stun_is_first_byte(uint8_t first);

#endif /* HWS_STUN_STUN_READER_H */
