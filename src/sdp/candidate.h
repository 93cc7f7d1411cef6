/**
 * @file
 * ICE candidates as values, and their text form (RFC 8839 section 5.1, RFC 6544 section 4.5).
 */
#ifndef HWS_SDP_CANDIDATE_H
#define HWS_SDP_CANDIDATE_H

#include "base/address.h"
#include "base/limits.h"
#include "base/writer.h"

#include <hawser/err.h>

enum hws_candidate_type {
    HWS_CANDIDATE_HOST,
    HWS_CANDIDATE_SRFLX,
    HWS_CANDIDATE_PRFLX,
    HWS_CANDIDATE_RELAY,
};

/** Who makes the connection (RFC 6544 section 4.1). */
enum hws_tcp_type {
    HWS_TCP_NONE, /**< a UDP candidate */
    HWS_TCP_ACTIVE,
    HWS_TCP_PASSIVE,
    HWS_TCP_SO, /**< both at once */
};

enum {
    HWS_FOUNDATION_MAX = 32,                 /* RFC 8839 section 5.1 */
    HWS_MDNS_NAME_MAX = 48,                  /* "<uuid>.local" is 42 characters */
    HWS_CANDIDATE_PRIORITY_MAX = 0x7FFFFFFF, /* RFC 8839 section 5.1 */
    HWS_TCP_ACTIVE_PORT = 9,                 /* RFC 6544 section 4.5: it has no port yet */
};

/** One candidate of component 1. Plain data, copied by assignment. */
struct hws_candidate {
    enum hws_candidate_type type;
    enum hws_tcp_type tcp_type; /**< none exactly if @c addr is one of UDP */
    uint32_t priority;          /**< 1 to 2^31-1 */
    struct hws_address addr;    /**< family NONE while it is an mDNS name */
    struct hws_address related; /**< raddr and rport; family NONE when absent */
    char foundation[HWS_FOUNDATION_MAX + 1];
    char mdns[HWS_MDNS_NAME_MAX];  /**< "<uuid>.local", else empty */
    char ufrag[HWS_UFRAG_MAX + 1]; /**< its ICE generation, else empty */
};

/** What a candidate line is. */
enum hws_candidate_verdict {
    HWS_CANDIDATE_USABLE,  /**< @p out was written */
    HWS_CANDIDATE_TCP,     /**< as well; of use only to those who asked for ICE-TCP */
    HWS_CANDIDATE_IGNORED, /**< well-formed, but not for us: a name, component 2, ... */
    HWS_CANDIDATE_END,     /**< the empty string: end of candidates */
};

/**
 * Read "candidate:..." with or without a leading "a=" and a trailing line end.
 *
 * @param[out] out  written only when the verdict is HWS_CANDIDATE_USABLE or _TCP
 * @retval HWS_ERR_MALFORMED  breaks the grammar
 * @retval HWS_ERR_TOO_BIG    longer than HWS_CANDIDATE_TEXT_MAX
 */
HWS_MUST_USE enum hws_err hws_candidate_read(struct hws_bytes text, struct hws_candidate *out,
                                             enum hws_candidate_verdict *verdict);

/**
 * True when it can be written: a foundation and ufrag of ice-char, a priority in its range, and an
 * address with a port or a name of version 4 UUID form.
 */
bool hws_candidate_is_sound(const struct hws_candidate *candidate);

/**
 * Append "candidate:..." without "a=" and without a line end; an unsound one fails the writer.
 * Where RFC 8839 section 5.1 wants a related address and there is none, 0.0.0.0 port 9 stands in.
 */
void hws_candidate_write(struct hws_writer *out, const struct hws_candidate *candidate);

/** "host", "srflx", "prflx" or "relay". */
const char *hws_candidate_type_name(enum hws_candidate_type type);

/** RFC 8445 section 5.1.2.1, for component 1. */
uint32_t hws_candidate_priority(enum hws_candidate_type type, uint16_t local_preference);
/** RFC 6544 section 4.2. @param[in] other  the preference among those alike, 0 to 8191 */
uint32_t hws_candidate_tcp_priority(enum hws_candidate_type type, enum hws_tcp_type tcp_type,
                                    uint16_t other);

#endif /* HWS_SDP_CANDIDATE_H */
