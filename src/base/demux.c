#include "base/demux.h"

enum hws_demux hws_demux(struct hws_bytes datagram)
{
    uint8_t first;

    if (datagram.len == 0) return HWS_DEMUX_DROP;
    first = datagram.data[0];
    if (first <= 3) return HWS_DEMUX_STUN;
    if (first >= 20 && first <= 63) return HWS_DEMUX_DTLS;
    if (first >= 64 && first <= 79) return HWS_DEMUX_TURN;
    return HWS_DEMUX_DROP;
}
