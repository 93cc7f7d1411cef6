/* What an application sends: messages, and resets of streams. */
#include "base/limits.h"
#include "sctp/sctp_internal.h"

#include <errno.h>
#include <string.h>
#include <usrsctp.h>

/* Not in usrsctp.h, though a socket option of every version (sctp.h there). */
enum { GET_SNDBUF_USE = 0x1101 };
struct sndbuf_use {
    sctp_assoc_t assoc_id;
    uint32_t send_bytes, receive_bytes;
};

size_t hws_sctp_used(const struct hws_sctp *sctp)
{
    struct sndbuf_use use = {.assoc_id = SCTP_FUTURE_ASSOC};
    socklen_t len = sizeof(use);

    if (!sctp->socket || sctp->state == HWS_SCTP_REST) return 0;
    if (usrsctp_getsockopt(sctp->socket, IPPROTO_SCTP, GET_SNDBUF_USE, &use, &len) != 0) return 0;
    return use.send_bytes;
}

static struct sctp_sendv_spa describe(const struct hws_sctp_message *msg)
{
    struct sctp_sendv_spa spa;

    memset(&spa, 0, sizeof(spa));
    spa.sendv_flags = SCTP_SEND_SNDINFO_VALID;
    spa.sendv_sndinfo.snd_sid = msg->stream;
    spa.sendv_sndinfo.snd_ppid = htonl(msg->ppid);
    if (msg->unordered) spa.sendv_sndinfo.snd_flags = SCTP_UNORDERED;
    if (msg->reliability != HWS_RELIABLE) {
        spa.sendv_flags |= SCTP_SEND_PRINFO_VALID;
        spa.sendv_prinfo.pr_policy =
            msg->reliability == HWS_MAX_RETRANSMITS ? SCTP_PR_SCTP_RTX : SCTP_PR_SCTP_TTL;
        spa.sendv_prinfo.pr_value = msg->reliability_value;
    }
    return spa;
}

static enum hws_err translate(int foreign)
{
    if (foreign == EWOULDBLOCK || foreign == EAGAIN || foreign == ENOBUFS) return HWS_ERR_FULL;
    if (foreign == EMSGSIZE) return HWS_ERR_TOO_BIG;
    if (foreign == ENOMEM) return HWS_ERR_NO_MEMORY;
    if (foreign == EINVAL) return HWS_ERR_ARGUMENT;
    return HWS_ERR_STATE; /* reset, shut down, not connected: DOWN is on its way */
}

/* Packets leave inside usrsctp_sendv, so what they may hold is noted before. */
static enum hws_err hand_over(struct hws_sctp *sctp, const struct hws_sctp_message *msg)
{
    struct sctp_sendv_spa spa = describe(msg);
    enum hws_err err;

    hws_sctp_note_offered(sctp, msg);
    if (usrsctp_sendv(sctp->socket, msg->data.data, msg->data.len, NULL, 0, &spa, sizeof(spa),
                      SCTP_SENDV_SPA, 0) >= 0) {
        return HWS_OK;
    }
    err = translate(errno);
    hws_sctp_note_refused(sctp, msg);
    return err;
}

enum hws_err hws_sctp_send(struct hws_sctp *sctp, const struct hws_sctp_message *msg, hws_time now)
{
    enum hws_err err;
    size_t used;

    if (sctp->state == HWS_SCTP_REST || !sctp->socket || sctp->dying) return HWS_ERR_STATE;
    if (msg->data.len == 0 || msg->stream >= sctp->out_streams) return HWS_ERR_ARGUMENT;
    if (msg->data.len > sctp->config.send_buffer) return HWS_ERR_TOO_BIG;
    if (hws_stream_set_has(&sctp->reset_wanted, msg->stream) ||
        hws_stream_set_has(&sctp->reset_asked, msg->stream)) {
        return HWS_ERR_STATE;
    }
    hws_sctp_enter(sctp, now);
    used = hws_sctp_used(sctp);
    if (hws_sctp_may_take(sctp, msg, used)) {
        hws_sctp_choose_turns(sctp, msg, used);
        err = hand_over(sctp, msg);
    } else {
        err = HWS_ERR_FULL;
    }
    if (!err) {
        if (used == 0) sctp->silent_since = now;
        hws_sctp_count_message(sctp, msg->data.len, used);
        sctp->counters.messages_sent++;
        sctp->counters.message_bytes_sent += msg->data.len;
        hws_sctp_touch(sctp, now);
    }
    if (err == HWS_ERR_FULL) {
        sctp->wanted = true;
        sctp->heard = false;
    }
    hws_sctp_leave(sctp);
    return err;
}

