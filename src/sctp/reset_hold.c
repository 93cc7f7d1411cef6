#include "sctp/reset_hold.h"

#include "base/limits.h"
#include "sctp/packet_view.h"

#include <stdlib.h>
#include <string.h>

void hws_sctp_held_fini(struct hws_sctp_held *held)
{
    free(held->bytes);
    *held = (struct hws_sctp_held){0};
}

size_t hws_sctp_hold_reset(struct hws_sctp_held *held, uint8_t *packet, size_t len,
                           uint32_t reached)
{
    struct hws_sctp_chunk chunk;
    uint32_t tsn;

    if (!hws_sctp_find_chunk((struct hws_bytes){packet, len}, HWS_CHUNK_RECONFIG, &chunk) ||
        !hws_sctp_read_reset_tsn(chunk.value, &tsn))
        return len;
    held->len = 0;
    if (!hws_sctp_tsn_is_after(tsn, reached)) return len;
    if (!held->bytes) held->bytes = calloc(1, HWS_DATAGRAM_IN_MAX);
    if (!held->bytes) return len;
    memcpy(held->bytes, packet, HWS_SCTP_HEADER_LEN);
    memcpy(held->bytes + HWS_SCTP_HEADER_LEN, packet + chunk.at, chunk.len);
    held->len = HWS_SCTP_HEADER_LEN + chunk.len;
    held->tsn = tsn;
    memmove(packet + chunk.at, packet + chunk.at + chunk.len, len - chunk.at - chunk.len);
    return len - chunk.len;
}

bool hws_sctp_held_take(struct hws_sctp_held *held, uint32_t reached, struct hws_bytes *out)
{
    if (held->len == 0 || hws_sctp_tsn_is_after(held->tsn, reached)) return false;
    *out = (struct hws_bytes){held->bytes, held->len};
    held->len = 0;
    return true;
}
