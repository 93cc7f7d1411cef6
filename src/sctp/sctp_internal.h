/**
 * @file
 * What the files of the home of usrsctp share: the association and the table of them.
 *
 *     usrsctp_stack.c   the one instance, its clock, the table of associations by token
 *     usrsctp_assoc.c   an association: life, packets out, time
 *     usrsctp_feed.c    packets in
 *     usrsctp_send.c    messages out, resets out
 *     usrsctp_room.c    how much usrsctp is given, and in what turns
 *     usrsctp_events.c  messages and notifications in
 *     usrsctp_stats.c   what is counted, and what usrsctp tells of its state
 *
 * usrsctp knows an association by a token, a number that is never used twice in a process: the
 * token is copied into the state cookie and comes back from the wire, so it must not be a pointer
 * (CVE-2020-6514). To find associations quickly usrsctp wants ports that differ, so each has an
 * internal port that stands for both ends; the ports of the descriptions exist on the wire only.
 */
#ifndef HWS_SCTP_INTERNAL_H
#define HWS_SCTP_INTERNAL_H

#include "sctp/packet_queue.h"
#include "sctp/reassembly.h"
#include "sctp/reset_hold.h"
#include "sctp/sctp.h"
#include "sctp/stream_set.h"

struct socket; /* usrsctp's */

/** The usrsctp instance of the process. */
struct hws_sctp_stack {
    hws_time moved_to;              /**< usrsctp's timers have run up to here */
    const struct hws_sctp *acting;  /**< whose call usrsctp is in; NULL outside */
    struct hws_sctp_entry *entries; /**< owned; in the order of their tokens */
    size_t entry_count, entry_cap;
    uint64_t *last_token; /**< of the process: never goes back */
    uint16_t last_port;
    uint8_t port_used[65536 / 8]; /**< one bit a port */
};

struct hws_sctp_entry {
    uint64_t token;
    struct hws_sctp *sctp; /**< borrowed */
};

enum {
    HWS_SCTP_TICK = 10 * 1000,    /* microseconds; usrsctp is made for ticks of 10 ms */
    HWS_SCTP_RESETS_AT_ONCE = 64, /* streams in one request */
    HWS_SCTP_RTO_MIN_MS = 200,    /* a delayed acknowledgement of the other side is no loss */
    HWS_SCTP_RTO_INITIAL_MS = 500,
};

/** Register @p sctp. @retval HWS_ERR_FULL @retval HWS_ERR_NO_MEMORY */
HWS_MUST_USE enum hws_err hws_sctp_stack_add(struct hws_sctp_stack *stack, struct hws_sctp *sctp);
/** Forget it: what usrsctp still sends under its token is dropped. */
void hws_sctp_stack_remove(struct hws_sctp_stack *stack, const struct hws_sctp *sctp);

/** Run usrsctp's timers up to @p now, if a tick has passed since they last ran. */
void hws_sctp_stack_move(struct hws_sctp_stack *stack, hws_time now);

enum hws_sctp_state { HWS_SCTP_REST, HWS_SCTP_CONNECTING, HWS_SCTP_ESTABLISHED, HWS_SCTP_GONE };

/** Bytes of one message as they come in. */
struct hws_sctp_inbox {
    uint8_t *data; /**< owned */
    size_t len, cap;
    bool partial;   /**< the message in it is not complete */
    bool delivered; /**< the message in it was handed out and ends with the next call */
    uint16_t stream;
    uint32_t ppid;
};

/** Messages sent in a row: how many, and their bytes. */
struct hws_sctp_batch {
    size_t message_count, bytes;
};

enum { HWS_SCTP_GIANTS_MAX = 8 };

/** A long message that shares the network with those of other streams (RFC 8260 section 2). */
struct hws_sctp_giant {
    size_t unsent; /**< bytes, at most */
    uint16_t stream;
};

struct hws_sctp {
    struct hws_sctp_stack *stack; /**< borrowed */
    struct hws_sctp_config config;
    enum hws_sctp_state state;
    struct socket *socket; /**< owned by usrsctp; NULL when gone */
    uint64_t token;
    uint16_t port;        /**< internal, both ends */
    uint16_t out_streams; /**< negotiated */

    hws_time last_input;   /**< of feed, tick, send...: for log lines and the quiet time */
    hws_time last_use;     /**< of connect, feed, send, reset */
    hws_time ticked_to;    /**< stack->moved_to when we last looked: others move it too */
    hws_time silent_since; /**< the last packet of the peer, or when we began to want one */
    bool idle;             /**< no timer of ours runs in usrsctp */
    bool stirred;          /**< somebody else's tick made work for us */
    bool readable;         /**< usrsctp has something for recvv */
    size_t unread;         /**< chunks whose messages or news may wait in there, at most */

