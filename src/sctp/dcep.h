/**
 * @file
 * The data channel establishment protocol (RFC 8832): its two messages as values, the payload
 * protocol ids of RFC 8831 section 8, and what a receiver does with a message. Pure.
 */
#ifndef HWS_SCTP_DCEP_H
#define HWS_SCTP_DCEP_H

#include "base/bytes.h"
#include "base/writer.h"

#include <hawser/err.h>

enum hws_ppid { /* RFC 8831 section 8 */
                HWS_PPID_DCEP = 50,
                HWS_PPID_STRING = 51,
                HWS_PPID_BINARY_PARTIAL = 52, /* deprecated */
                HWS_PPID_BINARY = 53,
                HWS_PPID_STRING_PARTIAL = 54, /* deprecated */
                HWS_PPID_STRING_EMPTY = 56,
                HWS_PPID_BINARY_EMPTY = 57,
};

enum hws_reliability { HWS_RELIABLE, HWS_MAX_RETRANSMITS, HWS_MAX_LIFETIME };

/** DATA_CHANNEL_OPEN (RFC 8832 section 5.1). */
struct hws_dcep_open {
    bool ordered;
    enum hws_reliability reliability;
    uint32_t reliability_value; /**< retransmissions or milliseconds; 0 when reliable */
    uint16_t priority;
    struct hws_bytes label;    /**< UTF-8, may hold NUL; borrowed */
    struct hws_bytes protocol; /**< likewise */
};

/** @retval HWS_ERR_MALFORMED  not an OPEN, cut, unknown channel type, or not UTF-8 */
HWS_MUST_USE enum hws_err hws_dcep_read_open(struct hws_bytes payload, struct hws_dcep_open *out);

/** Append the message. A writer too small fails; label and protocol are at most 65535 bytes. */
void hws_dcep_write_open(struct hws_writer *out, const struct hws_dcep_open *open);
void hws_dcep_write_ack(struct hws_writer *out);

/** What is known of the stream that a message came on. */
enum hws_dcep_stream {
    HWS_STREAM_UNUSED,       /**< free, and the parity is right for the other side to open */
    HWS_STREAM_WRONG_PARITY, /**< free, but ours to open (RFC 8832 section 6) */
    HWS_STREAM_OPENING,      /**< we sent OPEN and wait for the ACK */
    HWS_STREAM_OPEN,
    HWS_STREAM_CLOSING, /**< a reset is under way: what still comes is dropped */
};

enum hws_dcep_action {
    HWS_DCEP_ACCEPT,         /**< OPEN is good: send ACK, the channel is open */
    HWS_DCEP_OPENED,         /**< our OPEN was acknowledged */
    HWS_DCEP_MESSAGE_STRING, /**< deliver; empty when the PPID says so */
    HWS_DCEP_MESSAGE_BINARY,
    HWS_DCEP_RESET, /**< reset our outgoing side of the stream, send no ACK */
    HWS_DCEP_DROP,  /**< say nothing, do nothing */
};

/** What a receiver does with one complete message, and what it learned from it. */
struct hws_dcep_verdict {
    enum hws_dcep_action action;
    bool opens;                /**< a user message that also stands for the ACK (section 6) */
    struct hws_dcep_open open; /**< with HWS_DCEP_ACCEPT */
    struct hws_bytes data;     /**< with the two MESSAGE actions; borrows the payload */
};

struct hws_dcep_verdict hws_dcep_judge(enum hws_dcep_stream stream, uint32_t ppid,
                                       struct hws_bytes payload);

/** Strict UTF-8 (RFC 3629 section 4): no surrogates, no overlong forms, nothing above 10FFFF. */
bool hws_is_utf8(struct hws_bytes text);

#endif /* HWS_SCTP_DCEP_H */
