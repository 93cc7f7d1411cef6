/**
 * @file
 * DTLS records as they lie in a datagram: cut out, checked, and judged before wolfSSL sees one.
 *
 * Two forms of header (RFC 6347 section 4.1, RFC 9147 section 4):
 *
 *     plain     type(1) version(2) epoch(2) sequence(6) length(2) body
 *     unified   001CSLEE sequence(1 or 2) [length(2)] body         DTLS 1.3, encrypted
 *
 * wolfSSL keeps an error for ever, so one record that it takes amiss ends the association. Hence
 * the rule of this file: what cannot belong to the handshake now never reaches it. Knows nothing
 * of keys, and so nothing of what is inside an encrypted record.
 */
#ifndef HWS_DTLS_RECORD_H
#define HWS_DTLS_RECORD_H

#include <hawser/types.h>

enum {
    HWS_RECORD_HEADER = 13,    /* of the plain form */
    HWS_HANDSHAKE_HEADER = 12, /* type(1) length(3) message_seq(2) offset(3) fragment length(3) */
};

enum hws_record_type {
    HWS_RECORD_CIPHER_SPEC = 20,
    HWS_RECORD_ALERT = 21,
    HWS_RECORD_HANDSHAKE = 22,
    HWS_RECORD_DATA = 23,
    HWS_RECORD_ACK = 26,
};

enum hws_handshake_type {
    HWS_CLIENT_HELLO = 1,
    HWS_SERVER_HELLO = 2,
    HWS_HELLO_VERIFY_REQUEST = 3,
    HWS_CERTIFICATE = 11,
    HWS_SERVER_KEY_EXCHANGE = 12,
    HWS_CERTIFICATE_REQUEST = 13,
    HWS_SERVER_HELLO_DONE = 14,
    HWS_CERTIFICATE_VERIFY = 15,
    HWS_CLIENT_KEY_EXCHANGE = 16,
};

/** Why a record is kept from wolfSSL. */
enum hws_record_flaw {
    HWS_RECORD_SOUND,
    HWS_RECORD_CUT,         /**< header or body ends after the datagram */
    HWS_RECORD_KIND,        /**< a content type that nobody sends us */
    HWS_RECORD_VERSION,     /**< not DTLS, or the form of another version than negotiated */
    HWS_RECORD_LENGTH,      /**< empty, or over what a record may hold */
    HWS_RECORD_CID,         /**< a connection id, which we never negotiate */
    HWS_RECORD_EPOCH,       /**< an epoch for which there cannot be keys */
    HWS_RECORD_MESSAGE,     /**< a handshake message that is malformed or not due from this side */
    HWS_RECORD_BAD_SPEC,    /**< ChangeCipherSpec outside DTLS 1.2 or malformed */
    HWS_RECORD_BAD_ACK,     /**< a plain ACK that names records: anybody could forge it */
    HWS_RECORD_PLAIN_DATA,  /**< application data without encryption */
    HWS_RECORD_PLAIN_ALERT, /**< an alert that anybody could forge; the caller may look at it */
    HWS_RECORD_EARLY,       /**< application data before the handshake is over; worth keeping */
    HWS_RECORD_LATE,        /**< of a handshake, or plain, although the handshake is over */
    HWS_RECORD_FLAW_COUNT
};

/** For the log, such as "cut"; never NULL. */
const char *hws_record_flaw_name(enum hws_record_flaw flaw);

/** One record of a datagram; it borrows the datagram. */
struct hws_record {
    struct hws_bytes whole; /**< header and body */
    struct hws_bytes body;  /**< encrypted unless the form is plain and the epoch 0 */
    uint16_t epoch;         /**< of a unified header: its two low bits */
    uint8_t type;           /**< enum hws_record_type; 0 in a unified header, which hides it */
    bool unified;
};

/**
 * Cut the next record off @p rest.
 *
 * @param[in,out] rest  what is left of the datagram; not empty; moved only when sound
 * @param[out] out      written only when sound
 */
enum hws_record_flaw hws_record_next(struct hws_bytes *rest, struct hws_record *out);

/** The first flaw of a whole datagram. Sound means: one record or more, filling it exactly. */
enum hws_record_flaw hws_record_check(struct hws_bytes datagram);

enum hws_record_protocol { HWS_PROTOCOL_OPEN, HWS_PROTOCOL_12, HWS_PROTOCOL_13 };

/** How far the association is, seen from outside. */
struct hws_record_stage {
    enum hws_record_protocol protocol; /**< open until the hellos have settled the version */
    bool server;                       /**< we are the server */
    bool finished;                     /**< the handshake is over */
};

/** Whether wolfSSL may see a record that hws_record_next() found sound. */
enum hws_record_flaw hws_record_admit(const struct hws_record *record,
                                      const struct hws_record_stage *stage);

/** One fragment of a handshake message. */
struct hws_fragment {
    struct hws_bytes body; /**< borrowed */
    uint32_t message_len;  /**< bytes of the whole message without its header */
    uint32_t offset;       /**< place of @c body in the message */
    uint16_t message_seq;
    uint8_t type; /**< enum hws_handshake_type, or what else came */
};

/**
 * Cut the next fragment off the body of a plain handshake record.
 *
 * @param[in,out] rest  not empty; moved only on success
 * @return false  it does not fit its message or the record, is empty without being the whole
 *                message, or belongs to a message over 16 KiB; nothing was written
 */
bool hws_fragment_next(struct hws_bytes *rest, struct hws_fragment *out);

#endif /* HWS_DTLS_RECORD_H */
