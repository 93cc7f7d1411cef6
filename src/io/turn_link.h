/**
 * @file
 * A connection to a TURN server over TCP or TLS (RFC 8656 section 3.1): whole messages in and out,
 * nothing blocks. What is in the messages is the peer's affair.
 */
#ifndef HWS_IO_TURN_LINK_H
#define HWS_IO_TURN_LINK_H

#include "io/wolf_tls.h"

#include <hawser/err.h>
#include <hawser/types.h>

struct hws_turn_link;

/** Begin to connect.
 *  @param[in] trust  NULL for TCP; else TLS, and it outlives the link
 *  @param[in] name   of the server, for its certificate; borrowed until free
 *  @retval HWS_ERR_IO @retval HWS_ERR_NO_MEMORY */
HWS_MUST_USE enum hws_err hws_turn_link_new(const struct hws_address *server,
                                            struct hws_tls_trust *trust, const char *name,
                                            struct hws_turn_link **out);
void hws_turn_link_free(struct hws_turn_link *link); /**< sends what it can; accepts NULL */

int hws_turn_link_fd(const struct hws_turn_link *link);
bool hws_turn_link_wants_write(const struct hws_turn_link *link); /**< beside reading, always */
bool hws_turn_link_is_up(const struct hws_turn_link *link);
struct hws_address hws_turn_link_local(const struct hws_turn_link *link); /**< once it is up */
struct hws_address hws_turn_link_server(const struct hws_turn_link *link);

/** The socket is ready: go on with what was begun.
 *  @retval HWS_ERR_AGAIN  all is well, there is more to wait for
 *  @retval others         the link is over; hws_turn_link_fault() */
HWS_MUST_USE enum hws_err hws_turn_link_ready(struct hws_turn_link *link);
struct hws_fault hws_turn_link_fault(const struct hws_turn_link *link);

/** The next whole message that came; borrowed until the next call. False when there is none. */
bool hws_turn_link_next(struct hws_turn_link *link, struct hws_bytes *out);

/** Queue one message; false when there is no room now: wait until hws_turn_link_ready(). */
bool hws_turn_link_send(struct hws_turn_link *link, struct hws_bytes message);

#endif /* HWS_IO_TURN_LINK_H */
