/**
 * @file
 * The bytes that the interop runner and its peers agree on (tests/interop/README.md), and their hash.
 */
#ifndef INTEROP_BYTES_H
#define INTEROP_BYTES_H

#include <hawser/event.h>

#include <stddef.h>
#include <stdint.h>

/** Fill @p out with the message of @p seed. */
void interop_fill(uint8_t *out, size_t len, enum hws_message_kind kind, uint32_t seed);

/** CRC-32 as of IEEE 802.3 of what came before (0 at first) and these bytes. */
uint32_t interop_crc(uint32_t before, struct hws_bytes bytes);

#endif /* INTEROP_BYTES_H */
