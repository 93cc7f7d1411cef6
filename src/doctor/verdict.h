/**
 * @file
 * What the answers of all servers together mean for connecting, in one word and in plain words.
 * Values in, values out; knows no socket and no server.
 */
#ifndef HWS_DOCTOR_VERDICT_H
#define HWS_DOCTOR_VERDICT_H

#include "doctor/behaviour.h"

/** What is known of one address family. */
struct hws_family_facts {
    bool has_address;          /**< of ours that is neither loopback nor link-local */
    size_t asked, answered;    /**< STUN servers over UDP */
    struct hws_address mapped; /**< by the first one that said; family NONE: none did */
    struct hws_address first;  /**< that one */
    enum hws_known nat;
    enum hws_nat_rule mapping, filtering;
    enum hws_known hairpinning;
    bool by_comparison; /**< mapping: by what several servers saw, for none could tell */
};

/** Take what one more server (at @p server) told of our shared end into account. */
void hws_family_facts_add(struct hws_family_facts *facts, const struct hws_address *server,
                          const struct hws_behaviour_result *result);

struct hws_doctor_facts {
    struct hws_family_facts families[2]; /**< IPv4, IPv6 */
    size_t servers_given;                /**< of any kind, reached or not */
    size_t relays_asked, relays_granted; /**< TURN servers, over whatever transport */
    bool relay_by_udp;                   /**< one of the granted ones is reached over UDP */
};

enum hws_verdict {
    HWS_VERDICT_UNKNOWN,    /**< nobody was asked, or not enough is known */
    HWS_VERDICT_DIRECT,     /**< direct connections are likely */
    HWS_VERDICT_RELAY,      /**< many connections need a relay */
    HWS_VERDICT_IMPOSSIBLE, /**< none beyond this network */
};
const char *hws_verdict_name(enum hws_verdict verdict); /**< "direct" */

enum { HWS_VERDICT_TEXT_MAX = 1024 };

/** @param[out] out  the paragraph, NUL-terminated, without line ends */
enum hws_verdict hws_verdict(const struct hws_doctor_facts *facts, char out[HWS_VERDICT_TEXT_MAX]);

#endif /* HWS_DOCTOR_VERDICT_H */
