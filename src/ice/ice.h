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
    /** Lite, for an agent that everybody can reach (RFC 8445 section 2.5): host candidates only, no
     *  checks of its own, never controlling. The controlling peer chooses the path. */
    bool lite;
    /* Of the times below, more than a day counts as a day. */
    hws_time pacing; /**< Ta between new checks; 0 = default 20 ms, floor 5 ms */
    /** 0 = 5 s; spread by 0.8 to 1.2, but never under 4 s (RFC 7675 section 5.1). */
    hws_time consent_period;
    hws_time consent_expiry; /**< silence after which the path is dead; 0 = 30 s */
    /** Patience with one check, and before HWS_ICE_FAILED when both sides have ended their
     *  candidates; twice that when one has not. 0 = 39.5 s (RFC 8863 section 4). */
    hws_time fail_after;
    /** Only relayed candidates: no address of ours is told, and none of them is checked or
     *  answered on. */
    bool relay_only;
    bool tcp; /**< TCP candidates too (RFC 6544 section 4), if TCP addresses are added */
};

/** What we make. Four characters would do (RFC 8839 section 5.4), but of a thousand peers on one
 *  UDP port, which only these tell apart, two would then have the same every thirty starts. */
enum { HWS_ICE_UFRAG_LEN = 8, HWS_ICE_PWD_LEN = 24 };

/** @retval HWS_ERR_NO_MEMORY
 *  @retval HWS_ERR_ARGUMENT  a negative time, no source of randomness, or lite and relay-only */
HWS_MUST_USE enum hws_err hws_ice_new(const struct hws_ice_config *config, struct hws_ice **out);
void hws_ice_free(struct hws_ice *ice); /**< accepts NULL */

/** The ufrag of the agent that a check is for, unproven; false: it is no check. Borrows. */
bool hws_ice_ufrag_of_check(struct hws_bytes datagram, struct hws_bytes *out);
/** Is @p ufrag ours, of this generation or of the one before a restart? */
bool hws_ice_has_ufrag(const struct hws_ice *ice, struct hws_bytes ufrag);
const char *hws_ice_ufrag(const struct hws_ice *ice); /**< borrowed until restart or free */
const char *hws_ice_pwd(const struct hws_ice *ice);
bool hws_ice_is_controlling(const struct hws_ice *ice);

/** Both sides understand that the later of two nominations wins (draft-thatcher-ice-renomination):
 *  each nomination of ours has a higher number than the one before, and of the peer's the highest
 *  counts, whatever the priorities. A new generation begins without. */
void hws_ice_allow_renomination(struct hws_ice *ice, bool allowed);

/** Say who controls; ignored once a check was sent, from then on conflicts settle it, and for a
 *  lite peer, which never controls (RFC 8445 section 6.1.1). */
void hws_ice_set_controlling(struct hws_ice *ice, bool controlling);

/** Add the address of a socket of ours: a host candidate with itself as base. One that is known
 *  changes nothing; one that comes after HWS_ICE_LOCAL_END is used, but announced only by the next
 *  restart (RFC 8838 section 13). One of TCP is a passive candidate, with port 9 an active one.
 *  @retval HWS_ERR_FULL
 *  @retval HWS_ERR_ARGUMENT  not reachable (see base/address.h), or TCP that was not asked for */
HWS_MUST_USE enum hws_err hws_ice_add_local(struct hws_ice *ice, const struct hws_address *addr,
                                            hws_time now);
/** A socket of ours is gone: so are its candidates and pairs, and the peer is not told. When the
 *  path in use was on it, data moves to another pair that works; without one HWS_ICE_EXPIRED comes,
 *  and the search goes on with the addresses that are left or come. Unknown ones are left alone. */
void hws_ice_remove_local(struct hws_ice *ice, const struct hws_address *addr, hws_time now);
/** Ask this STUN server from every local address of its family; a dead one delays nothing. A lite
 *  agent asks nobody.
 *  @retval HWS_ERR_FULL  @retval HWS_ERR_ARGUMENT */
HWS_MUST_USE enum hws_err hws_ice_add_server(struct hws_ice *ice, const struct hws_address *addr,
                                             hws_time now);
/** Ask this TURN server for a relayed address, from every local address that reaches it; all is
 *  copied. A dead or refusing one delays nothing.
 *  @retval HWS_ERR_FULL  @retval HWS_ERR_NO_MEMORY  @retval HWS_ERR_TOO_BIG a text
 *  @retval HWS_ERR_ARGUMENT  not reachable, or a stream without our end of it */
HWS_MUST_USE enum hws_err hws_ice_add_turn(struct hws_ice *ice,
                                           const struct hws_turn_server *server, hws_time now);
/** No more local addresses and servers will be added; HWS_ICE_LOCAL_END follows when all
 *  servers have answered or given up. */
void hws_ice_end_local(struct hws_ice *ice, hws_time now);

/** What hws_ice_set_remote() brings next is an offer: the peer has our half later than we have its
 *  half, and nothing is nominated before it does, or a second has passed. */
