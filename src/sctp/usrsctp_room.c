/* How much usrsctp is given, and in what turns.
 *
 * What waits inside usrsctp waits in front of everything that comes later, so no more than a
 * congestion window of it may be unsent: enough to send when acknowledgements come. That is counted
 * without giants: with I-DATA a message that is longer than half of that shares the network with
 * those of other streams, piece by piece, and they need not wait until it is gone; only its own
 * stream does.
 *
 *     unacknowledged | unsent: less than depth | giant of stream 5 | giant of stream 8 |
 */
#include "base/limits.h"
#include "sctp/packet_view.h"
#include "sctp/sctp_internal.h"

#include <string.h>
#include <usrsctp.h>

/* The bytes that are not acknowledged are the newest ones, more or less: streams take turns. When
 * the newer batch alone accounts for all of them, the older one has been acknowledged. */
static size_t message_count(const struct hws_sctp *sctp, size_t used)
{
    const struct hws_sctp_batch *older = &sctp->batches[0], *newer = &sctp->batches[1];

    if (used == 0) return 0;
    return newer->message_count + (used > newer->bytes ? older->message_count : 0);
}

void hws_sctp_count_message(struct hws_sctp *sctp, size_t len, size_t used)
{
    struct hws_sctp_batch *older = &sctp->batches[0], *newer = &sctp->batches[1];

    if (used == 0) *older = *newer = (struct hws_sctp_batch){0};
    if (newer->message_count >= HWS_SCTP_MESSAGES_MAX / 2 && used <= newer->bytes) {
        *older = *newer;
        *newer = (struct hws_sctp_batch){0};
    }
    newer->message_count++;
    newer->bytes += len;
}

/* Headers of chunks that are not cut yet, which usrsctp does not count: for messages of a few bytes
 * that is most of what goes out. Messages are taken to be as long as they were of late. */
static size_t overhead(const struct hws_sctp *sctp, size_t unsent)
{
    enum { CHUNK_HEADER = 20 };
    const struct hws_sctp_batch *newer = &sctp->batches[1];

    if (newer->bytes == 0) return 0;
    if (unsent > newer->bytes) unsent = newer->bytes;
    return unsent * newer->message_count / newer->bytes * CHUNK_HEADER;
}

/* Asked for once after each input, not for each message. */
static size_t depth_of(struct hws_sctp *sctp)
{
    size_t depth;

    if (!sctp->depth_is_old) return sctp->depth;
    depth = hws_sctp_congestion_window(sctp);
    if (depth < HWS_SCTP_DEPTH_MIN) depth = HWS_SCTP_DEPTH_MIN;
    if (depth > sctp->config.send_buffer) depth = sctp->config.send_buffer;
    sctp->depth = depth;
    sctp->depth_is_old = false;
    return depth;
}

/* Is there room for one more, with @p spare bytes left? */
static bool has_room(struct hws_sctp *sctp, size_t used, size_t spare)
{
    size_t unsent = sctp->unsent, giants = 0;

    for (size_t i = 0; i < sctp->giant_count; i++) {
        giants += sctp->giants[i].unsent;
    }
    unsent -= giants < unsent ? giants : unsent;
    return unsent + overhead(sctp, unsent) + spare < depth_of(sctp) &&
           message_count(sctp, used) < HWS_SCTP_MESSAGES_MAX;
}

/* What was given up was never sent. */
static void correct(struct hws_sctp *sctp, size_t used)
{
    if (used == 0) sctp->giant_count = 0;
    if (sctp->unsent > used) sctp->unsent = used;
}

static bool is_giant(const struct hws_sctp *sctp, size_t len)
{
    return sctp->interleaving && !sctp->one_by_one && len > sctp->depth / 2;
}

