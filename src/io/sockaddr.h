/**
 * @file
 * Between struct hws_address and the system's socket addresses.
 */
#ifndef HWS_IO_SOCKADDR_H
#define HWS_IO_SOCKADDR_H

#include <hawser/types.h>

#include <sys/socket.h>

/** @return bytes of @p out in use; 0 for no address */
socklen_t hws_sockaddr_write(const struct hws_address *addr, struct sockaddr_storage *out);
/** An address of another family than IPv4 and IPv6 reads as no address. */
struct hws_address hws_sockaddr_read(const struct sockaddr *in);

#endif /* HWS_IO_SOCKADDR_H */
