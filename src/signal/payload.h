/**
 * @file
 * The JSON that travels in a signalling message: descriptions and candidates as WebRTC libraries
 * serialise them. Says whether they are well-formed; what a candidate or a description means is
 * sdp/'s affair. The home of jansson is payload.c.
 */
#ifndef HWS_SIGNAL_PAYLOAD_H
#define HWS_SIGNAL_PAYLOAD_H

#include "base/limits.h"
#include "base/writer.h"

#include <hawser/err.h>
#include <hawser/types.h>

/** The forms in which programs send a candidate; we answer in a form the sender can read. */
enum hws_payload_form {
    HWS_FORM_OBJECT, /**< {"candidate":"candidate:...","sdpMid":"0",...}: W3C, and what we write */
    HWS_FORM_LINE,   /**< "candidate:..." or "a=candidate:...", bare or as a JSON string */
    HWS_FORM_FIELDS, /**< the Rust webrtc crate's object: foundation, component, ... */
};

enum {
    HWS_PAYLOAD_MAX = 64 * 1024,          /* bytes of JSON around a description */
    HWS_PAYLOAD_CANDIDATE_MAX = 8 * 1024, /* bytes of JSON around a candidate */
    HWS_PAYLOAD_DEPTH = 16,               /* objects and arrays inside each other */
};

/** One payload. Owned memory inside: release with hws_payload_fini(). */
struct hws_payload {
    char *text; /**< SDP, or "candidate:..."; NUL-terminated, empty = end of candidates */
    size_t len; /**< of text; a NUL inside was refused */
    char mid[HWS_MID_MAX + 1];     /**< empty when absent or null */
    char ufrag[HWS_UFRAG_MAX + 1]; /**< empty when absent or null */
    enum hws_payload_form form;    /**< candidates only */
};
void hws_payload_fini(struct hws_payload *payload);

/** Why a payload was refused: a clause with the member's name, NUL-terminated ASCII. It quotes
 *  nothing of the payload, so it may be logged. */
struct hws_payload_error {
    char text[128];
};

enum hws_description_type { HWS_DESCRIPTION_OFFER, HWS_DESCRIPTION_ANSWER };

/**
 * Read {"type":"offer","sdp":"..."}; strict JSON, unknown members ignored.
 *
 * @param[out] error  may be NULL; written when it fails
 * @retval HWS_ERR_MALFORMED  not JSON, a duplicate or missing member, a wrong type
 * @retval HWS_ERR_MISMATCH   the member "type" is not @p type
 * @retval HWS_ERR_TOO_BIG    over the limits of base/limits.h
 * @retval HWS_ERR_NO_MEMORY
 */
HWS_MUST_USE enum hws_err hws_payload_read_description(struct hws_bytes json,
                                                       enum hws_description_type type,
                                                       struct hws_payload *out,
                                                       struct hws_payload_error *error);

/**
 * Read a candidate in any of the three forms. No text at all, JSON null, candidate "" and the bare
 * line "end-of-candidates" end them.
 *
 * @p out->text is always "candidate:..." in printable ASCII, without "a=" and a line end, or empty.
 * Errors as above.
 */
HWS_MUST_USE enum hws_err hws_payload_read_candidate(struct hws_bytes json, struct hws_payload *out,
                                                     struct hws_payload_error *error);

/** Append {"type":...,"sdp":...}.
 *  @retval HWS_ERR_ARGUMENT not UTF-8, or holds a NUL @retval HWS_ERR_FULL
 *  @retval HWS_ERR_NO_MEMORY */
HWS_MUST_USE enum hws_err hws_payload_write_description(struct hws_writer *out,
                                                        enum hws_description_type type,
                                                        struct hws_bytes sdp);

/**
 * Append a candidate: the W3C object, or a bare line when @p form is not HWS_FORM_OBJECT. An empty
 * @p candidate ends them; as a bare line it is written as nothing at all.
 * @param[in] mid    may be NULL; sdpMLineIndex is always 0
 * @param[in] ufrag  may be NULL
 * @retval HWS_ERR_ARGUMENT not UTF-8, or holds a NUL @retval HWS_ERR_FULL
 * @retval HWS_ERR_NO_MEMORY
 */
HWS_MUST_USE enum hws_err hws_payload_write_candidate(struct hws_writer *out,
                                                      enum hws_payload_form form,
                                                      struct hws_bytes candidate, const char *mid,
                                                      const char *ufrag);

#endif /* HWS_SIGNAL_PAYLOAD_H */
