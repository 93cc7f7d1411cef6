/**
 * @file
 * The open sessions of one stream: a bounded table by session number. Knows numbers and forms,
 * not what travels in a session.
 */
#ifndef HWS_SIGNAL_SESSIONS_H
#define HWS_SIGNAL_SESSIONS_H

#include "signal/payload.h"

#include <hawser/err.h>
#include <hawser/types.h>

struct hws_sessions_entry {
    uint64_t session;           /**< the key */
    uint64_t sent;              /**< number of our last message */
    uint64_t taken;             /**< number of the other side's last; 0 = it does not number */
    enum hws_payload_form form; /**< in which the other side wrote its candidates */
};

/** Sorted by session, so that a search is short and nobody can choose numbers that collide. */
struct hws_sessions {
    struct hws_sessions_entry *entries; /**< owned */
    size_t count;
    size_t cap;
};

/** @retval HWS_ERR_NO_MEMORY */
HWS_MUST_USE enum hws_err hws_sessions_init(struct hws_sessions *sessions, size_t cap);
void hws_sessions_fini(struct hws_sessions *sessions);

/** NULL when there is none. Borrowed until the next add or remove. */
struct hws_sessions_entry *hws_sessions_find(struct hws_sessions *sessions, uint64_t session);
/** Add one that is not there yet. @retval HWS_ERR_FULL */
HWS_MUST_USE enum hws_err hws_sessions_add(struct hws_sessions *sessions,
                                           const struct hws_sessions_entry *entry);
void hws_sessions_remove(struct hws_sessions *sessions, struct hws_sessions_entry *entry);

/**
 * May the message numbered @p number come after the one numbered @p taken? Counts from 1; 0 is
 * a sender that does not number, and one that has begun to number goes on.
 *
 * @retval HWS_ERR_UNEXPECTED  it was taken before: drop it
 * @retval HWS_ERR_MISMATCH    something between is missing
 */
HWS_MUST_USE enum hws_err hws_sessions_check_number(uint64_t taken, uint64_t number);

#endif /* HWS_SIGNAL_SESSIONS_H */
