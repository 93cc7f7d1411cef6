/* What is counted as packets pass, and what usrsctp tells of its state when asked. */
#include "sctp/packet_view.h"
#include "sctp/sctp_internal.h"

#include <string.h>
#include <usrsctp.h>

static bool is_data(const struct hws_sctp_chunk *chunk)
{
    return chunk->type == HWS_CHUNK_DATA || chunk->type == HWS_CHUNK_IDATA;
}

/* A TSN that is not newer than all before goes out again. */
static void note_data(struct hws_sctp *sctp, uint8_t type, struct hws_bytes value)
{
    size_t header = type == HWS_CHUNK_DATA ? 12 : 16; /* without the four bytes of each chunk */
    struct hws_cursor cur = hws_cursor_over(value);
    uint32_t tsn = hws_read_u32(&cur);
    uint16_t stream = hws_read_u16(&cur);

    sctp->counters.chunks_sent++;
    if (sctp->has_sent && !hws_sctp_tsn_is_after(tsn, sctp->sent_tsn)) {
        sctp->counters.chunks_resent++;
        return;
    }
    if (value.len > header) hws_sctp_note_piece(sctp, stream, value.len - header);
    sctp->sent_tsn = tsn;
    sctp->has_sent = true;
}

/* What usrsctp tells the peer, we remember: an ABORT says why the association died, and a SACK how
 * far the peer's data has come. */
void hws_sctp_note_output(struct hws_sctp *sctp, struct hws_bytes packet)
{
    struct hws_cursor cur = hws_cursor_over(packet);
    struct hws_sctp_chunk chunk;

    hws_read_bytes(&cur, HWS_SCTP_HEADER_LEN);
    while (hws_sctp_next_chunk(&cur, packet, &chunk)) {
        if (is_data(&chunk)) {
            note_data(sctp, chunk.type, chunk.value);
        } else if (chunk.type == HWS_CHUNK_SACK) {
            if (hws_sctp_read_sacked_tsn(chunk.value, &sctp->sacked_tsn)) sctp->has_sacked = true;
        } else if (chunk.type == HWS_CHUNK_INIT || chunk.type == HWS_CHUNK_INIT_ACK) {
            if (!sctp->has_sent) (void)hws_sctp_read_first_tsn(chunk.value, &sctp->acked_tsn);
        } else if (chunk.type == HWS_CHUNK_ABORT && chunk.value.len >= 2) {
            sctp->abort_cause = (uint16_t)(chunk.value.data[0] << 8 | chunk.value.data[1]);
        }
    }
    sctp->counters.packets_sent++;
    sctp->counters.bytes_sent += packet.len;
}

void hws_sctp_note_input(struct hws_sctp *sctp, struct hws_bytes packet)
{
    struct hws_cursor cur = hws_cursor_over(packet);
    struct hws_sctp_chunk chunk;

    hws_read_bytes(&cur, HWS_SCTP_HEADER_LEN);
    while (hws_sctp_next_chunk(&cur, packet, &chunk)) {
        if (is_data(&chunk)) sctp->counters.chunks_received++;
    }
    sctp->counters.packets_received++;
    sctp->counters.bytes_received += packet.len;
}

size_t hws_sctp_count_chunks(struct hws_bytes packet)
{
    struct hws_cursor cur = hws_cursor_over(packet);
    struct hws_sctp_chunk chunk;
    size_t count = 0;

    hws_read_bytes(&cur, HWS_SCTP_HEADER_LEN);
    while (hws_sctp_next_chunk(&cur, packet, &chunk)) {
        if (is_data(&chunk) || chunk.type == HWS_CHUNK_RECONFIG) count++;
    }
    return count;
}

void hws_sctp_note_drop(struct hws_sctp *sctp, enum hws_err reason)
{
    if (reason == HWS_ERR_UNEXPECTED || reason == HWS_ERR_FULL) {
        sctp->counters.dropped_unexpected++;
    } else {
        sctp->counters.dropped_malformed++;
    }
}

static bool ask(const struct hws_sctp *sctp, struct sctp_status *out)
{
    socklen_t len = sizeof(*out);

    memset(out, 0, sizeof(*out));
    out->sstat_assoc_id = SCTP_FUTURE_ASSOC;
    if (!sctp->socket || sctp->state == HWS_SCTP_REST) return false;
    return usrsctp_getsockopt(sctp->socket, IPPROTO_SCTP, SCTP_STATUS, out, &len) == 0;
}

size_t hws_sctp_congestion_window(const struct hws_sctp *sctp)
{
    struct sctp_status status;

    return ask(sctp, &status) ? status.sstat_primary.spinfo_cwnd : 0;
}

void hws_sctp_stats(const struct hws_sctp *sctp, struct hws_sctp_stats *out)
{
    struct sctp_status status;

    *out = sctp->counters;
    out->messages_abandoned += sctp->interleaved.abandoned;
    out->unacknowledged = hws_sctp_buffered(sctp);
    out->mtu = sctp->config.mtu;
    out->interleaving = sctp->interleaving;
    if (!ask(sctp, &status)) return;
    out->congestion_window = status.sstat_primary.spinfo_cwnd;
    out->peer_window = status.sstat_rwnd;
    out->round_trip = (hws_time)status.sstat_primary.spinfo_srtt * 1000;
    out->retransmission_timeout = (hws_time)status.sstat_primary.spinfo_rto * 1000;
    out->streams_out = status.sstat_outstrms;
    out->streams_in = status.sstat_instrms;
}
