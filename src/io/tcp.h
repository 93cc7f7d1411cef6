/**
 * @file
 * TCP sockets that do not block, and the bytes that wait to be sent on one. What the bytes mean is
 * the caller's affair.
 */
#ifndef HWS_IO_TCP_H
#define HWS_IO_TCP_H

#include <hawser/err.h>
#include <hawser/types.h>

/** Begin to connect.
 *  @param[in] from  our end, its port is not looked at; NULL = the system chooses
 *  @retval HWS_ERR_IO */
HWS_MUST_USE enum hws_err hws_tcp_connect(const struct hws_address *from,
                                          const struct hws_address *to, int *out_fd);
/** Is the connection made? Else @p out_code is errno of the failure, 0 while it is on its way. */
bool hws_tcp_is_connected(int fd, int *out_code);
struct hws_address hws_tcp_local(int fd); /**< our end; no address when there is none yet */

/** Listen on @p addr; port 0 lets the system choose.
 *  @param[in,out] addr  its port is filled in
 *  @retval HWS_ERR_IO */
HWS_MUST_USE enum hws_err hws_tcp_listen(struct hws_address *addr, int *out_fd);
/** Take one that came. @retval HWS_ERR_AGAIN  there is none  @retval HWS_ERR_IO */
HWS_MUST_USE enum hws_err hws_tcp_accept(int listener, struct hws_address *out_remote, int *out_fd);

/** @retval HWS_ERR_AGAIN  nothing came  @retval HWS_ERR_CLOSED */
HWS_MUST_USE enum hws_err hws_tcp_read(int fd, uint8_t *out, size_t cap, size_t *out_len);
/** @retval HWS_ERR_AGAIN  nothing goes now  @retval HWS_ERR_CLOSED */
HWS_MUST_USE enum hws_err hws_tcp_write(int fd, struct hws_bytes bytes, size_t *out_len);

/* Some round trips of data; what is more waits where it can still be dropped or reordered. */
enum { HWS_TCP_QUEUE_MAX = 64 * 1024 };

/** Bytes on their way, from @c first on. All zero is empty. */
struct hws_tcp_queue {
    uint8_t bytes[HWS_TCP_QUEUE_MAX];
    size_t first, len;
};

/** Room for this many bytes? Bytes that wait may be moved for it when @p movable. */
bool hws_tcp_queue_room(struct hws_tcp_queue *queue, size_t len, bool movable);
/** Append; there must be room. */
void hws_tcp_queue_put(struct hws_tcp_queue *queue, struct hws_bytes bytes);
void hws_tcp_queue_drop(struct hws_tcp_queue *queue, size_t len); /**< the first ones are sent */

#endif /* HWS_IO_TCP_H */
