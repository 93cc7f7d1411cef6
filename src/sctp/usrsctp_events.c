/* What comes in from usrsctp: messages and notifications, read only when asked for.
 *
 * A message stays in usrsctp until next_event reads it, so the window that the peer sees is honest.
 * usrsctp puts its fragments together; one read may take only a piece of it when our buffer is
 * short, and the next read goes on with it: without interleaving (RFC 8260 section 1) there is
 * only one message at a time in pieces. With interleaving usrsctp hands up each piece with a label
 * (idata.h), and reassembly.h puts them together.
 */
#include "base/limits.h"
#include "sctp/sctp_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <usrsctp.h>

enum {
    /* Room before each read. A notification is at most as long as a packet and must fit whole. */
    ROOM_MIN = HWS_DATAGRAM_IN_MAX + 512,
    INBOX_FIRST = 2 * ROOM_MIN,
    REFUSALS_MAX = 8, /* of stream resets, in a row */
};

/* What one read gave. */
enum got { GOT_NOTHING, GOT_NEWS, GOT_MESSAGE };

static bool make_room(struct hws_sctp *sctp)
{
    struct hws_sctp_inbox *inbox = &sctp->inbox;
    size_t most = sctp->config.receive_max + ROOM_MIN;
    size_t cap = inbox->cap == 0 ? INBOX_FIRST : 2 * inbox->cap;
    uint8_t *data;

    if (inbox->cap - inbox->len >= ROOM_MIN) return true;
    if (cap > most && most - inbox->len >= ROOM_MIN) cap = most;
    data = calloc(1, cap);
    if (!data) return false;
    if (inbox->len > 0) memcpy(data, inbox->data, inbox->len);
    free(inbox->data);
    inbox->data = data;
    inbox->cap = cap;
    return true;
}

/* usrsctp has let the association go; @p foreign is the error of its socket. */
static void conclude(struct hws_sctp *sctp, int foreign)
{
    int32_t cause = sctp->abort_cause;

    sctp->readable = false;
    if (sctp->shut_down) {
        hws_sctp_end(sctp, HWS_ERR_CLOSED, "the other side shut the association down", 0);
    } else if (foreign == ECONNREFUSED) {
        hws_sctp_end(sctp, HWS_ERR_REFUSED, "the other side refused the association", cause);
    } else if (foreign == ETIMEDOUT) {
        hws_sctp_end(sctp, HWS_ERR_TIMEOUT, "the handshake was not answered", cause);
    } else if (foreign == ECONNABORTED) {
        hws_sctp_end(sctp, HWS_ERR_MALFORMED, "the other side broke the protocol", cause);
    } else {
        hws_sctp_end(sctp, HWS_ERR_CLOSED, "the other side aborted the association", cause);
    }
}

/* What both support is listed behind the fixed part (RFC 6458 section 6.1.1). */
static bool supports_interleaving(const uint8_t *bytes, size_t len)
{
    size_t at = sizeof(struct sctp_assoc_change);

    return len > at && memchr(bytes + at, SCTP_ASSOC_SUPPORTS_INTERLEAVING, len - at) != NULL;
}

static void on_change(struct hws_sctp *sctp, const struct sctp_assoc_change *change,
                      const uint8_t *bytes, size_t len)
{
    switch (change->sac_state) {
    case SCTP_COMM_UP:
        sctp->out_streams = change->sac_outbound_streams;
        sctp->interleaving = supports_interleaving(bytes, len);
        sctp->up_to_tell = true;
        hws_sctp_set_state(sctp, HWS_SCTP_ESTABLISHED);
        hws_sctp_flush_resets(sctp);
        break;
    case SCTP_COMM_LOST:
    case SCTP_CANT_STR_ASSOC:
        sctp->dying = true;
        if (change->sac_error != 0) sctp->abort_cause = change->sac_error;
        break;
    case SCTP_SHUTDOWN_COMP:
        sctp->dying = true;
        sctp->shut_down = true;
        break;
    case SCTP_RESTART:
        /* Its channels are gone and ours would hang. */
        hws_sctp_end(sctp, HWS_ERR_CLOSED, "the other side started over", 0);
        break;
    default:
        break;
    }
}

/* The list is empty when all streams are meant (RFC 6525 section 4.1). */
static void each_stream(struct hws_sctp *sctp, const uint8_t *list, size_t count,
                        void (*take)(struct hws_sctp *sctp, uint16_t stream))
{
    for (size_t i = 0; i < count; i++) {
        uint16_t stream;

        memcpy(&stream, list + i * sizeof(stream), sizeof(stream));
        if (stream < sctp->config.streams) take(sctp, stream);
    }
    for (size_t i = 0; i < sctp->config.streams && count == 0; i++) {
        take(sctp, (uint16_t)i);
    }
}

static void take_received(struct hws_sctp *sctp, uint16_t stream)
{
    hws_reassembly_restart(&sctp->interleaved, stream);
    hws_stream_set_add(&sctp->reset_received, stream);
}

