/**
 * @file
 * Keys of the STUN credential mechanisms.
 *
 * The key of a short-term credential is its password as it is (ASCII in ICE: OpaqueString changes
 * nothing there). That of a long-term credential is a hash, made here. User name, realm and
 * password are expected to be prepared by OpaqueString already (RFC 8265 section 4.2).
 */
#ifndef HWS_STUN_STUN_AUTH_H
#define HWS_STUN_STUN_AUTH_H

#include "stun/stun.h"

#include <hawser/err.h>
#include <hawser/types.h>

/** Password algorithms as on the wire (RFC 8489 section 18.5). */
enum hws_stun_password_algorithm { HWS_STUN_PASSWORD_MD5 = 1, HWS_STUN_PASSWORD_SHA256 = 2 };

/** A key for MESSAGE-INTEGRITY. Secret: wipe it with hws_wipe(). */
struct hws_stun_key {
    uint8_t bytes[32];
    size_t len; /**< 16 for MD5, 32 for SHA-256 */
};

/** The long-term key, hash(username ":" realm ":" password): RFC 8489 section 9.2.2.
 *  @retval HWS_ERR_ARGUMENT  no such algorithm  @retval HWS_ERR_CRYPTO */
HWS_MUST_USE enum hws_err hws_stun_long_term_key(enum hws_stun_password_algorithm algorithm,
                                                 struct hws_bytes username, struct hws_bytes realm,
                                                 struct hws_bytes password,
                                                 struct hws_stun_key *out);

enum { HWS_STUN_USERHASH_LEN = 32 };

/** Value of USERHASH, SHA-256(username ":" realm): RFC 8489 section 14.4.
 *  @retval HWS_ERR_CRYPTO */
HWS_MUST_USE enum hws_err hws_stun_userhash(struct hws_bytes username, struct hws_bytes realm,
                                            uint8_t out[HWS_STUN_USERHASH_LEN]);

#endif /* HWS_STUN_STUN_AUTH_H */