    struct hws_packet_queue packets;
    struct hws_sctp_stats counters; /**< its counters only; the rest is asked for */
    uint64_t dropped_logged;        /**< of packets that found no room */
    uint32_t sent_tsn;              /**< the newest that went out */
    bool has_sent;
    uint32_t sacked_tsn;           /**< the peer's data is known to have come up to here */
    bool has_sacked;               /**< ... because we have said so */
    uint32_t acked_tsn;            /**< our data is known to have come up to here */
    struct hws_sctp_held held_in;  /**< a reset of the peer that came before its data */
    struct hws_sctp_held held_out; /**< a reset of ours whose data is not acknowledged */
    struct hws_sctp_inbox inbox;
    struct hws_reassembly interleaved; /**< of a peer that sends I-DATA */
    bool interleaving;                 /**< I-DATA was negotiated (RFC 8260 section 2.2.1) */

    struct hws_sctp_batch
        batches[2];     /**< unacknowledged messages: the older ones, the newer ones */
    size_t depth;       /**< bytes that may be unsent before send says that it is full */
    bool depth_is_old;  /**< the congestion window may have moved */
    bool wanted;        /**< a message found no room */
    bool one_by_one;    /**< messages are sent one after the other, see usrsctp_send.c */
    size_t behind_long; /**< bytes handed over since the last message that asks for it */
    size_t unsent;      /**< bytes of messages that have not left yet, at most */
    bool heard;         /**< something came in since */
    struct hws_sctp_giant giants[HWS_SCTP_GIANTS_MAX];
    size_t giant_count;

    struct hws_stream_set reset_wanted;   /**< asked for, not told to usrsctp yet */
    struct hws_stream_set reset_asked;    /**< told to usrsctp, not confirmed */
    struct hws_stream_set reset_sent;     /**< confirmed, to be told */
    struct hws_stream_set reset_received; /**< by the peer, to be told */
    uint8_t reset_refusals;               /**< in a row */

    bool dying;     /**< usrsctp has lost the association; what was received comes first */
    bool shut_down; /**< ... by a SHUTDOWN that both ends finished */
    bool closing;   /**< the peer has begun to shut down */
    bool down_to_tell;
    bool up_to_tell;
    uint16_t abort_cause; /**< of the ABORT that killed it, ours or theirs */
    struct hws_fault fault;
};

/** Bytes queued or in flight as usrsctp counts them, chunk headers included; 0 when not up. */
size_t hws_sctp_used(const struct hws_sctp *sctp);
/** May @p msg be handed to usrsctp, which has @p used bytes? */
bool hws_sctp_may_take(struct hws_sctp *sctp, const struct hws_sctp_message *msg, size_t used);
/** It is about to be. */
void hws_sctp_note_offered(struct hws_sctp *sctp, const struct hws_sctp_message *msg);
/** ... and was refused; nothing of it has left. */
void hws_sctp_note_refused(struct hws_sctp *sctp, const struct hws_sctp_message *msg);
/** ... and was taken; @p used as before. */
void hws_sctp_count_message(struct hws_sctp *sctp, size_t len, size_t used);
/** @p len bytes of a message leave for the first time. */
void hws_sctp_note_piece(struct hws_sctp *sctp, uint16_t stream, size_t len);
/** Is there room again, with some to spare? */
bool hws_sctp_has_room(struct hws_sctp *sctp);
/** Set the turns of usrsctp for what @p msg is. */
void hws_sctp_choose_turns(struct hws_sctp *sctp, const struct hws_sctp_message *msg, size_t used);
/** Streams take turns; or messages go out one after the other, whatever their stream. */
bool hws_sctp_set_one_by_one(struct hws_sctp *sctp, bool one_by_one);
/** Tell usrsctp the resets that wait, if it is up. */
void hws_sctp_flush_resets(struct hws_sctp *sctp);

/** The end: the socket goes, and @p err is what hws_sctp_fault() says from now on. */
void hws_sctp_end(struct hws_sctp *sctp, enum hws_err err, const char *what, int32_t foreign);
void hws_sctp_set_state(struct hws_sctp *sctp, enum hws_sctp_state state);

/** Every input begins with enter and ends with leave: usrsctp's clock is right, and what usrsctp
 *  does in between is known to be ours. */
void hws_sctp_enter(struct hws_sctp *sctp, hws_time now);
void hws_sctp_leave(struct hws_sctp *sctp);
/** Something was done that may start a timer of usrsctp. */
void hws_sctp_touch(struct hws_sctp *sctp, hws_time now);

/** Let go what was held back of resets, if its time has come. */
void hws_sctp_release_resets(struct hws_sctp *sctp);

/** Count what an outgoing packet holds. */
void hws_sctp_note_output(struct hws_sctp *sctp, struct hws_bytes packet);
void hws_sctp_note_drop(struct hws_sctp *sctp, enum hws_err reason);
void hws_sctp_note_input(struct hws_sctp *sctp, struct hws_bytes packet);
/** Chunks that usrsctp may hand up as messages or news. */
size_t hws_sctp_count_chunks(struct hws_bytes packet);
/** Bytes; 0 when there is no association. */
size_t hws_sctp_congestion_window(const struct hws_sctp *sctp);

void hws_sctp_write_port(uint8_t *at, uint16_t port);

/* Called by usrsctp, inside its locks: it may not log, nor call usrsctp. */
int hws_sctp_take_output(struct hws_sctp *sctp, const void *packet, size_t len);

#endif /* HWS_SCTP_INTERNAL_H */