static void take_sent(struct hws_sctp *sctp, uint16_t stream)
{
    if (!hws_stream_set_has(&sctp->reset_asked, stream)) return;
    hws_stream_set_remove(&sctp->reset_asked, stream);
    hws_stream_set_add(&sctp->reset_sent, stream);
}

/* The peer was busy with another one, perhaps: ask again. */
static void take_refused(struct hws_sctp *sctp, uint16_t stream)
{
    if (!hws_stream_set_has(&sctp->reset_asked, stream)) return;
    hws_stream_set_remove(&sctp->reset_asked, stream);
    if (sctp->reset_refusals < REFUSALS_MAX) hws_stream_set_add(&sctp->reset_wanted, stream);
}

/* @p bytes are aligned to nothing, and the list in them is as long as it likes. */
static void on_reset(struct hws_sctp *sctp, const uint8_t *bytes, size_t len)
{
    struct sctp_stream_reset_event event;
    const uint8_t *list = bytes + sizeof(event);
    size_t count;

    if (len < sizeof(event)) return;
    memcpy(&event, bytes, sizeof(event));
    count = (len - sizeof(event)) / sizeof(uint16_t);
    HWS_LOG(&sctp->config.log, HWS_LOG_DEBUG, sctp->last_input, "sctp", "reset",
            "flags=%#x streams=%zu", (unsigned)event.strreset_flags, count);
    if (event.strreset_flags & (SCTP_STREAM_RESET_DENIED | SCTP_STREAM_RESET_FAILED)) {
        if (sctp->reset_refusals < REFUSALS_MAX) sctp->reset_refusals++;
        each_stream(sctp, list, count, take_refused);
        hws_sctp_flush_resets(sctp);
        return;
    }
    if (event.strreset_flags & SCTP_STREAM_RESET_INCOMING_SSN) {
        each_stream(sctp, list, count, take_received);
    }
    if (event.strreset_flags & SCTP_STREAM_RESET_OUTGOING_SSN) {
        sctp->reset_refusals = 0;
        each_stream(sctp, list, count, take_sent);
    }
}

static void on_notification(struct hws_sctp *sctp, const uint8_t *bytes, size_t len)
{
    union sctp_notification note;

    memset(&note, 0, sizeof(note));
    memcpy(&note, bytes, len < sizeof(note) ? len : sizeof(note));
    switch (note.sn_header.sn_type) {
    case SCTP_ASSOC_CHANGE:
        on_change(sctp, &note.sn_assoc_change, bytes, len);
        break;
    case SCTP_SHUTDOWN_EVENT:
        sctp->closing = true;
        break;
    case SCTP_PARTIAL_DELIVERY_EVENT: /* the rest of it will not come (RFC 3758 section 3.6) */
        if (sctp->inbox.partial) sctp->counters.messages_abandoned++;
        sctp->inbox.partial = false;
        sctp->inbox.len = 0;
        break;
    case SCTP_STREAM_RESET_EVENT:
        on_reset(sctp, bytes, len);
        break;
    default:
        break;
    }
}

static ssize_t receive(struct hws_sctp *sctp, uint8_t *into, size_t cap, struct sctp_rcvinfo *info,
                       int *flags)
{
    struct sockaddr_storage from;
    socklen_t from_len = sizeof(from), info_len = sizeof(*info);
    unsigned info_type = SCTP_RECVV_NOINFO;

    memset(info, 0, sizeof(*info));
    return usrsctp_recvv(sctp->socket, into, cap, (struct sockaddr *)&from, &from_len, info,
                         &info_len, &info_type, flags);
}

/* @p len bytes of a message have been read behind what the inbox holds. */
static enum got take_data(struct hws_sctp *sctp, size_t len, const struct sctp_rcvinfo *info,
                          bool last)
{
    struct hws_sctp_inbox *inbox = &sctp->inbox;

    if (!inbox->partial) {
        inbox->stream = info->rcv_sid;
        inbox->ppid = ntohl(info->rcv_ppid);
    }
    inbox->len += len;
    inbox->partial = !last;
    if (inbox->len > sctp->config.receive_max) {
        hws_sctp_end(sctp, HWS_ERR_TOO_BIG, "a message is longer than announced", 0);
        return GOT_NEWS;
    }
    if (!last) return GOT_NEWS;
    inbox->delivered = true;
    return GOT_MESSAGE;
}

static void end_by_reassembly(struct hws_sctp *sctp, enum hws_err err)
{
    switch (err) {
    case HWS_ERR_TOO_BIG:
        hws_sctp_end(sctp, HWS_ERR_TOO_BIG, "a message is longer than announced", 0);
        break;
    case HWS_ERR_FULL:
        hws_sctp_end(sctp, HWS_ERR_TOO_BIG, "too many messages are left unfinished", 0);
        break;
    case HWS_ERR_NO_MEMORY:
        hws_sctp_end(sctp, HWS_ERR_NO_MEMORY, "no memory for a message", 0);
        break;
    default:
        hws_sctp_end(sctp, HWS_ERR_MALFORMED, "pieces of a message do not fit", 0);
        break;
    }
}

