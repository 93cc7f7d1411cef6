/**
 * @file
 * Two SCTP associations joined by a network in memory, in virtual time. For tests and fuzzing.
 *
 * The program that links this gets a gettimeofday() of ours, so that usrsctp lives in the same
 * time. All chance comes from the seed, so a failure comes again.
 */
#ifndef HWS_TESTS_SCTP_PAIR_H
#define HWS_TESTS_SCTP_PAIR_H

#include "sctp/sctp.h"

#include <hawser/peer.h>

struct pair_packet;
struct pair;

/** One end, and what has happened to it. */
struct pair_end {
    struct pair *pair;
    struct hws_sctp *sctp;
    struct pair_packet *arriving; /**< in the order of their time */
    bool up, writable, stalled;   /**< stalled: take no events */
    int down_count;
    size_t message_count, byte_count, reset_received_count, reset_sent_count;
    uint16_t last_stream, last_reset_received, last_reset_sent;
    uint32_t last_ppid;
    hws_time up_at, message_at, down_at;
    size_t tick_count;
    size_t packet_count, packet_max; /**< sent by it, and the longest */
    /** Called for each message before it is counted; may be NULL. */
    void (*on_message)(struct pair_end *end, const struct hws_sctp_event *event);
};

struct pair {
    hws_time now;
    struct hws_sctp_stack *stack;
    struct pair_end ends[2];
    hws_time delay;             /**< one way */
    unsigned loss, late, twice; /**< percent of packets lost, delayed more, and doubled */
    bool cut;                   /**< nothing arrives any more */
    size_t rate;                /**< bytes a second each way, 50 ms of them queued; 0 = no limit */
    hws_time busy_until[2];     /**< the way to each end */
    uint64_t seed;
    /** Sees each packet that is sent; may be NULL. */
    void (*on_packet)(struct pair *pair, struct hws_bytes packet);
    struct hws_sctp_config config;
    bool keeps_stack;
    bool plain[2];              /**< this end does not offer I-DATA */
    uint16_t streams_of_second; /**< 0 = as in config */
};

/** Two associations at rest with pair->config, on a stack that is made unless there is one; aborts
 *  the program when it cannot. */
void pair_open(struct pair *pair);
void pair_connect(struct pair *pair);
/** The stack goes too, unless pair->keeps_stack. */
void pair_close(struct pair *pair);

/** Let @p us microseconds pass. */
void pair_run(struct pair *pair, hws_time us);
/** Until @p done says so, at most @p us; returns whether it did. */
bool pair_run_until(struct pair *pair, hws_time us, bool (*done)(const struct pair *pair));
/** Move packets and events without letting time pass. */
void pair_settle(struct pair *pair);

bool pair_is_up(const struct pair *pair);

/** A number below @p below. */
uint32_t pair_random(struct pair *pair, uint32_t below);

#endif /* HWS_TESTS_SCTP_PAIR_H */
