/**
 * @file
 * What the files of peer/ share: the peer object and the seams between them.
 *
 *     peer.c      life, inputs, outputs, questions         describe.c  what the other side says
 *     pump.c      moves bytes between ice, dtls and sctp   offer.c     what we say; our offers
 *     channel*.c  channels: see channel.h
 *     stats.c     counters, and the tap
 *     names.c     candidates behind names of multicast DNS
 *     relay.c     TURN servers
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
#include <hawser/stats.h>

#define HWS_PAST INT64_MIN /* a deadline that is due: tick at once */

enum {
    /* DTLS may come before the answer tells us who the peer is: a whole first flight is kept
     * (two datagrams with a post-quantum share), and then some. */
    HWS_EARLY_QUEUE = 8,
    HWS_WRAP_BATCH = 16,     /* datagrams for a relay that are lent at a time */
    HWS_SERVER_REPORTS = 16, /* failed servers that wait to be told of */
};

/* ---- names.c */

enum {
    HWS_NAME_WAITING_MAX = 16, /* browsers send one name an interface and family */
    HWS_HIDDEN_MAX = 16,       /* addresses of ours that are told as names */
};

struct hws_peer_name;

/** One of our addresses, and the name that is told in its place. */
struct hws_hidden {
    struct hws_address addr; /**< its port is not looked at */
    char name[HWS_MDNS_NAME_MAX];
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

enum { HWS_PEER_FAULT_MAX = 512 }; /* bytes of the sentence of a fault, with its NUL */

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
    bool renomination; /**< it understands it */
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

/** What only the peer itself sees of what struct hws_peer_stats tells. */
struct hws_peer_counts {
    uint64_t datagrams_sent, datagrams_received, bytes_sent, bytes_received;
    uint64_t dropped_format, dropped_stranger, dropped_closed;
    uint64_t channels_opened, channels_accepted, channels_refused, channels_closed;
    struct hws_channel_counts channels;
    hws_time dtls_started;
    struct hws_sctp_stats sctp; /**< of the association that is over */
};

struct hws_server_report; /* relay.c */

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
    bool offered_restart;      /**< our offer under way is one of an ICE restart */
    bool trickling;            /**< our first description is out: candidates follow by themselves */
    bool pathless;             /**< consent is gone while the search for another path is on */
    hws_time unanswered_since; /**< when what we sent began to get no answer; 0 = it gets one */
    struct hws_peer_name *names; /**< owned, HWS_NAME_WAITING_MAX of them or NULL */
    bool untold_names;           /**< some name may not have been told yet */
    bool end_waits;              /**< the end of remote candidates came, but names still wait */
    struct hws_hidden hidden[HWS_HIDDEN_MAX];
    size_t hidden_count;
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

    uint8_t (*wrapped)[HWS_ICE_WRAPPED_MAX]; /**< owned, HWS_WRAP_BATCH of them; lent to sockets */
    struct hws_server_report *reports, *report_out; /**< owned; out is lent */
    bool relays_released;
    hws_time closed_at; /**< when the state became CLOSED */

    bool tell_path, tell_connected, tell_closed;
    bool ended;                /**< closed, and all that had been received is told */
    hws_time connect_deadline; /**< of what goes on: see hws_peer_limit_due() */
    hws_time answer_deadline, open_deadline;
    hws_time moved_at; /**< last input: when what is taken from us now was made */
    struct hws_timeline timeline;
    struct hws_peer_counts counts;
    struct hws_fault fault;
    enum hws_cause cause; /**< once closed */
    char fault_text[HWS_PEER_FAULT_MAX];
};

/** What hws_peer_end() leads to: the state, and all that ends with it. */
void hws_peer_shut(struct hws_peer *peer, struct hws_fault fault, const char *detail, hws_time now);
/** Tell the other side, as far as there is one that can be told. */
void hws_peer_say_goodbye(struct hws_peer *peer, hws_time now);

