/**
 * @file
 * The channels of one peer, as the files of peer/ see them.
 *
 *     channel.c        life: open, close, abort, resets, the end
 *     channel_table.c  slots, streams and lists
 *     channel_dcep.c   what comes in: DCEP and user messages
 *     channel_send.c   what goes down to SCTP, and when
 *     channel_queue.c  what waits of each channel, and its clock
 *     channel_turns.c  whose turn it is
 *
 *      hws_peer_send() -> a queue per channel -> turns by weight -> SCTP, as far as it takes
 */
#ifndef HWS_PEER_CHANNEL_H
#define HWS_PEER_CHANNEL_H

#include "base/limits.h"
#include "sctp/sctp.h"

#include <hawser/peer.h>

enum {
    HWS_NO_STREAM = 0xFFFF, /* never a stream of a channel (RFC 8832 section 6) */
    HWS_NO_SLOT = 0xFFFF,
    HWS_ASKED_SLOT = 0xFFFE,    /* no slot either: we reset the stream, and wait for theirs */
    HWS_ANSWERED_SLOT = 0xFFFD, /* likewise: they did, and ours is on its way */
    HWS_SLOT_MAX = 0xFFFD,      /* slots are below it */
    HWS_PRIORITY_NORMAL = 256,  /* RFC 8831 section 6.4 */
    HWS_DCEP_OPEN_LEN = 12,     /* bytes before the names (RFC 8832 section 5.1) */
    HWS_DCEP_OPEN_MAX = HWS_DCEP_OPEN_LEN + 2 * HWS_LABEL_MAX,
};

enum hws_channel_state {
    HWS_CHANNEL_FREE,
    HWS_CHANNEL_NEW,      /**< ours; there is no association yet */
    HWS_CHANNEL_OPENING,  /**< OPEN sent or owed, no ACK yet; negotiated: not up yet */
    HWS_CHANNEL_OPENED,   /**< messages both ways */
    HWS_CHANNEL_DRAINING, /**< closing, but messages of it still wait */
    HWS_CHANNEL_CLOSING,  /**< our reset is asked for */
    HWS_CHANNEL_ENDED,    /**< gone; only its CLOSED event is still to be told */
};

enum { /* what is still to be told of a channel; told in this order */
       HWS_TELL_INCOMING = 1,
       HWS_TELL_OPEN = 2,
       HWS_TELL_LOW = 4,
       HWS_TELL_WRITABLE = 8,
       HWS_TELL_CLOSED = 16,
};

/** Lists that a channel can be on, each at most once. A slot that ends stays on its lists and is
 *  passed over when its turn comes, so taking one out of the middle is never needed. */
enum hws_slot_list_kind {
    HWS_LIST_FREE, /**< slots without a channel, longest unused first: old handles stay harmless */
    HWS_LIST_TOLD, /**< something is to be told */
    HWS_LIST_OWED, /**< its OPEN or ACK is to be sent */
    HWS_LIST_COUNT,
};

struct hws_slot_list {
    uint16_t head, tail; /**< HWS_NO_SLOT when empty */
};

/** One message that waits. */
struct hws_waiting {
    struct hws_waiting *next;
    enum hws_message_kind kind;
    hws_time dead_at; /**< dropped from then on; HWS_NEVER = it waits as long as it takes */
    size_t len;
    uint8_t data[];
};

/** Of one channel, or of all of them; see struct hws_channel_stats. */
struct hws_channel_counts {
    uint64_t messages_sent, messages_received, bytes_sent, bytes_received, expired;
};

struct hws_peer_channel {
    enum hws_channel_state state;
    uint16_t generation;
    uint16_t stream; /**< HWS_NO_STREAM until the DTLS role is known */
    uint8_t tell;    /**< HWS_TELL_ bits */
    uint8_t listed;  /**< a bit for each list it is on */
    uint16_t next[HWS_LIST_COUNT];

    bool unordered, negotiated, incoming;
    bool acked;    /**< both sides know of it: unordered messages may overtake */
    bool owe_open; /**< our OPEN is not sent yet */
    bool owe_ack;  /**< likewise the ACK */
    bool reset_sent, reset_received;
    enum hws_reliability reliability;
    uint32_t reliability_value;
    uint16_t priority; /**< never 0 */
    uint16_t label_len, protocol_len;
    char *names; /**< owned: the label, the protocol behind it */

