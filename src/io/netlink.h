/**
 * @file
 * The kernel's word that addresses or interfaces of this host changed. It does not say which: the
 * list of io/interfaces.h is read again, so that a message that was lost does no harm.
 */
#ifndef HWS_IO_NETLINK_H
#define HWS_IO_NETLINK_H

#include <hawser/err.h>

#include <stdbool.h>

/** Open a non-blocking socket that becomes readable with every change. @retval HWS_ERR_IO */
HWS_MUST_USE enum hws_err hws_netlink_open(int *out_fd);
void hws_netlink_close(int fd);

/** Read what is there. @return true: look at the addresses again */
bool hws_netlink_take(int fd);

#endif /* HWS_IO_NETLINK_H */
