/**
 * @file
 * What the files of peer/ share: the peer object and the seams between them.
 *
 *     peer.c      life, inputs, outputs, questions         describe.c  what the other side says
 *     pump.c      moves bytes between ice, dtls and sctp   offer.c     what we say; our offers
 *     channel*.c  channels: see channel.h
 *
 *      signals  <-  describe  <->  ice      datagrams:  ice packets, dtls packets on ice's path
 *                                  dtls  <->  sctp  <->  channel  ->  events
 */
#ifndef HWS_PEER_PEER_INTERNAL_H
#define HWS_PEER_PEER_INTERNAL_H

#include "base/limits.h"
#include "base/log.h"
#include "base/ring.h"
#include "dtls/dtls.h"
#include "fsm/negotiation.h"
#include "ice/ice.h"
#include "peer/channel.h"
#include "sctp/sctp.h"

#include <hawser/peer.h>

#define HWS_PAST INT64_MIN /* a deadline that is due: tick at once */

enum {
    /* DTLS may come before the answer tells us who the peer is: a whole first flight is kept
     * (two datagrams with a post-quantum share), and then some. */
    HWS_EARLY_QUEUE = 8,
};

/* ---- the peer */

/** A signal that waits to be sent; its text follows the struct. */
struct hws_signal_item {
    struct hws_signal_item *next;
    enum hws_signal_kind kind;
    char ufrag[HWS_ICE_UFRAG_LEN + 1]; /**< of the generation in which it was said */
    size_t len;
    char text[];
};

enum hws_peer_state {
    HWS_PEER_REST,      /**< nothing said yet */
    HWS_PEER_DESCRIBED, /**< an offer went out or came in */
    HWS_PEER_CONNECTED, /**< DTLS and SCTP are up */
    HWS_PEER_CLOSED,
};

/** What we keep of the other side's description. */
struct hws_remote {
    bool known;
    struct hws_fingerprint fingerprints[HWS_FINGERPRINT_LIST];
    size_t fingerprint_count;
    uint64_t max_message_size; /**< 0 = any */
    uint16_t sctp_port;
    char mid[HWS_MID_MAX + 1];
    char ufrag[HWS_UFRAG_MAX + 1];
    char pwd[HWS_PWD_MAX + 1];
    char tls_id[HWS_TLS_ID_MAX + 1]; /**< empty when absent */
};

/** The sections of the last remote offer that we answered: our own offers keep them in place. */
struct hws_layout {
    size_t media_count; /**< 0 = none came yet */
    size_t media_index; /**< of the data section */
    enum hws_sdp_proto proto;
    char mid[HWS_MID_MAX + 1];
    struct hws_sdp_media *media; /**< owned, media_count of them; NULL when there is but one */
};

struct hws_peer {
    struct hws_peer_config config;
    enum hws_peer_state state;
    bool local_ended; /**< hws_peer_end_local() was called */

    struct hws_neg *neg;
    struct hws_ice *ice;
    struct hws_dtls *dtls; /**< from the first valid pair on */
    struct hws_sctp *sctp; /**< from DTLS connected on */
    enum hws_dtls_role dtls_role;
    struct hws_remote remote;
    uint64_t session_id, session_version; /**< of our descriptions */

    struct hws_layout layout;
    bool offered_restart;  /**< our offer under way is one of an ICE restart */
    bool trickling;        /**< our first description is out: candidates follow by themselves */
    bool pathless;         /**< consent is gone while a restart still looks for a path */
    struct hws_ring early; /**< DTLS datagrams from before there was a DTLS association */

    struct hws_signal_item *signals, *signals_tail, *signal_out; /**< owned; out is lent */

    struct hws_channels channels;

    struct hws_sctp_event inbound; /**< a user message taken from SCTP, not yet asked for */
    struct hws_channel inbound_channel;
    enum hws_message_kind inbound_kind;
    struct hws_bytes inbound_data;
    bool has_inbound;
    bool paused;    /**< messages are left alone */
    bool want_pump; /**< an output made room for more input: tick at once */

    bool tell_path, tell_connected, tell_closed;
    bool ended; /**< closed, and all that had been received is told */
    hws_time connect_deadline;
    struct hws_timeline timeline;
    struct hws_fault fault;
    char fault_text[256];
};

/** End the peer with a fault; the first one stands. HWS_OK = closed by us. */
void hws_peer_fail(struct hws_peer *peer, struct hws_fault fault, hws_time now);
/** Note a fault without ending the peer. */
void hws_peer_note(struct hws_peer *peer, struct hws_fault fault, const char *detail);

/** From now on the connection must come up, or a path must be found, in connect_limit. */
void hws_peer_limit_connecting(struct hws_peer *peer, hws_time now);

/* describe.c */
enum hws_err hws_peer_take_description(struct hws_peer *peer, enum hws_sdp_type type,
                                       struct hws_bytes text, hws_time now);
enum hws_err hws_peer_take_candidate(struct hws_peer *peer, const struct hws_signal *in,
                                     hws_time now);

/* offer.c */
HWS_MUST_USE enum hws_err hws_peer_write_offer(struct hws_peer *peer, hws_time now);
HWS_MUST_USE enum hws_err hws_peer_write_restart(struct hws_peer *peer, hws_time now);
HWS_MUST_USE enum hws_err hws_peer_withdraw_offer(struct hws_peer *peer, hws_time now);
/** What both our offer and our answer say of ourselves. */
HWS_MUST_USE enum hws_err hws_peer_describe_self(struct hws_peer *peer, struct hws_sdp *sdp);
HWS_MUST_USE enum hws_err hws_peer_queue_description(struct hws_peer *peer,
                                                     enum hws_signal_kind kind,
                                                     const struct hws_sdp *sdp);
/** The description is out: from here on candidates travel by themselves. */
void hws_peer_described(struct hws_peer *peer);
/** A local candidate, or their end (NULL): signalled, or left to the description to come.
 *  @retval HWS_ERR_NO_MEMORY */
HWS_MUST_USE enum hws_err hws_peer_local_candidate(struct hws_peer *peer,
                                                   const struct hws_candidate *candidate);

/* pump.c */
void hws_peer_pump(struct hws_peer *peer, hws_time now);
enum hws_err hws_peer_feed_dtls(struct hws_peer *peer, const struct hws_datagram *in, hws_time now);
/** Take SCTP events until one is a user message, which becomes peer->inbound. */
void hws_peer_pull_sctp(struct hws_peer *peer, hws_time now);

#endif /* HWS_PEER_PEER_INTERNAL_H */