    struct hws_waiting *head, *tail; /**< owned, in order */
    size_t waiting_count, waiting_bytes;
    size_t low;     /**< hws_peer_set_buffer_low() */
    bool blocked;   /**< a message was refused: tell WRITABLE */
    size_t refused; /**< how long it was */
    uint64_t pass;  /**< the virtual time at which its next message may go */
    uint16_t turn;  /**< its place among those whose turn may come; HWS_NO_SLOT = not there */
    struct hws_channel_counts counts;
};

struct hws_channels {
    struct hws_peer_channel *slots; /**< owned; grows, so pointers end with hws_channel_claim() */
    uint16_t slot_count, slot_cap;  /**< ever used; there is memory for */
    uint16_t *slot_of_stream;       /**< owned; a slot, or one of the above */
    size_t stream_cap;              /**< streams beyond it are free */
    uint16_t first_free[2];         /**< no stream of this parity below it is free */
    uint16_t numbered[2];           /**< the next of this parity to be tried first */
    struct hws_slot_list lists[HWS_LIST_COUNT];
    size_t name_bytes; /**< labels and protocols of all */

    uint16_t *turns; /**< owned, slot_cap of them: a heap of slots by pass */
    uint16_t turn_count;
    uint64_t virtual_now;

    size_t waiting_count, waiting_bytes; /**< of all */
    hws_time next_death;                 /**< no message that waits dies before; HWS_NEVER */
    bool full;                           /**< SCTP refused something: it says when there is room */
    bool retry;         /**< something could not be sent, though there was room: try again */
    bool total_blocked; /**< some channel was refused for what all of them hold */

    uint32_t opens_left; /**< incoming OPENs that may be taken now */
    hws_time opens_since;
    bool holds_open; /**< an OPEN came too soon: it and all behind it wait in SCTP */
    struct hws_sctp_event held;
};

struct hws_peer;

/* ---- channel_table.c */

void hws_channels_init(struct hws_peer *peer);
void hws_channels_fini(struct hws_peer *peer);
struct hws_channel hws_channel_handle(const struct hws_peer *peer,
                                      const struct hws_peer_channel *channel);
/** The channel of a handle; NULL when it is gone. */
struct hws_peer_channel *hws_channel_find(const struct hws_peer *peer, struct hws_channel handle);
/** The channel on a stream; NULL when the stream is free. */
struct hws_peer_channel *hws_channel_on(const struct hws_peer *peer, uint16_t stream);
/** A slot with its names, in state FREE until the caller says otherwise. All pointers to channels
 *  end. @retval HWS_ERR_FULL  the table, or the room for names @retval HWS_ERR_NO_MEMORY */
HWS_MUST_USE enum hws_err hws_channel_claim(struct hws_peer *peer, struct hws_bytes label,
                                            struct hws_bytes protocol,
                                            struct hws_peer_channel **out);
/** The slot is free again. */
void hws_channel_release(struct hws_peer *peer, struct hws_peer_channel *channel);
/** Give it this stream, which is free. @retval HWS_ERR_NO_MEMORY */
HWS_MUST_USE enum hws_err hws_channel_bind(struct hws_peer *peer, struct hws_peer_channel *channel,
                                           uint16_t stream);
void hws_channel_unbind(struct hws_peer *peer, struct hws_peer_channel *channel);
/** The lowest free stream of our parity. @retval HWS_ERR_FULL @retval HWS_ERR_NO_MEMORY */
HWS_MUST_USE enum hws_err hws_channel_number(struct hws_peer *peer,
                                             struct hws_peer_channel *channel);
/** Keep a free stream that is being reset from new channels of ours, with HWS_ASKED_SLOT or
 *  HWS_ANSWERED_SLOT; false when it is not free. An OPEN of the other side may take it. */
bool hws_stream_mark(struct hws_peer *peer, uint16_t stream, uint16_t mark);
/** It is free again; false when it has no such mark. */
bool hws_stream_unmark(struct hws_peer *peer, uint16_t stream, uint16_t mark);
/** How many streams can be used, as far as we know by now. */
uint16_t hws_channel_streams(const struct hws_peer *peer);

void hws_slot_push(struct hws_peer *peer, enum hws_slot_list_kind kind,
                   struct hws_peer_channel *channel);