void hws_ice_answers(struct hws_ice *ice);
/** Credentials of the remote description, copied. Equal ones again change nothing.
 *  @retval HWS_ERR_ARGUMENT  lengths or characters outside RFC 8839 section 5.4
 *  @retval HWS_ERR_STATE     other credentials are set already (restart first)
 *  @retval HWS_ERR_UNSUPPORTED  both are lite: nobody would check */
HWS_MUST_USE enum hws_err hws_ice_set_remote(struct hws_ice *ice, const char *ufrag,
                                             const char *pwd, bool lite, hws_time now);
/** May a pair come of it? Not of TCP that nobody asked for, and of TCP only where the other side
 *  waits for connections (RFC 6544 section 6.2): who makes them shows itself by its checks. */
bool hws_ice_wants(const struct hws_ice *ice, const struct hws_candidate *candidate);
/** A remote candidate; duplicates, unwanted ones and those of another generation (ufrag) are
 *  dropped quietly.
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

/** The program's connection to a TURN server, @p local its own end, is over. */
void hws_ice_turn_gone(struct hws_ice *ice, const struct hws_address *server,
                       const struct hws_address *local, hws_time now);
/** Is this connection of ICE-TCP in use, or may it be? @p local as in the datagrams. */
bool hws_ice_needs_stream(const struct hws_ice *ice, const struct hws_address *local,
                          const struct hws_address *remote);
/** It is over, or could not be made. */
void hws_ice_stream_gone(struct hws_ice *ice, const struct hws_address *local,
                         const struct hws_address *remote, hws_time now);
/** It is over: give relayed addresses back to their servers. */
void hws_ice_close(struct hws_ice *ice, hws_time now);

enum hws_ice_origin {
    HWS_ICE_DIRECT,   /**< from a peer or a STUN server, as it is */
    HWS_ICE_RELAYED,  /**< a TURN server relays what is in @p out now */
    HWS_ICE_CONSUMED, /**< a TURN server had something to say to us */
};

/** Look at a datagram before anything else does. What is relayed is unwrapped, and comes from its
 *  peer to our relayed address; @p out borrows @p in and is written only then. */
enum hws_ice_origin hws_ice_unwrap(struct hws_ice *ice, const struct hws_datagram *in,
                                   struct hws_datagram *out, hws_time now);
/** Nothing comes back on the path in use: ask it at once. When it does not answer, all pairs are
 *  checked, data moves to the best that answers, and the controlling side nominates that one. */
void hws_ice_suspect(struct hws_ice *ice, hws_time now);

/** When a restart is due because the path is gone or silent and no pair of this generation took its
 *  place; HWS_NEVER: it is not. */
hws_time hws_ice_restart_due(const struct hws_ice *ice);

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
    HWS_ICE_SELECTED,      /**< data may flow on hws_ice_path(); again whenever the path changes */
    HWS_ICE_NOMINATED,     /**< the selected pair is nominated: the checks are over */
    HWS_ICE_FAILED,        /**< no path was found in time; a restart begins anew */
    HWS_ICE_SERVER_FAILED, /**< a STUN or TURN server is of no use: @c fault; all goes on */
    HWS_ICE_EXPIRED,       /**< consent is gone: hws_ice_path() is false until a restart */
};

struct hws_ice_event {
    enum hws_ice_event_kind kind;
    struct hws_candidate candidate; /**< with HWS_ICE_LOCAL_CANDIDATE */
    /* With HWS_ICE_SERVER_FAILED: */
    struct hws_address server;
    const char *url;        /**< as given; NULL or empty for none; borrowed until free */
    struct hws_fault fault; /**< @c foreign is the code of the server's error response, or 0 */
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
    hws_time rto;      /**< when a first packet on it is to be sent again; never 0 */
};

/** The path that carries data now; false when there is none (yet, or no consent). */
bool hws_ice_path(const struct hws_ice *ice, struct hws_ice_path *out);

/** The path that HWS_ICE_EXPIRED was about; false when there was none. */
bool hws_ice_lost_path(const struct hws_ice *ice, struct hws_ice_path *out);
enum { HWS_ICE_WRAPPED_MAX = HWS_DATAGRAM_OUT_MAX };

/** Make of @p bytes the datagram that carries them on the path in use. @p out borrows @p bytes, or
 *  @p buffer when the path is relayed. False when there is no path, or its server is gone.
 *  @param[in] buffer  HWS_ICE_WRAPPED_MAX bytes; may be NULL unless hws_ice_is_relayed() */
bool hws_ice_wrap(const struct hws_ice *ice, struct hws_bytes bytes, uint8_t *buffer,
                  struct hws_datagram *out);
bool hws_ice_is_relayed(const struct hws_ice *ice); /**< the path in use needs a buffer */

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
    bool lite; /**< controlled for ever */
    uint64_t tiebreaker;
};
/** Rule on any datagram that claims to be STUN. Of the user name only the half before the colon
 *  decides (RFC 8445 section 7.3); the agent does not act on checks of a foreign second half. */
enum hws_ice_ruling hws_ice_rule(const struct hws_ice_ruler *ruler, struct hws_bytes datagram);

#endif /* HWS_ICE_ICE_H */
