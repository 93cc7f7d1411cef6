/**
 * @file
 * A multicast DNS host without I/O: asks for the names of candidates and answers for our own
 * (RFC 6762; draft-ietf-mmusic-mdns-ice-candidates section 3). Pure.
 *
 * A question is sent at once, again while there is no answer, and given up after HWS_MDNS_GIVE_UP.
 * The first address that comes is taken, and no later one: whoever answers quickest on this link
 * could at most send our checks astray, since a check proves who is there.
 */
#ifndef HWS_MDNS_MDNS_H
#define HWS_MDNS_MDNS_H

#include "base/limits.h"
#include "mdns/mdns_message.h"

#define HWS_MDNS_GIVE_UP HWS_SEC(4)

struct hws_mdns;

/** @retval HWS_ERR_NO_MEMORY */
HWS_MUST_USE enum hws_err hws_mdns_new(struct hws_mdns **out);
void hws_mdns_free(struct hws_mdns *mdns); /**< accepts NULL */

/** Ask for a name, for @p user; asked for twice it is looked up once and told twice.
 *  @retval HWS_ERR_FULL      HWS_MDNS_ASKED_MAX questions are open
 *  @retval HWS_ERR_ARGUMENT  no name */
HWS_MUST_USE enum hws_err hws_mdns_ask(struct hws_mdns *mdns, const char *name, void *user,
                                       hws_time now);
/** Forget what was asked for @p user. */
void hws_mdns_forget(struct hws_mdns *mdns, const void *user);

/** Answer for a name of ours from now on, and announce it (RFC 6762 section 8.3).
 *  @retval HWS_ERR_FULL  HWS_MDNS_OWN_MAX names  @retval HWS_ERR_ARGUMENT  no name or no address */
HWS_MUST_USE enum hws_err hws_mdns_publish(struct hws_mdns *mdns, const char *name,
                                           const struct hws_address *addr);

/** A datagram that came. A sender whose port is not 5353 is answered by itself (section 6.7).
 *  @retval HWS_ERR_MALFORMED  dropped @retval HWS_ERR_FULL  too many answers wait: dropped */
HWS_MUST_USE enum hws_err hws_mdns_feed(struct hws_mdns *mdns, struct hws_bytes message,
                                        const struct hws_address *from);
void hws_mdns_tick(struct hws_mdns *mdns, hws_time now);
hws_time hws_mdns_deadline(const struct hws_mdns *mdns); /**< HWS_NEVER when nothing is asked */

/** A message to send. */
struct hws_mdns_packet {
    struct hws_address to; /**< family NONE = the multicast group, on every link */
    size_t len;
    uint8_t data[HWS_MDNS_MESSAGE_MAX];
};
bool hws_mdns_next_packet(struct hws_mdns *mdns, struct hws_mdns_packet *out);

/** What became of a question. */
struct hws_mdns_result {
    void *user;
    char name[HWS_MDNS_NAME_TEXT];
    struct hws_address addr; /**< port 0; family NONE = nobody answered */
};
bool hws_mdns_next_result(struct hws_mdns *mdns, struct hws_mdns_result *out);

#endif /* HWS_MDNS_MDNS_H */
