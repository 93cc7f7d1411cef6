/**
 * @file
 * The ICE agent for one component (RFC 8445 section 2, RFC 8838 section 3, RFC 7675 section 5):
 * finds a path and keeps it alive.
 *
 * Knows candidates and STUN; knows no socket, clock, DTLS or description. The program gives it
 * the addresses of its sockets and of its STUN servers; it sends checks, answers checks, nominates
 * when controlling, and says which path carries data now. Verbs as in ARCHITECTURE.md:
 *
 *     add_local, add_server, end_local     what we have        -> local candidates (events)
 *     set_remote, add_remote, end_remote   what the peer has   -> check list
 *     feed, tick                           STUN in, time       -> next_packet, next_event, path
 *
 * Every input is legal in any order: checks that arrive before the remote credentials are answered
 * (RFC 8445 section 7.3), candidates before the credentials are kept.
 */
#ifndef HWS_ICE_ICE_H
#define HWS_ICE_ICE_H

#include "base/log.h"
#include "sdp/candidate.h"

#include <hawser/err.h>
#include <hawser/stats.h>
#include <hawser/types.h>

struct hws_ice;

struct hws_ice_config {
    struct hws_random random; /**< ufrag, pwd, tiebreaker, transaction ids */
    struct hws_log log;
    bool controlling; /**< the offerer controls (RFC 8445 section 6.1.1) */
    /* Of the times below, more than a day counts as a day. */
    hws_time pacing; /**< Ta between new checks; 0 = default 20 ms, floor 5 ms */
    /** 0 = 5 s; spread by 0.8 to 1.2, but never under 4 s (RFC 7675 section 5.1). */
    hws_time consent_period;
    hws_time consent_expiry; /**< silence after which the path is dead; 0 = 30 s */
    /** Patience with one check, and before HWS_ICE_FAILED when both sides have ended their
     *  candidates; twice that when one has not. 0 = 39.5 s (RFC 8863 section 4). */
    hws_time fail_after;
};

enum { HWS_ICE_UFRAG_LEN = 4, HWS_ICE_PWD_LEN = 24 }; /* what we make */

/** @retval HWS_ERR_NO_MEMORY
 *  @retval HWS_ERR_ARGUMENT  a negative time, or no source of randomness */
HWS_MUST_USE enum hws_err hws_ice_new(const struct hws_ice_config *config, struct hws_ice **out);
void hws_ice_free(struct hws_ice *ice); /**< accepts NULL */

/** The ufrag of the agent that a check is for, unproven; false: it is no check. Borrows. */
bool hws_ice_ufrag_of_check(struct hws_bytes datagram, struct hws_bytes *out);
/** Is @p ufrag ours, of this generation or of the one before a restart? */
bool hws_ice_has_ufrag(const struct hws_ice *ice, struct hws_bytes ufrag);
const char *hws_ice_ufrag(const struct hws_ice *ice); /**< borrowed until restart or free */
const char *hws_ice_pwd(const struct hws_ice *ice);
bool hws_ice_is_controlling(const struct hws_ice *ice);

/** Say who controls; ignored once a check was sent, from then on conflicts settle it, and for a
 *  lite peer, which never controls (RFC 8445 section 6.1.1). */
void hws_ice_set_controlling(struct hws_ice *ice, bool controlling);

/** Add the address of a socket of ours: a host candidate with itself as base. One that is known
 *  changes nothing; one that comes after HWS_ICE_LOCAL_END is used, but announced only by the next
 *  restart (RFC 8838 section 13).
 *  @retval HWS_ERR_FULL  @retval HWS_ERR_ARGUMENT not reachable (see base/address.h) */
HWS_MUST_USE enum hws_err hws_ice_add_local(struct hws_ice *ice, const struct hws_address *addr,
                                            hws_time now);
/** Ask this STUN server from every local address of its family; a dead one delays nothing.
 *  @retval HWS_ERR_FULL  @retval HWS_ERR_ARGUMENT */
HWS_MUST_USE enum hws_err hws_ice_add_server(struct hws_ice *ice, const struct hws_address *addr,
                                             hws_time now);
/** No more local addresses and servers will be added; HWS_ICE_LOCAL_END follows when all
 *  servers have answered or given up. */
void hws_ice_end_local(struct hws_ice *ice, hws_time now);

/** Credentials of the remote description, copied. Equal ones again change nothing.
 *  @retval HWS_ERR_ARGUMENT  lengths or characters outside RFC 8839 section 5.4
 *  @retval HWS_ERR_STATE     other credentials are set already (restart first) */
HWS_MUST_USE enum hws_err hws_ice_set_remote(struct hws_ice *ice, const char *ufrag,
                                             const char *pwd, bool lite, hws_time now);
/** A remote candidate; duplicates and those of another generation (ufrag) are dropped quietly.
 *  @retval HWS_ERR_FULL         HWS_ICE_REMOTE_MAX are held
 *  @retval HWS_ERR_UNSUPPORTED  an mDNS name without address, or not reachable (base/address.h)
 *  @retval HWS_ERR_MALFORMED    priority 0 (RFC 8445 section 5.1.2) */
HWS_MUST_USE enum hws_err hws_ice_add_remote(struct hws_ice *ice,
                                             const struct hws_candidate *candidate, hws_time now);
/** The peer has no more candidates; one that comes all the same is still taken. */
void hws_ice_end_remote(struct hws_ice *ice, hws_time now);

/** New credentials and a new check list; the selected path carries data until a new one is
 *  selected (RFC 8445 section 2.4). Local addresses are kept and announced again, servers are asked
 *  again, and the end of it all follows. Remote credentials, candidates and their end are
 *  forgotten. The role stays (RFC 8445 section 6.1.1). */
