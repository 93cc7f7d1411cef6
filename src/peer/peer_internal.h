/**
 * @file
 * What the files of peer/ share: the peer object and the seams between them.
 *
 *     peer.c      life, inputs, outputs, questions        describe.c  descriptions in and out
 *     pump.c      moves bytes between ice, dtls and sctp   channel.c   channels and DCEP
 *     outbox.c    messages that wait for the association   relay.c     TURN servers
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
#include "sctp/sctp.h"

#include <hawser/peer.h>

#define HWS_PAST INT64_MIN /* a deadline that is due: tick at once */

enum {
    /* DTLS may come before the answer tells us who the peer is: a whole first flight is kept
     * (two datagrams with a post-quantum share), and then some. */
    HWS_EARLY_QUEUE = 8,
    HWS_WRAP_BATCH = 16,     /* datagrams for a relay that are lent at a time */
    HWS_SERVER_REPORTS = 16, /* failed servers that wait to be told of */
    /* Labels of all channels together: names, not storage. */
    HWS_LABEL_TOTAL_MAX = 1024 * 1024,
};

/* ---- outbox.c */

/** One message that waits until the association takes it. */
struct hws_outbox_item;

/** First in, first out, bounded by bytes. All zero with a limit is empty. */
struct hws_outbox {
    struct hws_outbox_item *head, *tail;
    size_t bytes; /**< of all messages held, each counted as one byte at least */
    size_t limit;
};

struct hws_outbox_item {
    struct hws_outbox_item *next;
    struct hws_channel channel;
    enum hws_message_kind kind;
    size_t len;
    uint8_t data[];
};

/** Copy a message in. @retval HWS_ERR_FULL @retval HWS_ERR_NO_MEMORY */
HWS_MUST_USE enum hws_err hws_outbox_push(struct hws_outbox *box, struct hws_channel channel,
                                          enum hws_message_kind kind, struct hws_bytes message);
void hws_outbox_drop_first(struct hws_outbox *box);
void hws_outbox_fini(struct hws_outbox *box);
/** Does a message of this channel wait? */
bool hws_outbox_has(const struct hws_outbox *box, struct hws_channel channel);

/* ---- channel.c */

enum hws_channel_state {
    HWS_CHANNEL_FREE,
    HWS_CHANNEL_NEW,     /**< ours; the association does not know it yet */
    HWS_CHANNEL_OPENING, /**< OPEN sent, no ACK yet */
    HWS_CHANNEL_OPENED,
    HWS_CHANNEL_DRAINING, /**< closing, but messages of it still wait in the outbox */
    HWS_CHANNEL_CLOSING,  /**< our reset is asked for */
    HWS_CHANNEL_ENDED,    /**< gone; only its CLOSED event is still to be told */
};

enum { /* what is still to be told of a channel; told in this order */
       HWS_TELL_INCOMING = 1,
       HWS_TELL_OPEN = 2,
       HWS_TELL_WRITABLE = 4,
       HWS_TELL_CLOSED = 8,
};

enum { HWS_NO_STREAM = 0xFFFF }; /* never a stream of a channel (RFC 8832 section 6) */

struct hws_peer_channel {
    enum hws_channel_state state;
    uint16_t generation;
    uint16_t stream; /**< HWS_NO_STREAM until the DTLS role is known */
    uint8_t tell;    /**< HWS_TELL_ bits */
    bool unordered;
    bool acked;    /**< both sides know of it: unordered messages may overtake */
    bool owe_open; /**< our OPEN did not fit yet */
    bool owe_ack;  /**< likewise the ACK */
    bool blocked;  /**< a send was refused: tell WRITABLE */
    bool reset_sent, reset_received;
    enum hws_reliability reliability;
    uint32_t reliability_value;
    uint16_t label_len;
    char *label; /**< owned; NUL-terminated beyond label_len */
};

/* ---- the peer */

/** A signal that waits to be sent; its text follows the struct. */
struct hws_signal_item {
    struct hws_signal_item *next;
    enum hws_signal_kind kind;
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
};

struct hws_server_report; /* relay.c */

struct hws_peer {
    struct hws_peer_config config;
    enum hws_peer_state state;
    bool offerer;
    bool local_ended; /**< hws_peer_end_local() was called */

    struct hws_neg *neg;
    struct hws_ice *ice;
    struct hws_dtls *dtls; /**< from the first valid pair on */
    struct hws_sctp *sctp; /**< from DTLS connected on */
    enum hws_dtls_role dtls_role;
    struct hws_remote remote;
    uint64_t session_id, session_version; /**< of our descriptions */

    /* Candidates known before our description was written: they go into it. */
    struct hws_candidate *early_candidates; /**< owned; freed when written */
    size_t early_candidate_count;
    bool early_end;
    bool described_once;   /**< our first description is out: candidates are trickled */
    struct hws_ring early; /**< DTLS datagrams from before there was a DTLS association */

    struct hws_signal_item *signals, *signals_tail, *signal_out; /**< owned; out is lent */

    struct hws_peer_channel *channels; /**< owned, channel_cap of them */
    uint16_t channel_cap;
    uint16_t *slot_of_stream; /**< owned, channel_cap of them; HWS_NO_STREAM = none */
    size_t label_bytes;
    bool untold_channels; /**< some channel may have a HWS_TELL_ bit */
    struct hws_outbox outbox;
    bool owes;             /**< something could not be sent, though there was room: try again */
    bool association_full; /**< SCTP refused something: HWS_SCTP_WRITABLE will come */

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

/* describe.c */
enum hws_err hws_peer_take_description(struct hws_peer *peer, enum hws_sdp_type type,
                                       struct hws_bytes text, hws_time now);
enum hws_err hws_peer_take_candidate(struct hws_peer *peer, const struct hws_signal *in,
                                     hws_time now);
enum hws_err hws_peer_write_offer(struct hws_peer *peer, hws_time now);
/** A local candidate, or their end (NULL): into the description to come, or signalled.
 *  @retval HWS_ERR_NO_MEMORY */
HWS_MUST_USE enum hws_err hws_peer_local_candidate(struct hws_peer *peer,
                                                   const struct hws_candidate *candidate);

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

/* channel.c */
HWS_MUST_USE enum hws_err hws_channels_init(struct hws_peer *peer);
void hws_channels_fini(struct hws_peer *peer);
/** The association is up, maybe with fewer streams than we asked for: channels beyond them end. */
void hws_channels_up(struct hws_peer *peer);
/** Send what is owed and what waits, as far as the association takes it. */
void hws_channels_flush(struct hws_peer *peer, hws_time now);
/** One message of SCTP. True: it is a user message, and the inbound fields are set. */
bool hws_channels_message(struct hws_peer *peer, const struct hws_sctp_event *event, hws_time now);
void hws_channels_reset_received(struct hws_peer *peer, uint16_t stream, hws_time now);
void hws_channels_reset_sent(struct hws_peer *peer, uint16_t stream);
/** There is room, or the association is new: number and announce our channels, send what waits. */
void hws_channels_writable(struct hws_peer *peer, hws_time now);
/** The peer is over: every channel ends. */
void hws_channels_end(struct hws_peer *peer);
/** The next untold fact about a channel. */
bool hws_channels_next_event(struct hws_peer *peer, struct hws_event *out);

#endif /* HWS_PEER_PEER_INTERNAL_H */
