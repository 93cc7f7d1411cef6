/* Packets on their way into usrsctp: checked, renumbered, and resets in time.
 *
 * A request to reset streams names the last TSN that belongs before the reset. When it comes
 * earlier than the data, usrsctp puts it aside, and looks at it again only with the next piece of
 * data that arrives in order; if the gap is closed by the last data there is, the reset and all
 * messages behind it are stuck. So a request that comes too early is put aside here, and handed in
 * when usrsctp has acknowledged the data before it: at most a delayed acknowledgement later.
 */
#include "base/limits.h"
#include "sctp/packet_view.h"
#include "sctp/sctp_internal.h"

#include <stdlib.h>
#include <string.h>
#include <usrsctp.h>

enum {
    CHUNKS_MAX = HWS_DATAGRAM_IN_MAX / HWS_IDATA_CHUNK_MIN,
    LABELLED_MAX = HWS_DATAGRAM_IN_MAX + CHUNKS_MAX * HWS_IDATA_LABEL_LEN,
};

static void hand_in(struct hws_sctp *sctp, const uint8_t *packet, size_t len)
{
    if (len > HWS_SCTP_HEADER_LEN) {
        usrsctp_conninput((void *)(uintptr_t)sctp->token, packet, len, 0);
    }
}

/* Old news may be about a stream that has been started over since. */
static void take_skip(void *user, const struct hws_idata_skip *skip)
{
    struct hws_sctp *sctp = user;

    if (!hws_sctp_tsn_is_after(skip->tsn, sctp->sacked_tsn)) return;
    /* A stream that does not exist is none of ours; without memory the stream stays behind. */
    (void)!hws_reassembly_skip(&sctp->interleaved, skip);
}

/* Until we have acknowledged something, it is the handshake that says where the peer starts. */
static void note_input(struct hws_sctp *sctp, struct hws_bytes packet)
{
    struct hws_sctp_chunk chunk;

    if (sctp->has_sacked || sctp->state != HWS_SCTP_CONNECTING) return;
    if (hws_sctp_find_chunk(packet, HWS_CHUNK_INIT, &chunk) ||
        hws_sctp_find_chunk(packet, HWS_CHUNK_INIT_ACK, &chunk)) {
        (void)hws_sctp_read_first_tsn(chunk.value, &sctp->sacked_tsn);
    }
}

/* Take a reset that comes too early out of the packet; returns what is left of its length. The
 * peer has one request under way at a time, so a newer one takes the place of an older one. */
static size_t hold_reset(struct hws_sctp *sctp, uint8_t *packet, size_t len)
{
    struct hws_sctp_chunk chunk;
    uint32_t tsn;

    if (!hws_sctp_find_chunk((struct hws_bytes){packet, len}, HWS_CHUNK_RECONFIG, &chunk) ||
        !hws_sctp_read_reset_tsn(chunk.value, &tsn) ||
        !hws_sctp_tsn_is_after(tsn, sctp->sacked_tsn)) {
        return len;
    }
    if (!sctp->held) sctp->held = calloc(1, HWS_DATAGRAM_IN_MAX);
    if (!sctp->held) return len;
    memcpy(sctp->held, packet, HWS_SCTP_HEADER_LEN);
    memcpy(sctp->held + HWS_SCTP_HEADER_LEN, packet + chunk.at, chunk.len);
    sctp->held_len = HWS_SCTP_HEADER_LEN + chunk.len;
    sctp->held_tsn = tsn;
    memmove(packet + chunk.at, packet + chunk.at + chunk.len, len - chunk.at - chunk.len);
    return len - chunk.len;
}

void hws_sctp_release_reset(struct hws_sctp *sctp)
{
    size_t len = sctp->held_len;

    if (len == 0 || !sctp->socket) return;
    if (hws_sctp_tsn_is_after(sctp->held_tsn, sctp->sacked_tsn)) return;
    sctp->held_len = 0;
    hand_in(sctp, sctp->held, len);
}

/* The window counts bytes: with messages of one byte it is wide open while each takes some 500. Who
 * keeps to it is stopped long before this, for usrsctp tells a window that counts what they take;
 * who does not is not heard until we have read. */
static bool is_flooded(const struct hws_sctp *sctp, size_t chunks)
{
    enum { BYTES_A_CHUNK = 1024 };
    size_t most = HWS_SCTP_UNREAD_MAX + sctp->config.receive_buffer / BYTES_A_CHUNK;

    return chunks > 0 && sctp->readable && sctp->unread + chunks > most;
}

enum hws_err hws_sctp_feed(struct hws_sctp *sctp, struct hws_bytes packet, hws_time now)
{
    struct hws_sctp_ports ports = {sctp->config.local_port, sctp->config.remote_port};
    struct hws_idata_skips skips = {take_skip, sctp};
    uint8_t copy[LABELLED_MAX];
    enum hws_err err;
    size_t len, chunks;

    /* Before connect usrsctp would answer an INIT with ABORT, and the peer would give up. */
    if (sctp->state == HWS_SCTP_REST || !sctp->socket) {
        hws_sctp_note_drop(sctp, HWS_ERR_UNEXPECTED);
        return HWS_ERR_UNEXPECTED;
    }
    err = hws_sctp_check_packet(packet, &ports);
    chunks = err ? 0 : hws_sctp_count_chunks(packet);
    if (is_flooded(sctp, chunks)) err = HWS_ERR_FULL;
    if (err) {
        hws_sctp_note_drop(sctp, err);
        HWS_LOG(&sctp->config.log, HWS_LOG_WARN, now, "sctp", "drop", "reason=%s len=%zu",
                hws_err_name(err), packet.len);
        return err;
    }
    hws_sctp_enter(sctp, now);
    hws_sctp_touch(sctp, now);
    sctp->silent_since = now;
    sctp->depth_is_old = sctp->heard = true;
    sctp->unread += chunks;
    note_input(sctp, packet);
    hws_sctp_note_input(sctp, packet);
    len = hws_idata_label(packet, &skips, copy, sizeof(copy));
    hws_sctp_write_port(copy, sctp->port);
    hws_sctp_write_port(copy + 2, sctp->port);
    hand_in(sctp, copy, hold_reset(sctp, copy, len));
    hws_sctp_leave(sctp);
    return HWS_OK;
}
