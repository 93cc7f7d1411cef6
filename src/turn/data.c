/* What is relayed: Send and Data indications (RFC 8656 section 11), ChannelData
 * (RFC 8656 section 12.4). */
#include "turn/turn_internal.h"

#include "stun/channel_data.h"

static enum hws_err write_indication(const struct hws_turn *turn, const struct hws_address *peer,
                                     struct hws_bytes data, struct hws_writer *out)
{
    uint8_t transaction[HWS_STUN_TID_LEN];
    struct hws_stun_writer msg;
    struct hws_bytes written;
    enum hws_err err;

    turn->random.fill(turn->random.user, transaction, sizeof(transaction));
    msg = hws_stun_begin(out->data + out->len, out->cap - out->len, HWS_STUN_INDICATION,
                         HWS_STUN_SEND, transaction);
    hws_stun_add_xor_address(&msg, HWS_STUN_XOR_PEER_ADDRESS, peer);
    hws_stun_add_bytes(&msg, HWS_STUN_DATA_ATTR, data);
    err = hws_stun_end(&msg, &written);
    if (!err) out->len += written.len;
    return err;
}

enum hws_err hws_turn_wrap(const struct hws_turn *turn, const struct hws_address *peer,
                           struct hws_bytes data, struct hws_writer *out)
{
    const struct hws_turn_channel *channel = hws_turn_find_channel(turn, peer);

    if (turn->state != HWS_TURN_ALIVE) return HWS_ERR_STATE;
    if (channel && channel->open)
        return hws_channel_data_write(out, channel->number, data, turn->stream);
    if (hws_turn_permission(turn, peer) != HWS_TURN_OPEN) return HWS_ERR_REFUSED;
    return write_indication(turn, peer, data, out);
}

static enum hws_err take(const struct hws_turn *turn, const struct hws_address *peer,
                         struct hws_bytes data, struct hws_turn_data *out)
{
    const struct hws_address *relayed = hws_turn_relayed(turn, peer->family);

    if (!relayed) return HWS_ERR_UNEXPECTED;
    *out = (struct hws_turn_data){.peer = *peer, .relayed = *relayed, .bytes = data};
    return HWS_OK;
}

/* Anybody who can write to the 5-tuple can write one; but only for whom we let through. */
enum hws_err hws_turn_indication(const struct hws_turn *turn, const struct hws_stun_message *msg,
                                 struct hws_turn_data *out)
{
    if (msg->method != HWS_STUN_DATA || turn->state != HWS_TURN_ALIVE) return HWS_ERR_UNEXPECTED;
    if (msg->unknown_required_count > 0) return HWS_ERR_UNSUPPORTED;
    if (msg->xor_peer.family == HWS_FAMILY_NONE || !msg->data.data) return HWS_ERR_MALFORMED;
    if (hws_turn_permission(turn, &msg->xor_peer) != HWS_TURN_OPEN) return HWS_ERR_UNEXPECTED;
    return take(turn, &msg->xor_peer, msg->data, out);
}

/* A channel is used by the server as soon as it has bound it, so perhaps before its answer came. */
enum hws_err hws_turn_channel_data(const struct hws_turn *turn, struct hws_bytes packet,
                                   struct hws_turn_data *out)
{
    struct hws_channel_data view;
    enum hws_err err = hws_channel_data_read(packet, &view, NULL);

    if (err) return err;
    if (turn->state != HWS_TURN_ALIVE) return HWS_ERR_UNEXPECTED;
    for (size_t i = 0; i < turn->channel_count; i++) {
        const struct hws_turn_channel *channel = &turn->channels[i];

        if (channel->number == view.channel && (channel->open || channel->request != HWS_TURN_NONE))
            return take(turn, &channel->peer, view.data, out);
    }
    return HWS_ERR_UNEXPECTED;
}
