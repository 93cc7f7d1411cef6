/**
 * @file
 * The connections of ICE-TCP (RFC 6544) of all peers of a loop: makes those that datagrams ask for,
 * takes those that come, and carries datagrams over them in frames (RFC 4571 section 2). What is in
 * the datagrams is the peers' affair, but for the first one of whoever connects to us: it has to be
 * a check that a peer of ours takes.
 */
#ifndef HWS_IO_STREAMS_H
#define HWS_IO_STREAMS_H

#include "base/log.h"

#include <hawser/peer.h>

struct hws_stream;

struct hws_streams {
    struct hws_log log;
    int epoll; /**< readable when hws_streams_turn() has something to do; -1: not open */
    /** Whom a first frame is for, on a listener of all peers; NULL: nobody. */
    struct hws_peer *(*find)(void *user, struct hws_bytes frame);
    void *user;
    struct hws_stream *list; /**< owned */
};

/** @retval HWS_ERR_IO */
HWS_MUST_USE enum hws_err hws_streams_open(struct hws_streams *streams,
                                           struct hws_peer *(*find)(void *user,
                                                                    struct hws_bytes frame),
                                           void *user);
void hws_streams_close(struct hws_streams *streams); /**< what was never open (epoll -1) too */

/** Listen on the IP of @p addr, for one peer or, with NULL, for all; once for each. On the same
 *  port if it is free, else on another when @p any_port.
 *  @param[in,out] addr  becomes the TCP address
 *  @retval HWS_ERR_IO @retval HWS_ERR_NO_MEMORY */
HWS_MUST_USE enum hws_err hws_streams_listen(struct hws_streams *streams, struct hws_peer *peer,
                                             struct hws_address *addr, bool any_port);
/** The address on which this IP listens; false when it does not. */
bool hws_streams_find_listener(const struct hws_streams *streams, const struct hws_peer *peer,
                               const struct hws_address *ip, struct hws_address *out);
/** That IP is gone: close what is on it, of one peer or, with NULL, of all. */
void hws_streams_drop_ip(struct hws_streams *streams, const struct hws_peer *peer,
                         const struct hws_address *ip);
void hws_streams_forget(struct hws_streams *streams, const struct hws_peer *peer);

/** Send over the connection that @p datagram names, or make it. False when it is full: keep the
 *  datagram for later. */
bool hws_streams_send(struct hws_streams *streams, struct hws_peer *peer,
                      const struct hws_datagram *datagram, hws_time now);
/** Go on with what is ready, and feed the peers. */
void hws_streams_turn(struct hws_streams *streams, hws_time now);
/** Close what is late or of no use, and tell the peers what is over. Between draining the peers and
 *  sleeping, so that what they said last is on its way. @return peers were told: drain them */
bool hws_streams_sweep(struct hws_streams *streams, hws_time now);
hws_time hws_streams_deadline(const struct hws_streams *streams); /**< of the sweep */

#endif /* HWS_IO_STREAMS_H */
