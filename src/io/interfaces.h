/**
 * @file
 * The addresses of this host that a peer may use.
 */
#ifndef HWS_IO_INTERFACES_H
#define HWS_IO_INTERFACES_H

#include "base/limits.h"

#include <hawser/err.h>
#include <hawser/types.h>

enum { HWS_INTERFACES_MAX = 8, HWS_INTERFACE_NAME_MAX = 16 /* as the system has it */ };

/** Interfaces by name; all zero lets every one pass. */
struct hws_interface_filter {
    char names[HWS_INTERFACES_MAX][HWS_INTERFACE_NAME_MAX];
    size_t count;
};

/** @retval HWS_ERR_ARGUMENT  no such interface, or too many */
HWS_MUST_USE enum hws_err hws_interface_filter_add(struct hws_interface_filter *filter,
                                                   const char *name);

/**
 * List the addresses of all interfaces that are up, with port 0, at most @p cap.
 *
 * Without @p loopback the loopback addresses are left out (RFC 8445 section 5.1.1.1), unless the
 * host has no other address. IPv6 link-local addresses are left out when there are others of that
 * family: they work on one link only. A loopback interface that the filter names is not left out.
 */
size_t hws_interfaces_list(struct hws_address *out, size_t cap,
                           const struct hws_interface_filter *filter, bool loopback);

/** List every address of the interfaces that are up and pass, of whatever kind, as above. */
size_t hws_interfaces_all(struct hws_address *out, size_t cap,
                          const struct hws_interface_filter *filter);

#endif /* HWS_IO_INTERFACES_H */
