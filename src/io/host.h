/**
 * @file
 * What this host says of itself: its interfaces, and what it grants a UDP socket. Sends nothing.
 */
#ifndef HWS_IO_HOST_H
#define HWS_IO_HOST_H

#include "io/interfaces.h"

enum { HWS_HOST_ADDRESSES_MAX = 64 };

struct hws_host_address {
    char interface[HWS_INTERFACE_NAME_MAX];
    struct hws_address addr;
    bool is_default; /**< what goes to the internet comes from here */
};

/** List the addresses of all interfaces that are up, at most @p cap. @return their count */
size_t hws_host_addresses(struct hws_host_address *out, size_t cap);

/** "loopback", "link-local", "private" or "global". */
const char *hws_host_address_kind(const struct hws_address *addr);

/** Our address towards @p remote, with port 0; false when there is no route. */
bool hws_host_route(const struct hws_address *remote, struct hws_address *out);

/** Bytes of the buffers of a socket as hws_udp_open() makes them. */
struct hws_host_buffers {
    size_t asked, receive, send;  /**< asked for and granted */
    size_t receive_max, send_max; /**< net.core.rmem_max and wmem_max; 0 = not to be read here */
};

/** @retval HWS_ERR_IO  no socket can be had */
HWS_MUST_USE enum hws_err hws_host_buffers(struct hws_host_buffers *out);

#endif /* HWS_IO_HOST_H */
