/* Whose turn it is: weighted fair queueing by bytes.
 *
 * Each channel has a pass, the virtual time at which its next message may go; the lowest goes
 * first. A message moves the pass of its channel on by its length over the channel's priority, so a
 * channel of priority 512 sends twice the bytes of one of 256 (RFC 8831 section 6.4). Virtual time
 * is the pass of who went last: who had nothing to say for a while starts from there and has saved
 * nothing up. Those whose turn may come are in a heap; passes may wrap around, so they are compared
 * by their distance.
 */
#include "peer/peer_internal.h"

enum {
    SCALE = 1 << 16,   /* the highest priority */
    MESSAGE_COST = 32, /* bytes: headers, so that tiny messages are not free */
};

static bool is_before(const struct hws_channels *all, uint16_t a, uint16_t b)
{
    return (int64_t)(all->slots[a].pass - all->slots[b].pass) < 0;
}

static void put(struct hws_channels *all, uint16_t at, uint16_t slot)
{
    all->turns[at] = slot;
    all->slots[slot].turn = at;
}

static void rise(struct hws_channels *all, uint16_t at, uint16_t slot)
{
    while (at > 0) {
        uint16_t parent = (uint16_t)((at - 1) / 2);

        if (!is_before(all, slot, all->turns[parent])) break;
        put(all, at, all->turns[parent]);
        at = parent;
    }
    put(all, at, slot);
}

static void sink(struct hws_channels *all, uint16_t at, uint16_t slot)
{
    for (uint32_t child = 2U * at + 1; child < all->turn_count; child = 2U * at + 1) {
        if (child + 1 < all->turn_count && is_before(all, all->turns[child + 1], all->turns[child]))
            child++;
        if (!is_before(all, all->turns[child], slot)) break;
        put(all, at, all->turns[child]);
        at = (uint16_t)child;
    }
    put(all, at, slot);
}

/* Who was idle starts from now. */
static void catch_up(struct hws_channels *all, struct hws_peer_channel *channel)
{
    if ((int64_t)(channel->pass - all->virtual_now) < 0) channel->pass = all->virtual_now;
}

void hws_turns_join(struct hws_peer *peer, struct hws_peer_channel *channel)
{
    struct hws_channels *all = &peer->channels;

    if (channel->turn != HWS_NO_SLOT) return;
    catch_up(all, channel);
    rise(all, all->turn_count++, (uint16_t)(channel - all->slots));
}

void hws_turns_leave(struct hws_peer *peer, struct hws_peer_channel *channel)
{
    struct hws_channels *all = &peer->channels;
    uint16_t at = channel->turn, last;

    if (at == HWS_NO_SLOT) return;
    channel->turn = HWS_NO_SLOT;
    last = all->turns[--all->turn_count];
    if (at == all->turn_count) return;
    if (at > 0 && is_before(all, last, all->turns[(at - 1) / 2])) {
        rise(all, at, last);
    } else {
        sink(all, at, last);
    }
}

struct hws_peer_channel *hws_turns_first(const struct hws_peer *peer)
{
    const struct hws_channels *all = &peer->channels;

    return all->turn_count > 0 ? &all->slots[all->turns[0]] : NULL;
}

void hws_turns_charge(struct hws_peer *peer, struct hws_peer_channel *channel, size_t len)
{
    struct hws_channels *all = &peer->channels;

    catch_up(all, channel);
    all->virtual_now = channel->pass;
    channel->pass += (uint64_t)(len + MESSAGE_COST) * SCALE / channel->priority;
    if (channel->turn != HWS_NO_SLOT) sink(all, channel->turn, (uint16_t)(channel - all->slots));
}