/* A piece of @p len bytes with its label has been read. */
static enum got take_piece(struct hws_sctp *sctp, size_t len, const struct sctp_rcvinfo *info)
{
    struct hws_bytes labelled = {sctp->inbox.data, len};
    enum hws_err err = HWS_ERR_MALFORMED;
    struct hws_idata_piece piece;

    if (hws_idata_read_piece(labelled, info->rcv_sid, &piece)) {
        err = hws_reassembly_take(&sctp->interleaved, &piece);
    }
    if (err) end_by_reassembly(sctp, err);
    return GOT_NEWS;
}

/* At least so many chunks were in it; the rest of the difference goes when all has been read. */
static void note_read(struct hws_sctp *sctp, size_t len)
{
    size_t chunks = 1 + len / HWS_DATAGRAM_IN_MAX;

    sctp->unread -= chunks < sctp->unread ? chunks : sctp->unread;
}

static enum got read_once(struct hws_sctp *sctp)
{
    struct hws_sctp_inbox *inbox = &sctp->inbox;
    struct sctp_rcvinfo info;
    int flags = 0;
    ssize_t len;
    uint8_t *at;

    if (!make_room(sctp)) {
        hws_sctp_end(sctp, HWS_ERR_NO_MEMORY, "no memory for a message", 0);
        return GOT_NEWS;
    }
    at = inbox->data + inbox->len;
    len = receive(sctp, at, inbox->cap - inbox->len, &info, &flags);
    if (len <= 0) {
        int foreign = len < 0 ? errno : 0;

        sctp->readable = false;
        sctp->unread = 0;
        if (!sctp->dying) return GOT_NOTHING;
        conclude(sctp, foreign);
        return GOT_NEWS;
    }
    note_read(sctp, (size_t)len);
    if (flags & MSG_NOTIFICATION) {
        on_notification(sctp, at, (size_t)len);
        return GOT_NEWS;
    }
    if (sctp->interleaving) return take_piece(sctp, (size_t)len, &info);
    return take_data(sctp, (size_t)len, &info, (flags & MSG_EOR) != 0);
}

/* What is known already, in the order in which it has to be told. */
static bool tell(struct hws_sctp *sctp, struct hws_sctp_event *out)
{
    size_t streams = sctp->config.streams;

    *out = (struct hws_sctp_event){0};
    if (sctp->up_to_tell) {
        sctp->up_to_tell = false;
        out->kind = HWS_SCTP_UP;
    } else if (hws_stream_set_take(&sctp->reset_received, streams, &out->stream)) {
        out->kind = HWS_SCTP_RESET_RECEIVED;
    } else if (hws_stream_set_take(&sctp->reset_sent, streams, &out->stream)) {
        out->kind = HWS_SCTP_RESET_SENT;
    } else if (sctp->down_to_tell) {
        sctp->down_to_tell = false;
        out->kind = HWS_SCTP_DOWN;
    } else {
        return false;
    }
    return true;
}

bool hws_sctp_take_writable(struct hws_sctp *sctp)
{
    if (!sctp->wanted || !sctp->socket || !hws_sctp_has_room(sctp)) return false;
    sctp->wanted = false;
    return true;
}

static bool tell_message(struct hws_sctp *sctp, const struct hws_in_whole *whole,
                         struct hws_sctp_event *out)
{
    sctp->counters.messages_received++;
    sctp->counters.message_bytes_received += whole->data.len;
    *out = (struct hws_sctp_event){.kind = HWS_SCTP_MESSAGE,
                                   .stream = whole->stream,
                                   .ppid = whole->ppid,
                                   .data = whole->data};
    return true;
}

bool hws_sctp_next_event(struct hws_sctp *sctp, struct hws_sctp_event *out)
{
    struct hws_sctp_inbox *inbox = &sctp->inbox;
    struct hws_sctp_event event;
    struct hws_in_whole whole;
    enum got got = GOT_NEWS;

    if (inbox->delivered) {
        inbox->delivered = false;
        inbox->len = 0;
    }
    while (got == GOT_NEWS) {
        /* What is complete comes before a reset of its stream, and before the end. */
        if (hws_reassembly_next(&sctp->interleaved, !sctp->readable, &whole)) {
            return tell_message(sctp, &whole, out);
        }
        if (tell(sctp, &event)) {
            *out = event;
            return true;
        }
        got = sctp->readable && sctp->socket ? read_once(sctp) : GOT_NOTHING;
        /* Nothing more is there: what the peer has given up can be let go. */
        if (got == GOT_NOTHING && sctp->interleaved.skipped.count > 0) got = GOT_NEWS;
    }
    if (got == GOT_MESSAGE) {
        whole = (struct hws_in_whole){
            inbox->stream, inbox->ppid, {inbox->data, inbox->len}
        };
        return tell_message(sctp, &whole, out);
    }
    if (!hws_sctp_take_writable(sctp)) return false;
    *out = (struct hws_sctp_event){.kind = HWS_SCTP_WRITABLE};
    return true;
}