size_t hws_sctp_buffered(const struct hws_sctp *sctp)
{
    size_t used = hws_sctp_used(sctp);
    size_t handed = sctp->batches[0].bytes + sctp->batches[1].bytes;

    /* usrsctp counts its chunk headers too: 16 bytes a packet. */
    return used < handed ? used : handed;
}

/* One request for many streams; those that still have data wait inside usrsctp. */
static void ask_for(struct hws_sctp *sctp, const uint16_t *streams, uint16_t count)
{
    enum { MAX = HWS_SCTP_RESETS_AT_ONCE };
    union {
        struct sctp_reset_streams request;
        uint8_t bytes[sizeof(struct sctp_reset_streams) + MAX * sizeof(uint16_t)];
    } option;
    size_t len = sizeof(option.request) + count * sizeof(uint16_t);

    memset(&option, 0, sizeof(option));
    option.request.srs_assoc_id = SCTP_ALL_ASSOC;
    option.request.srs_flags = SCTP_STREAM_RESET_OUTGOING;
    option.request.srs_number_streams = count;
    memcpy(option.bytes + sizeof(option.request), streams, count * sizeof(uint16_t));
    if (usrsctp_setsockopt(sctp->socket, IPPROTO_SCTP, SCTP_RESET_STREAMS, &option,
                           (socklen_t)len) == 0) {
        for (uint16_t i = 0; i < count; i++) {
            hws_stream_set_add(&sctp->reset_asked, streams[i]);
        }
        return;
    }
    /* The peer knows no RE-CONFIG, or is shutting down: these streams stay as they are. */
    HWS_LOG(&sctp->config.log, HWS_LOG_WARN, sctp->last_input, "sctp", "reset",
            "result=impossible streams=%u errno=%d", (unsigned)count, errno);
}

void hws_sctp_flush_resets(struct hws_sctp *sctp)
{
    uint16_t streams[HWS_SCTP_RESETS_AT_ONCE];
    uint16_t stream, count = 0;

    if (sctp->state != HWS_SCTP_ESTABLISHED || !sctp->socket || sctp->dying) return;
    while (hws_stream_set_take(&sctp->reset_wanted, sctp->config.streams, &stream)) {
        if (stream >= sctp->out_streams) {
            hws_stream_set_add(&sctp->reset_sent, stream); /* the peer gave us fewer */
            continue;
        }
        streams[count++] = stream;
        if (count == HWS_SCTP_RESETS_AT_ONCE) {
            ask_for(sctp, streams, count);
            count = 0;
        }
    }
    if (count > 0) ask_for(sctp, streams, count);
}

enum hws_err hws_sctp_reset(struct hws_sctp *sctp, uint16_t stream, hws_time now)
{
    if (sctp->state == HWS_SCTP_REST || !sctp->socket || sctp->dying) return HWS_ERR_STATE;
    if (stream >= sctp->config.streams) return HWS_ERR_ARGUMENT;
    if (hws_stream_set_has(&sctp->reset_asked, stream)) return HWS_OK;
    hws_sctp_enter(sctp, now);
    hws_sctp_touch(sctp, now);
    if (sctp->reset_asked.count == 0 && hws_sctp_used(sctp) == 0) sctp->silent_since = now;
    HWS_LOG(&sctp->config.log, HWS_LOG_DEBUG, now, "sctp", "reset", "stream=%u dir=out",
            (unsigned)stream);
    hws_stream_set_add(&sctp->reset_wanted, stream);
    hws_sctp_flush_resets(sctp);
    hws_sctp_leave(sctp);
    return HWS_OK;
}
