/**
 * @file
 * The addresses of this host that a peer may use.
 */
#ifndef HWS_IO_INTERFACES_H
#define HWS_IO_INTERFACES_H

#include "base/limits.h"

#include <hawser/types.h>

/**
 * List the addresses of all interfaces that are up, with port 0, at most @p cap.
 *
 * Without @p loopback the loopback addresses are left out (RFC 8445 section 5.1.1.1), unless the
 * host has no other address. IPv6 link-local addresses are left out when there are others of that
 * family: they work on one link only.
 */
size_t hws_interfaces_list(struct hws_address *out, size_t cap, bool loopback);

#endif /* HWS_IO_INTERFACES_H */
