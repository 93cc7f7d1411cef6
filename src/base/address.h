/**
 * @file
 * IP addresses as values: text to value and back, equality, and what kind of address it is.
 */
#ifndef HWS_BASE_ADDRESS_H
#define HWS_BASE_ADDRESS_H

#include <hawser/err.h>
#include <hawser/types.h>

/** Room for any address text with its NUL, without port. */
enum { HWS_ADDRESS_TEXT_MAX = 46 };
/** Room for "[address]:port" with its NUL. */
enum { HWS_ENDPOINT_TEXT_MAX = HWS_ADDRESS_TEXT_MAX + 8 };

/**
 * Read an IPv4 or IPv6 address without port or scope; strict: four decimal parts without
 * leading zeros, or RFC 4291 section 2.2 text. The port of @p out is 0.
 *
 * @retval HWS_ERR_MALFORMED  anything else
 */
HWS_MUST_USE enum hws_err hws_address_read(struct hws_bytes text, struct hws_address *out);

/** Write the address without port, NUL-terminated, RFC 5952 section 4 form. */
const char *hws_address_text(const struct hws_address *addr, char out[HWS_ADDRESS_TEXT_MAX]);

/** Write "192.0.2.1:9" or "[2001:db8::1]:9", NUL-terminated. */
const char *hws_endpoint_text(const struct hws_address *addr, char out[HWS_ENDPOINT_TEXT_MAX]);

/** Same family, IP, scope, port and protocol. */
bool hws_address_equal(const struct hws_address *a, const struct hws_address *b);
/** Same family, IP and scope; port and protocol are not looked at. */
bool hws_address_same_ip(const struct hws_address *a, const struct hws_address *b);

bool hws_address_is_any(const struct hws_address *addr);
bool hws_address_is_loopback(const struct hws_address *addr);
bool hws_address_is_link_local(const struct hws_address *addr);
/** Of a network behind a NAT: RFC 1918 section 3, RFC 6598 section 7, RFC 4193 section 3. */
bool hws_address_is_private(const struct hws_address *addr);
bool hws_address_is_multicast(const struct hws_address *addr); /**< broadcast included */

/**
 * True when a check may be sent there: not unspecified, not 0.0.0.0/8, not multicast or broadcast,
 * not IPv4-mapped, IPv4-compatible, NAT64 64:ff9b::/96 or site-local, and the port is not 0.
 */
bool hws_address_is_reachable(const struct hws_address *addr);

/** Bytes of the IP: 4, 16, or 0 for no address. */
size_t hws_address_ip_len(const struct hws_address *addr);

#endif /* HWS_BASE_ADDRESS_H */
