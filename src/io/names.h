/**
 * @file
 * Multicast DNS for a loop: look-ups of names for its peers, and names for its own addresses.
 * Sockets are opened when they are first needed.
 */
#ifndef HWS_IO_NAMES_H
#define HWS_IO_NAMES_H

#include "io/mdns_socket.h"

#include <hawser/peer.h>

/** A name that stands for one of our addresses. */
struct hws_own_name {
    struct hws_address addr; /**< port 0 */
    char name[HWS_MDNS_NAME_TEXT];
};

/** All zero is one that has done nothing yet. */
struct hws_names {
    struct hws_mdns *mdns; /**< owned; NULL until it is needed */
    struct hws_mdns_socket sockets;
    struct hws_own_name own[HWS_MDNS_OWN_MAX];
    size_t own_count;
};

/** Open the sockets, unless they are. @retval HWS_ERR_NO_MEMORY @retval HWS_ERR_IO */
HWS_MUST_USE enum hws_err hws_names_open(struct hws_names *names, bool loopback);
void hws_names_close(struct hws_names *names);

/** Ask for the names that @p peer wants looked up; without sockets the answer is "nobody". */
void hws_names_ask(struct hws_names *names, struct hws_peer *peer, hws_time now);
void hws_names_forget(struct hws_names *names, const struct hws_peer *peer);

/** The name that is told instead of @p addr, made when it is first asked for, and answered for from
 *  then on. NULL when there is no room. */
const char *hws_names_for(struct hws_names *names, const struct hws_address *addr,
                          const struct hws_random *random);

void hws_names_receive(struct hws_names *names, size_t family);
/** Hand on what was found, send what is to be sent. */
void hws_names_turn(struct hws_names *names, hws_time now);
hws_time hws_names_deadline(const struct hws_names *names);

#endif /* HWS_IO_NAMES_H */
