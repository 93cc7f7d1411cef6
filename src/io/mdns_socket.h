/**
 * @file
 * The sockets of multicast DNS: port 5353, shared with whoever else asks on this host, on every
 * link that is up (RFC 6762 section 11, section 15).
 */
#ifndef HWS_IO_MDNS_SOCKET_H
#define HWS_IO_MDNS_SOCKET_H

#include "mdns/mdns.h"

#include <hawser/err.h>

enum { HWS_MDNS_FAMILIES = 2, HWS_MDNS_LINKS = 16 };

struct hws_mdns_socket {
    int fds[HWS_MDNS_FAMILIES]; /**< IPv4 and IPv6; -1 = not to be had */
    unsigned links[HWS_MDNS_LINKS];
    size_t link_count;
};

/** @param[in] loopback  use the loopback link beside the others
 *  @retval HWS_ERR_IO  neither family, or no link */
HWS_MUST_USE enum hws_err hws_mdns_socket_open(bool loopback, struct hws_mdns_socket *out);
void hws_mdns_socket_close(struct hws_mdns_socket *socket);

/** Multicast on every link by every family that there is, or to one address. A link that takes
 *  nothing now has lost a datagram, as links do. */
void hws_mdns_socket_send(const struct hws_mdns_socket *socket,
                          const struct hws_mdns_packet *packet);

/** One datagram from fds[@p family]; false when there is none. A longer one than @p cap comes cut,
 *  and so malformed. */
bool hws_mdns_socket_receive(const struct hws_mdns_socket *socket, size_t family, uint8_t *data,
                             size_t cap, size_t *out_len, struct hws_address *out_from);

#endif /* HWS_IO_MDNS_SOCKET_H */
