/**
 * @file
 * One signalling message as a value, and its protobuf form (hawser.proto).
 *
 * A client's and a worker's message differ only in that the latter names its session, so one value
 * serves both; the side says which of the two is on the wire. Never looks into the payload.
 */
#ifndef HWS_SIGNAL_ENVELOPE_H
#define HWS_SIGNAL_ENVELOPE_H

#include "base/writer.h"

#include <hawser/err.h>
#include <hawser/types.h>

enum hws_rtc_event { /* numbers as in hawser.proto */
                     HWS_RTC_OFFER = 0,
                     HWS_RTC_ANSWER = 1,
                     HWS_RTC_ACCEPT_ANSWER = 2,
                     HWS_RTC_ICE_CANDIDATE = 3,
                     HWS_RTC_LOCAL_ICE_CANDIDATE = 4,
                     HWS_RTC_BLANK = 5,
                     HWS_RTC_PING = 6,
                     HWS_RTC_EVENT_COUNT
};

const char *hws_rtc_event_name(enum hws_rtc_event event); /**< such as "OFFER" */

enum hws_envelope_side { HWS_SIDE_CLIENT, HWS_SIDE_WORKER };

enum { HWS_ENVELOPE_MAX = 64 * 1024 }; /* one packed message; bigger ones are refused */

struct hws_envelope {
    int64_t worker; /**< worker_machine_id */
    enum hws_rtc_event event;
    struct hws_bytes payload; /**< field "message"; borrowed */
    uint64_t session;         /**< worker side only; 0 = none */
    uint64_t sequence;        /**< 0 = not numbered */
};

/**
 * Read a packed message; allocates nothing that outlives the call.
 *
 * @param[out] out        its payload borrows @p packed
 * @param[out] out_field  may be NULL; on failure the name of the field that is wrong, static text
 * @retval HWS_ERR_MALFORMED  not that message, an unknown event, or too many unknown fields
 * @retval HWS_ERR_TOO_BIG    over HWS_ENVELOPE_MAX
 */
HWS_MUST_USE enum hws_err hws_envelope_read(enum hws_envelope_side side, struct hws_bytes packed,
                                            struct hws_envelope *out, const char **out_field);

/** Append the packed message; a writer too small fails. */
void hws_envelope_write(struct hws_writer *out, enum hws_envelope_side side,
                        const struct hws_envelope *envelope);

/** Bytes that hws_envelope_write() appends. */
size_t hws_envelope_len(enum hws_envelope_side side, const struct hws_envelope *envelope);

#endif /* HWS_SIGNAL_ENVELOPE_H */
