/* The check of inbound SCTP packets, and the readers that run on what has passed it. */
#include "sctp/packet_view.h"
#include "sctp/sctp.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at(struct hws_bytes packet)
{
    static const enum hws_sctp_chunk_type types[] = {
        HWS_CHUNK_INIT, HWS_CHUNK_INIT_ACK, HWS_CHUNK_SACK, HWS_CHUNK_ABORT, HWS_CHUNK_RECONFIG};

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        struct hws_sctp_chunk chunk;
        uint32_t tsn;

        if (!hws_sctp_find_chunk(packet, types[i], &chunk)) continue;
        if (chunk.at + chunk.len > packet.len || chunk.value.len + 4 > chunk.len) abort();
        (void)hws_sctp_read_first_tsn(chunk.value, &tsn);
        (void)hws_sctp_read_sacked_tsn(chunk.value, &tsn);
        (void)hws_sctp_read_reset_tsn(chunk.value, &tsn);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct hws_sctp_ports ports = {5000, 5000};
    struct hws_bytes packet = {data, size};
    enum hws_err err = hws_sctp_check_packet(packet, &ports);

    look_at(packet);
    if (err && hws_err_class(err) != HWS_CLASS_PEER) abort();
    /* What passes is whole chunks behind a header. */
    if (!err && (size % 4 != 0 || size < HWS_SCTP_HEADER_LEN + 4)) abort();
    return 0;
}