/** The first of the list, taken off it; NULL when it is empty. */
struct hws_peer_channel *hws_slot_pop(struct hws_peer *peer, enum hws_slot_list_kind kind);
void hws_channel_tell(struct hws_peer *peer, struct hws_peer_channel *channel, uint8_t what);

/* ---- channel_queue.c */

/** Copy a message in. @retval HWS_ERR_FULL @retval HWS_ERR_NO_MEMORY */
HWS_MUST_USE enum hws_err hws_channel_push(struct hws_peer *peer, struct hws_peer_channel *channel,
                                           enum hws_message_kind kind, struct hws_bytes message,
                                           hws_time now);
/** The first message is sent, or dead. */
void hws_channel_pop(struct hws_peer *peer, struct hws_peer_channel *channel);
/** Drop all that waits. */
void hws_channel_clear(struct hws_peer *peer, struct hws_peer_channel *channel);
/** Drop what has died; it is cheap as long as nothing has. */
void hws_channels_bury(struct hws_peer *peer, hws_time now);
/** Tell those WRITABLE that were refused because of what all channels hold, if there is room. */
void hws_channels_unblock(struct hws_peer *peer);

/* ---- channel_turns.c: weighted fair queueing by bytes */

/** Its queue is not empty and may be sent: it takes its place. */
void hws_turns_join(struct hws_peer *peer, struct hws_peer_channel *channel);
void hws_turns_leave(struct hws_peer *peer, struct hws_peer_channel *channel);
/** Whose turn it is; NULL when nobody waits. */
struct hws_peer_channel *hws_turns_first(const struct hws_peer *peer);
/** It has sent @p len bytes, in its turn or without waiting. */
void hws_turns_charge(struct hws_peer *peer, struct hws_peer_channel *channel, size_t len);

/* ---- channel_send.c */

/** Send what is owed and what waits, as far as the association takes it. */
void hws_channels_flush(struct hws_peer *peer, hws_time now);
/** There is room, or the association is new: number and announce our channels, send what waits. */
void hws_channels_writable(struct hws_peer *peer, hws_time now);
/** Send its OPEN or its ACK, or see to it that it is sent later; then it takes its turn. */
void hws_channel_settle(struct hws_peer *peer, struct hws_peer_channel *channel, hws_time now);
/** Take a place among the turns, if it has something to send and may. */
void hws_channel_ready(struct hws_peer *peer, struct hws_peer_channel *channel);

/* ---- channel_dcep.c */

/** One message of SCTP. True: it is a user message, and the inbound fields are set. */
bool hws_channels_message(struct hws_peer *peer, const struct hws_sctp_event *event, hws_time now);
/** When the OPEN that is held back may be taken; HWS_NEVER = there is none. */
hws_time hws_channels_open_due(const struct hws_peer *peer);
/** The channel is open now. */
void hws_channel_opened(struct hws_peer *peer, struct hws_peer_channel *channel, hws_time now);

/* ---- channel.c */

/** It is gone, on both sides or before the other side knew of it. */
void hws_channel_end(struct hws_peer *peer, struct hws_peer_channel *channel);
/** What waits is dropped, and our side of the stream is reset. */
void hws_channel_reset(struct hws_peer *peer, struct hws_peer_channel *channel, hws_time now);
/** Reset our side of a stream that has no channel. */
void hws_channels_refuse(struct hws_peer *peer, uint16_t stream, hws_time now);
/** If it is draining and has nothing left to send, its reset begins. */
void hws_channel_drained(struct hws_peer *peer, struct hws_peer_channel *channel, hws_time now);
/** The association is up, maybe with fewer streams than we asked for: channels beyond them end,
 *  negotiated ones are open. */
void hws_channels_up(struct hws_peer *peer, hws_time now);
void hws_channels_reset_received(struct hws_peer *peer, uint16_t stream, hws_time now);
void hws_channels_reset_sent(struct hws_peer *peer, uint16_t stream);
/** The peer is over: nothing is sent any more. */
void hws_channels_stop(struct hws_peer *peer);
/** All that had come in is told: every channel ends. */
void hws_channels_end(struct hws_peer *peer);
/** The next untold fact about a channel. */
bool hws_channels_next_event(struct hws_peer *peer, struct hws_event *out);

#endif /* HWS_PEER_CHANNEL_H */