/* cause.c */
/** End the peer with a fault of a layer; the first one stands. HWS_OK = closed by us. */
void hws_peer_fail(struct hws_peer *peer, struct hws_fault fault, hws_time now);
/** The same with the cause in words of ours. */
void hws_peer_end(struct hws_peer *peer, enum hws_cause cause, struct hws_fault fault,
                  hws_time now);
/** Our offer is out: it is answered within the limit. */
void hws_peer_limit_answer(struct hws_peer *peer, hws_time now);
/** The peer is connected: there is a channel within the limit, if one is set. */
void hws_peer_limit_opening(struct hws_peer *peer, hws_time now);
/** When the time of what goes on is up; HWS_NEVER while nothing is waited for. */
hws_time hws_peer_limit_due(const struct hws_peer *peer);
void hws_peer_check_limits(struct hws_peer *peer, hws_time now); /**< end what took too long */
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
/** Give way to an offer of the other side: ours, if there is one, is taken back. True when it was
 *  one of an ICE restart, which is owed then. */
bool hws_peer_give_way(struct hws_peer *peer, hws_time now);
/** Note that @p input is refused in this state of the negotiation. @return HWS_ERR_STATE */
enum hws_err hws_peer_refuse(struct hws_peer *peer, enum hws_neg_input input);
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

/* stats.c */
/** A UDP payload went out or came in. */
void hws_peer_saw_datagram(struct hws_peer *peer, bool sent, const struct hws_datagram *datagram,
                           hws_time now);
/** An SCTP packet in clear is about to be encrypted, or was decrypted. */
void hws_peer_saw_packet(struct hws_peer *peer, bool sent, struct hws_bytes packet, hws_time now);
/** A message was taken from the program, or handed to it. */
void hws_peer_saw_message(struct hws_peer *peer, bool sent, struct hws_channel channel, size_t len);
/* names.c */
/** Keep a remote candidate until its name is looked up. @retval HWS_ERR_FULL
 *  @retval HWS_ERR_NO_MEMORY */
HWS_MUST_USE enum hws_err hws_names_keep(struct hws_peer *peer,
                                         const struct hws_candidate *candidate);
/** The other side is of a new generation: what waits of others is let go. */
void hws_names_restart(struct hws_peer *peer, const char *ufrag);
/** The other side has no more candidates; ICE hears it once no name waits any more. */
void hws_names_end_remote(struct hws_peer *peer, hws_time now);
/** Replace what shows an address that is to be hidden. */
void hws_names_hide(const struct hws_peer *peer, struct hws_candidate *candidate);

/* pump.c */
void hws_peer_pump(struct hws_peer *peer, hws_time now);
enum hws_err hws_peer_feed_dtls(struct hws_peer *peer, const struct hws_datagram *in, hws_time now);
/** Take SCTP events until one is a user message, which becomes peer->inbound. */
void hws_peer_pull_sctp(struct hws_peer *peer, hws_time now);

/* relay.c */
/** Let a TURN server's wrapping be taken off @p in; false when there is nothing left in it. */
bool hws_peer_unwrap(struct hws_peer *peer, const struct hws_datagram **in,
                     struct hws_datagram *inner, hws_time now);
/** The n-th record of a batch as a datagram on the path in use; false when there is none. */
bool hws_peer_wrap(struct hws_peer *peer, struct hws_bytes record, size_t nth,
                   struct hws_datagram *out);
size_t hws_peer_batch(const struct hws_peer *peer, size_t cap); /**< records at a time */
/** The peer is closed and has said all: give relayed addresses back, once. */
void hws_peer_release_relays(struct hws_peer *peer);
void hws_peer_server_failed(struct hws_peer *peer, const struct hws_ice_event *event);
bool hws_peer_next_report(struct hws_peer *peer, struct hws_event *out);
void hws_peer_relay_fini(struct hws_peer *peer);

#endif /* HWS_PEER_PEER_INTERNAL_H */