bool hws_sctp_may_take(struct hws_sctp *sctp, const struct hws_sctp_message *msg, size_t used)
{
    correct(sctp, used);
    if (!has_room(sctp, used, 0)) return false;
    for (size_t i = 0; i < sctp->giant_count; i++) {
        /* The end of one is no reason to let the next one wait. */
        if (sctp->giants[i].stream == msg->stream && is_giant(sctp, sctp->giants[i].unsent)) {
            return false;
        }
    }
    return sctp->giant_count < HWS_SCTP_GIANTS_MAX || !is_giant(sctp, msg->data.len);
}

void hws_sctp_note_offered(struct hws_sctp *sctp, const struct hws_sctp_message *msg)
{
    size_t len = msg->data.len;

    sctp->unsent += len;
    if (!is_giant(sctp, len) || sctp->giant_count == HWS_SCTP_GIANTS_MAX) return;
    sctp->giants[sctp->giant_count++] =
        (struct hws_sctp_giant){.stream = msg->stream, .unsent = len};
}

void hws_sctp_note_refused(struct hws_sctp *sctp, const struct hws_sctp_message *msg)
{
    const struct hws_sctp_giant *newest;

    sctp->unsent -= msg->data.len;
    if (sctp->giant_count == 0) return;
    newest = &sctp->giants[sctp->giant_count - 1];
    if (newest->stream == msg->stream && newest->unsent == msg->data.len) sctp->giant_count--;
}

void hws_sctp_note_piece(struct hws_sctp *sctp, uint16_t stream, size_t len)
{
    sctp->unsent -= len < sctp->unsent ? len : sctp->unsent;
    for (size_t i = 0; i < sctp->giant_count; i++) {
        struct hws_sctp_giant *giant = &sctp->giants[i];

        if (giant->stream != stream) continue;
        giant->unsent -= len < giant->unsent ? len : giant->unsent;
        if (giant->unsent == 0) {
            sctp->giant_count--;
            memmove(giant, giant + 1, (sctp->giant_count - i) * sizeof(*giant));
        }
        return;
    }
}

/* Nothing changes before something is heard of the peer, or a timer runs. Some to spare, so that a
 * sender is not woken for each packet. */
bool hws_sctp_has_room(struct hws_sctp *sctp)
{
    size_t used = hws_sctp_used(sctp);

    if (!sctp->heard) return false;
    if (used == 0) return true;
    correct(sctp, used);
    return has_room(sctp, used, sctp->depth / 8);
}

bool hws_sctp_set_one_by_one(struct hws_sctp *sctp, bool one_by_one)
{
    /* Round robin: a message at a time with DATA, a piece at a time with I-DATA. */
    struct sctp_assoc_value scheduler = {SCTP_ALL_ASSOC,
                                         one_by_one ? SCTP_SS_FIRST_COME : SCTP_SS_ROUND_ROBIN};

    sctp->one_by_one = one_by_one;
    sctp->giant_count = 0;
    return usrsctp_setsockopt(sctp->socket, IPPROTO_SCTP, SCTP_PLUGGABLE_SS, &scheduler,
                              sizeof(scheduler)) == 0;
}

/* When usrsctp 0.9.5 gives up a message of several pieces, it takes all that follows its first
 * piece to be of the same message. With interleaving that hits others, reliable ones too. So as
 * long as such a message may have pieces to send, messages go out one after the other. */
void hws_sctp_choose_turns(struct hws_sctp *sctp, const struct hws_sctp_message *msg, size_t used)
{
    enum { PIECE_OVERHEAD = 64 }; /* more than the headers of a packet with one piece */
    bool interleaves =
        sctp->state == HWS_SCTP_CONNECTING ? !sctp->config.no_interleaving : sctp->interleaving;

    if (!interleaves) return;
    if (msg->reliability != HWS_RELIABLE && msg->data.len + PIECE_OVERHEAD > sctp->config.mtu) {
        sctp->behind_long = 0;
        if (!sctp->one_by_one) (void)hws_sctp_set_one_by_one(sctp, true);
    } else if (sctp->one_by_one) {
        /* What is not acknowledged came later: the last such message is through. */
        if (used <= sctp->behind_long) (void)hws_sctp_set_one_by_one(sctp, false);
        sctp->behind_long += msg->data.len;
    }
}
