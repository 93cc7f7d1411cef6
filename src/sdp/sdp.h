/**
 * @file
 * Session descriptions: a checked value out of text (sdp_reader.c), and text out of a value
 * (sdp_writer.c). Knows one data section and the place of the others; knows no state machine.
 */
#ifndef HWS_SDP_SDP_H
#define HWS_SDP_SDP_H

#include "base/limits.h"
#include "base/writer.h"
#include "crypto/hash.h"
#include "sdp/candidate.h"

#include <hawser/err.h>

enum hws_sdp_type { HWS_SDP_OFFER, HWS_SDP_ANSWER };

enum hws_sdp_setup { HWS_SETUP_ACTPASS, HWS_SETUP_ACTIVE, HWS_SETUP_PASSIVE };

/** What is wrong with a description; names as in the test vectors. */
enum hws_sdp_flaw {
    HWS_SDP_SOUND,
    HWS_SDP_E_ORDER,
    HWS_SDP_E_LINE,
    HWS_SDP_E_NUL,
    HWS_SDP_E_VERSION,
    HWS_SDP_E_ORIGIN,
    HWS_SDP_E_TIME,
    HWS_SDP_E_CONNECTION,
    HWS_SDP_E_MLINE,
    HWS_SDP_E_NO_DATA,
    HWS_SDP_E_SCTP_PORT,
    HWS_SDP_E_MAX_MESSAGE_SIZE,
    HWS_SDP_E_UFRAG,
    HWS_SDP_E_PWD,
    HWS_SDP_E_FINGERPRINT,
    HWS_SDP_E_SETUP,
    HWS_SDP_E_MID,
    HWS_SDP_E_BUNDLE,
    HWS_SDP_E_DUPLICATE,
    HWS_SDP_E_CANDIDATE,
    HWS_SDP_FLAW_COUNT
};

/** Where and what: filled by hws_sdp_read() when it fails. */
struct hws_sdp_error {
    enum hws_sdp_flaw flaw;
    size_t line; /**< counts from 1; 0 = the description as a whole */
};

const char *hws_sdp_flaw_name(enum hws_sdp_flaw flaw); /**< such as "E_UFRAG" */
const char *hws_sdp_flaw_text(enum hws_sdp_flaw flaw); /**< one English clause */

/** One a=fingerprint line (RFC 8122 section 5). */
struct hws_fingerprint {
    enum hws_hash hash;
    uint8_t digest[HWS_HASH_LEN_MAX]; /**< hws_hash_len(hash) bytes */
};

/** "sha-256 AB:CD:..." in upper case, appended. */
void hws_fingerprint_write(struct hws_writer *out, const struct hws_fingerprint *fingerprint);

/** The form of the data section's m= line, echoed in an answer as it came. */
enum hws_sdp_proto {
    HWS_PROTO_UDP_DTLS_SCTP,
    HWS_PROTO_TCP_DTLS_SCTP,
    HWS_PROTO_DTLS_SCTP, /**< "DTLS/SCTP 5000" with a=sctpmap, from before RFC 8841 section 4 */
    HWS_PROTO_DTLS_SCTP_NAMED, /**< "DTLS/SCTP webrtc-datachannel" with a=sctp-port */
};

enum { HWS_SDP_WORD_MAX = 64, HWS_SDP_FORMAT_MAX = 256 };

/** One m= section that is not our data section: enough to reject it in place. */
struct hws_sdp_media {
    char media[HWS_SDP_WORD_MAX]; /**< "audio", "video", ... */
    char proto[HWS_SDP_WORD_MAX];
    char formats[HWS_SDP_FORMAT_MAX]; /**< the rest of the m= line; a long list is cut short */
    char mid[HWS_MID_MAX + 1];        /**< empty when absent */
};

/** A description. Plain data, copied by assignment; it points nowhere. */
struct hws_sdp {
    enum hws_sdp_type type;
    uint64_t session_id; /**< o= line; readers keep it, writers need it */
    uint64_t session_version;

    char ufrag[HWS_UFRAG_MAX + 1];
    char pwd[HWS_PWD_MAX + 1];
    bool ice_lite;
    bool trickle;
    bool renomination; /**< the later of two nominations wins (draft-thatcher-ice-renomination) */
    bool end_of_candidates;
    enum hws_sdp_setup setup;
    /** Read: all usable lines, strongest hash first (never MD5). Write: fingerprints[0..count). */
    struct hws_fingerprint fingerprints[HWS_FINGERPRINT_LIST];
    size_t fingerprint_count;
    char tls_id[HWS_TLS_ID_MAX + 1]; /**< read only; empty when absent, a longer one is cut short */
    char mid[HWS_MID_MAX + 1];       /**< of the data section; empty when absent */
    enum hws_sdp_proto proto;
    uint16_t sctp_port;        /**< 0 = the association is closed (RFC 8841 section 5) */
    uint64_t max_message_size; /**< 0 = any; 65536 when the line is absent */
    bool rejected;             /**< port 0 in the data section's m= line; it may lack the rest */
    bool bundled;              /**< a=group:BUNDLE names our mid */

    size_t media_index; /**< place of the data section among the m= lines */
    size_t media_count;
    struct hws_sdp_media media[HWS_MEDIA_MAX]; /**< the others; [media_index] is unused */

    struct hws_candidate candidates[HWS_ICE_REMOTE_MAX];
    size_t candidate_count; /**< usable ones only; more than fit are left out */
    /** As read; what is written is all in @c candidates. */
    struct hws_candidate tcp_candidates[HWS_ICE_STREAMS_MAX];
    size_t tcp_candidate_count; /**< passive ones only, which are all that one can check */
};

/**
 * Read and check a description.
 *
 * @param[out] out    written only on HWS_OK
 * @param[out] error  may be NULL; written when it fails
 * @retval HWS_ERR_MALFORMED  see @p error
 * @retval HWS_ERR_TOO_BIG    longer than HWS_DESCRIPTION_MAX, or more than HWS_MEDIA_MAX sections
 */
HWS_MUST_USE enum hws_err hws_sdp_read(struct hws_bytes text, enum hws_sdp_type type,
                                       struct hws_sdp *out, struct hws_sdp_error *error);

/**
 * Append the description with CRLF line ends: sections in place, all but the data section
 * rejected with port 0, candidates and end-of-candidates if the value has them. An offer always
 * bundles its mid, an answer if @c bundled is set. A size above 2147483647 is written as that,
 * because browsers refuse more. A data section that is rejected is written without its transport.
 *
 * @retval HWS_ERR_ARGUMENT  a text field holds a line end, a NUL or a forbidden character, or a
 *                           field is missing or out of range
 * @retval HWS_ERR_FULL      it did not fit
 */
HWS_MUST_USE enum hws_err hws_sdp_write(struct hws_writer *out, const struct hws_sdp *sdp);

/**
 * True when @p answer is a legal and useful answer to @p offer: the same sections in the same
 * places with the same mids, roles that fit, and the data section not rejected.
 */
bool hws_sdp_answers(const struct hws_sdp *answer, const struct hws_sdp *offer);

#endif /* HWS_SDP_SDP_H */
