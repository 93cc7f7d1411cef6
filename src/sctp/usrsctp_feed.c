/* Packets on their way into usrsctp: checked, renumbered, and resets in time (reset_hold.h). */
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
    uint32_t tsn;

    if (hws_sctp_find_chunk(packet, HWS_CHUNK_SACK, &chunk) &&
        hws_sctp_read_sacked_tsn(chunk.value, &tsn) && hws_sctp_tsn_is_after(tsn, sctp->acked_tsn))
        sctp->acked_tsn = tsn;
    if (sctp->has_sacked || sctp->state != HWS_SCTP_CONNECTING) return;
    if (hws_sctp_find_chunk(packet, HWS_CHUNK_INIT, &chunk) ||
        hws_sctp_find_chunk(packet, HWS_CHUNK_INIT_ACK, &chunk)) {
        (void)hws_sctp_read_first_tsn(chunk.value, &sctp->sacked_tsn);
    }
}

void hws_sctp_release_resets(struct hws_sctp *sctp)
{
    struct hws_bytes packet;

    if (!sctp->socket) return;
    if (hws_sctp_held_take(&sctp->held_in, sctp->sacked_tsn, &packet)) {
        hand_in(sctp, packet.data, packet.len);
    }
    if (hws_sctp_held_take(&sctp->held_out, sctp->acked_tsn, &packet)) {
        (void)hws_sctp_take_output(sctp, packet.data, packet.len); /* full: usrsctp asks again */
    }
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
    hand_in(sctp, copy, hws_sctp_hold_reset(&sctp->held_in, copy, len, sctp->sacked_tsn));
    hws_sctp_leave(sctp);
    return HWS_OK;
}
