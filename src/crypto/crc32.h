/**
 * @file
 * The two 32-bit checksums of WebRTC: CRC-32 (STUN FINGERPRINT) and CRC-32C (SCTP).
 */
#ifndef HWS_CRYPTO_CRC32_H
#define HWS_CRYPTO_CRC32_H

#include <hawser/types.h>

/** CRC-32 of ISO 3309, as RFC 8489 section 14.7 uses it (without its XOR). */
uint32_t hws_crc32(struct hws_bytes bytes);

/** As hws_crc32(), going on from @p crc, the result for what came before; 0 to start. */
uint32_t hws_crc32_more(uint32_t crc, struct hws_bytes bytes);

/**
 * CRC-32C (Castagnoli), as SCTP uses it (RFC 9260 section 6.8). SCTP puts the result on the wire
 * with its lowest byte first.
 */
uint32_t hws_crc32c(struct hws_bytes bytes);

/** The same without the instruction for it; for tests to compare. */
uint32_t hws_crc32c_portable(struct hws_bytes bytes);

#endif /* HWS_CRYPTO_CRC32_H */
