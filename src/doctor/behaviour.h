/**
 * @file
 * What a NAT on the way to one STUN server does, found out by asking, as a machine (RFC 5780).
 *
 * Knows two sockets of ours, its ends, and one server; knows no socket, clock or peer. All that can
 * be asked at a time is asked at once:
 *
 *     shared end --> server          I: where do you see me?           RFC 5780 section 4.3
 *     shared end --> other address   II, III: and you, and your other port?
 *     own end    --> server          answer from elsewhere, please     RFC 5780 section 4.4
 *     either end --> where the server sees the other end               RFC 5780 section 3.4
 *
 * The shared end may talk to anybody. The own end is for this machine alone: whom it has written to
 * decides what a filter lets in (RFC 5780 section 4.5). Silence is an answer here, and so it is
 * believed only after several tries.
 */
#ifndef HWS_DOCTOR_BEHAVIOUR_H
#define HWS_DOCTOR_BEHAVIOUR_H

#include <hawser/err.h>
#include <hawser/types.h>

#define HWS_BEHAVIOUR_PATIENCE HWS_SEC(3) /* with a server that does not answer at all */

/** How a NAT chooses a mapping, or whom it lets in (RFC 4787 section 4.1 and 5). */
enum hws_nat_rule {
    HWS_NAT_RULE_UNKNOWN,
    HWS_NAT_ENDPOINT_INDEPENDENT,
    HWS_NAT_ADDRESS_DEPENDENT,
    HWS_NAT_ADDRESS_AND_PORT_DEPENDENT,
};
const char *hws_nat_rule_name(enum hws_nat_rule rule); /**< "endpoint-independent"; "unknown" */

enum hws_known { HWS_KNOWN_NOT, HWS_KNOWN_NO, HWS_KNOWN_YES };
const char *hws_known_name(enum hws_known known); /**< "unknown", "no", "yes" */

enum hws_behaviour_end { HWS_BEHAVIOUR_SHARED, HWS_BEHAVIOUR_OWN };

struct hws_behaviour_config {
    struct hws_random random;
    struct hws_address server;
    struct hws_address local[2]; /**< of the ends as the host knows them; family NONE: not known */
    hws_time patience;           /**< 0 = HWS_BEHAVIOUR_PATIENCE */
    bool once; /**< over a stream: one question from the shared end, sent once, and no more */
};

/** What is known so far, or at the end. */
struct hws_behaviour_result {
    bool reachable;            /**< the server answered, even if only by an error */
    uint16_t error_code;       /**< of its error response, or 0 */
    hws_time rtt;              /**< the shortest round trip; 0 = none */
    struct hws_address mapped; /**< the shared end as the server sees it */
    struct hws_address other;  /**< the server's other address and port; NONE: it has no other */
    enum hws_known nat;        /**< is @c mapped another address than ours? */
    enum hws_nat_rule mapping, filtering;
    enum hws_known hairpinning; /**< not known without a NAT */
};

struct hws_behaviour;

/** @retval HWS_ERR_NO_MEMORY
 *  @retval HWS_ERR_ARGUMENT  no randomness, no address, a negative time */
HWS_MUST_USE enum hws_err hws_behaviour_new(const struct hws_behaviour_config *config,
                                            struct hws_behaviour **out);
void hws_behaviour_free(struct hws_behaviour *behaviour); /**< accepts NULL */

void hws_behaviour_start(struct hws_behaviour *behaviour, hws_time now); /**< once */

/** A datagram that came to one of the ends.
 *  @retval HWS_ERR_UNEXPECTED  not an answer to a question of this machine; perhaps of another
 *  @retval others of class PEER: dropped, and the machine is as before */
HWS_MUST_USE enum hws_err hws_behaviour_feed(struct hws_behaviour *behaviour,
                                             enum hws_behaviour_end end,
                                             const struct hws_address *from,
                                             struct hws_bytes datagram, hws_time now);
void hws_behaviour_tick(struct hws_behaviour *behaviour, hws_time now);
hws_time hws_behaviour_deadline(const struct hws_behaviour *behaviour); /**< HWS_NEVER at the end */

struct hws_behaviour_packet {
    enum hws_behaviour_end end; /**< the socket that sends it */
    struct hws_address to;
    size_t len;
    uint8_t data[64];
};
bool hws_behaviour_next_packet(struct hws_behaviour *behaviour, struct hws_behaviour_packet *out);

bool hws_behaviour_is_done(const struct hws_behaviour *behaviour);
struct hws_behaviour_result hws_behaviour_result(const struct hws_behaviour *behaviour);

#endif /* HWS_DOCTOR_BEHAVIOUR_H */