void hws_ice_restart(struct hws_ice *ice, hws_time now);

/** The same for an offer that may be taken back: until hws_ice_set_remote() answers it,
 *  hws_ice_withdraw_restart() brings the generation before back, with its checks.
 *  @retval HWS_ERR_STATE  one is offered already  @retval HWS_ERR_NO_MEMORY */
HWS_MUST_USE enum hws_err hws_ice_offer_restart(struct hws_ice *ice, hws_time now);
void hws_ice_withdraw_restart(struct hws_ice *ice, hws_time now); /**< none offered: no effect */

/** Is no pair of this generation nominated yet, and none given up? */
bool hws_ice_is_searching(const struct hws_ice *ice);

/** Somebody says that the peer is gone: ask it at once, and give the path up when it is silent for
 *  10 s (three consent checks). An answer ends the doubt. Without a path it does nothing. */
void hws_ice_doubt(struct hws_ice *ice, hws_time now);

/** One STUN datagram (first byte 0 to 3).
 *  @retval HWS_ERR_MALFORMED etc. dropped or refused with an error response; the agent is as before
 *          but for its counters. Of class PEER only. */
HWS_MUST_USE enum hws_err hws_ice_feed(struct hws_ice *ice, const struct hws_datagram *in,
                                       hws_time now);
void hws_ice_tick(struct hws_ice *ice, hws_time now);
hws_time hws_ice_deadline(const struct hws_ice *ice);

/** Next datagram to send; borrowed until the next call on the agent. */
bool hws_ice_next_packet(struct hws_ice *ice, struct hws_datagram *out);

enum hws_ice_event_kind {
    HWS_ICE_LOCAL_CANDIDATE, /**< signal it to the other side */
    HWS_ICE_LOCAL_END,       /**< end of local candidates */
    HWS_ICE_SELECTED,  /**< data may flow on hws_ice_path(); again whenever the path changes */
    HWS_ICE_NOMINATED, /**< the selected pair is nominated: the checks are over */
    HWS_ICE_FAILED,    /**< no path was found in time; a restart begins anew */
    HWS_ICE_EXPIRED,   /**< consent is gone: hws_ice_path() is false until a restart */
};

struct hws_ice_event {
    enum hws_ice_event_kind kind;
    struct hws_candidate candidate; /**< with HWS_ICE_LOCAL_CANDIDATE */
};

bool hws_ice_next_event(struct hws_ice *ice, struct hws_ice_event *out);

/** The local candidates that the peer may be told in this generation, with or without their event.
 *  @param[out] out_ended  there will be no more  @return how many were written to @p out */
size_t hws_ice_known(const struct hws_ice *ice, struct hws_candidate *out, size_t cap,
                     bool *out_ended);
/** All of hws_ice_known() is told: no event tells it again. */
void hws_ice_mark_known(struct hws_ice *ice);

/** A path for data: where our packets leave and where they go. */
struct hws_ice_path {
    struct hws_address local, remote;
    enum hws_candidate_type local_type, remote_type;
    bool remote_named; /**< the other side told a name instead of its address: do not show it */
    hws_time rtt;      /**< last measured round trip; 0 = not measured */
};

/** The path that carries data now; false when there is none (yet, or no consent). */
bool hws_ice_path(const struct hws_ice *ice, struct hws_ice_path *out);

/** May a packet that came on this 5-tuple reach DTLS? True for valid pairs only, and for pairs
 *  on which an authenticated check of the peer arrived; false for all once consent is gone. */
bool hws_ice_admits(const struct hws_ice *ice, const struct hws_address *local,
                    const struct hws_address *remote);

/** What became of the pairs; for statistics, logs and "why did it fail". Counters are of all
 *  generations and never go back. */
struct hws_ice_stats {
    size_t local_count, remote_count, pair_count, succeeded_count, failed_count;
    uint64_t checks_sent;          /**< begun */
    uint64_t checks_retransmitted; /**< sent once more */
    uint64_t checks_received;      /**< and answered with success; consent requests included */
    uint64_t responses_sent, refusals_sent, responses_received, consent_sent;
    uint64_t packets_dropped; /**< in all: the reasons below */
    uint64_t dropped_malformed, dropped_integrity, dropped_unexpected, dropped_refused;
    uint64_t dropped_unsent; /**< pushed out of our own queue */
};
void hws_ice_stats(const struct hws_ice *ice, struct hws_ice_stats *out);

/** Fill in up to @p cap pairs of the check list. @return how many there are */
size_t hws_ice_pairs(const struct hws_ice *ice, struct hws_pair_stats *out, size_t cap);
/** The pair of hws_ice_path(), or what is left of it after a restart; false when there is none. */
bool hws_ice_path_stats(const struct hws_ice *ice, struct hws_pair_stats *out);

/** Decision about one Binding request, as a pure function (the rules of RFC 8445 section 7.3). */
enum hws_ice_ruling {
    HWS_ICE_DISCARD, /**< no answer at all */
    HWS_ICE_SUCCEED,
    HWS_ICE_SUCCEED_SWITCH, /**< take the other role, then succeed */
    HWS_ICE_ERROR_400,
    HWS_ICE_ERROR_401,
    HWS_ICE_ERROR_420,
    HWS_ICE_ERROR_487,
};
struct hws_ice_ruler {
    const char *local_ufrag, *local_pwd;
    bool controlling;
    uint64_t tiebreaker;
};
/** Rule on any datagram that claims to be STUN. Of the user name only the half before the colon
 *  decides (RFC 8445 section 7.3); the agent does not act on checks of a foreign second half. */
enum hws_ice_ruling hws_ice_rule(const struct hws_ice_ruler *ruler, struct hws_bytes datagram);

#endif /* HWS_ICE_ICE_H */
