/**
 * @file
 * UDP sockets: open one on an address, send and receive batches of datagrams.
 */
#ifndef HWS_IO_UDP_H
#define HWS_IO_UDP_H

#include "base/limits.h"

#include <hawser/err.h>
#include <hawser/types.h>

enum { HWS_UDP_BATCH = 32 }; /* datagrams of one system call */
/* Bytes asked of the system for each direction: a burst of a whole SCTP window must fit. */
enum { HWS_UDP_SOCKET_BUFFER = 2 * 1024 * 1024 };

/**
 * Open a non-blocking socket bound to @p addr; port 0 lets the system choose.
 *
 * @param[in,out] addr  its port is filled in
 * @retval HWS_ERR_IO
 */
HWS_MUST_USE enum hws_err hws_udp_open(struct hws_address *addr, int *out_fd);
void hws_udp_close(int fd);

/** Send in order; false when the socket takes no more now: poll for writing and go on from
 *  *sent. What the system refuses for other reasons is dropped, as a network would. */
bool hws_udp_send(int fd, const struct hws_datagram *datagrams, size_t count, size_t *sent);

/** Room for a batch of received datagrams; about 64 KB. */
struct hws_udp_batch {
    uint8_t data[HWS_UDP_BATCH][HWS_DATAGRAM_IN_MAX];
    struct hws_datagram datagrams[HWS_UDP_BATCH]; /**< borrow @c data */
};

/** Receive what is there, up to a batch; every datagram's local address is set to @p local. */
size_t hws_udp_receive(int fd, const struct hws_address *local, struct hws_udp_batch *batch);

#endif /* HWS_IO_UDP_H */
