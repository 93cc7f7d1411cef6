/* What waits of each channel: a queue with a clock, bounded for itself and together with all. */
#include "peer/peer_internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- Room */

static bool fits(const struct hws_peer *peer, const struct hws_peer_channel *channel, size_t len)
{
    return channel->waiting_count < HWS_WAITING_MAX &&
           len <= peer->config.send_buffer - channel->waiting_bytes;
}

static bool fits_all(const struct hws_peer *peer, size_t len)
{
    return peer->channels.waiting_count < HWS_WAITING_TOTAL_MAX &&
           len <= peer->config.send_total - peer->channels.waiting_bytes;
}

/* Is half of it free, and what was refused fits? A sender is not woken for each message. */
static bool is_roomy(size_t limit, size_t used, size_t wanted)
{
    size_t half = limit / 2;

    return limit - used >= (wanted > half ? wanted : half);
}

static bool is_roomy_for_all(const struct hws_peer *peer, size_t wanted)
{
    return peer->channels.waiting_count <= HWS_WAITING_TOTAL_MAX / 2 &&
           is_roomy(peer->config.send_total, peer->channels.waiting_bytes, wanted);
}

static void unblock(struct hws_peer *peer, struct hws_peer_channel *channel)
{
    if (!channel->blocked || channel->waiting_count > HWS_WAITING_MAX / 2 ||
        !is_roomy(peer->config.send_buffer, channel->waiting_bytes, channel->refused))
        return;
    if (!is_roomy_for_all(peer, channel->refused)) {
        peer->channels.total_blocked = true;
        return;
    }
    channel->blocked = false;
    hws_channel_tell(peer, channel, HWS_TELL_WRITABLE);
}

void hws_channels_unblock(struct hws_peer *peer)
{
    struct hws_channels *all = &peer->channels;

    if (!all->total_blocked || !is_roomy_for_all(peer, 0)) return;
    all->total_blocked = false;
    for (uint16_t i = 0; i < all->slot_count; i++) {
        unblock(peer, &all->slots[i]);
    }
}

/* ---- In and out */

static void append(struct hws_peer *peer, struct hws_peer_channel *channel,
                   struct hws_waiting *message)
{
    struct hws_channels *all = &peer->channels;

    if (channel->tail) {
        channel->tail->next = message;
    } else {
        channel->head = message;
    }
    channel->tail = message;
    channel->waiting_count++;
    channel->waiting_bytes += message->len;
    all->waiting_count++;
    all->waiting_bytes += message->len;
    if (message->dead_at < all->next_death) all->next_death = message->dead_at;
}

/* A life of 0 ms is one that ends unless the message goes at once. */
static hws_time death_of(const struct hws_peer_channel *channel, hws_time now)
{
    if (channel->reliability != HWS_MAX_LIFETIME) return HWS_NEVER;
    return now + (channel->reliability_value > 0 ? HWS_MS(channel->reliability_value) : 1);
}

enum hws_err hws_channel_push(struct hws_peer *peer, struct hws_peer_channel *channel,
                              enum hws_message_kind kind, struct hws_bytes message, hws_time now)
{
    struct hws_waiting *copy;

    if (!fits(peer, channel, message.len) || !fits_all(peer, message.len)) {
        if (fits(peer, channel, message.len)) peer->channels.total_blocked = true;
        channel->blocked = true;
        channel->refused = message.len;
        return HWS_ERR_FULL;
    }
    copy = calloc(1, sizeof(*copy) + message.len);
    if (!copy) return HWS_ERR_NO_MEMORY;
    copy->kind = kind;
    copy->dead_at = death_of(channel, now);
    copy->len = message.len;
    if (message.len > 0) memcpy(copy->data, message.data, message.len);
    append(peer, channel, copy);
    return HWS_OK;
}

static void remove_first(struct hws_peer *peer, struct hws_peer_channel *channel)
{
    struct hws_waiting *message = channel->head;

    channel->head = message->next;
    if (!channel->head) {
        channel->tail = NULL;
        hws_turns_leave(peer, channel);
    }
    channel->waiting_count--;
    channel->waiting_bytes -= message->len;
    peer->channels.waiting_count--;
    peer->channels.waiting_bytes -= message->len;
    free(message);
}

void hws_channel_pop(struct hws_peer *peer, struct hws_peer_channel *channel)
{
    size_t before = channel->waiting_bytes;

    remove_first(peer, channel);
    if (before > channel->low && channel->waiting_bytes <= channel->low)
        hws_channel_tell(peer, channel, HWS_TELL_LOW);
    unblock(peer, channel);
}

void hws_channel_clear(struct hws_peer *peer, struct hws_peer_channel *channel)
{
    while (channel->head) {
        remove_first(peer, channel);
    }
}

/* ---- The clock */

void hws_channels_bury(struct hws_peer *peer, hws_time now)
{
    struct hws_channels *all = &peer->channels;

    if (now < all->next_death) return;
    all->next_death = HWS_NEVER;
    for (uint16_t i = 0; i < all->slot_count; i++) {
        struct hws_peer_channel *channel = &all->slots[i];

        /* All messages of a channel live equally long: the first dies first. */
        while (channel->head && channel->head->dead_at <= now) {
            hws_channel_pop(peer, channel);
            channel->counts.expired++;
            peer->counts.channels.expired++;
        }
        if (channel->head && channel->head->dead_at < all->next_death)
            all->next_death = channel->head->dead_at;
        hws_channel_drained(peer, channel, now);
    }
}
