/**
 * @file
 * Hashes and keyed hashes over byte ranges. The home of wolfCrypt is wolf_hash.c.
 */
#ifndef HWS_CRYPTO_HASH_H
#define HWS_CRYPTO_HASH_H

#include <hawser/err.h>
#include <hawser/types.h>

enum hws_hash { HWS_HASH_MD5, HWS_HASH_SHA1, HWS_HASH_SHA256, HWS_HASH_SHA384, HWS_HASH_SHA512 };

enum { HWS_HASH_LEN_MAX = 64 };

/** Length of the digest in bytes. */
size_t hws_hash_len(enum hws_hash hash);

/**
 * Hash the parts one after another, as if they were one range.
 *
 * @param[out] out  hws_hash_len() bytes
 * @retval HWS_ERR_CRYPTO  the library refused
 */
HWS_MUST_USE enum hws_err hws_hash_parts(enum hws_hash hash, const struct hws_bytes *parts,
                                         size_t part_count, uint8_t *out);

/** HMAC (RFC 2104 section 2) over the parts one after another; otherwise as hws_hash_parts(). */
HWS_MUST_USE enum hws_err hws_hmac_parts(enum hws_hash hash, struct hws_bytes key,
                                         const struct hws_bytes *parts, size_t part_count,
                                         uint8_t *out);

#endif /* HWS_CRYPTO_HASH_H */
