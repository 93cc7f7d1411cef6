/* Slots, streams and lists of channels. All of it grows with use, up to what the configuration
 * allows, and shrinks only with the peer. */
#include "peer/peer_internal.h"

#include <stdlib.h>
#include <string.h>

enum { SLOTS_FIRST = 4, STREAMS_FIRST = 16 };

void hws_channels_init(struct hws_peer *peer)
{
    struct hws_channels *all = &peer->channels;

    for (size_t i = 0; i < HWS_LIST_COUNT; i++) {
        all->lists[i] = (struct hws_slot_list){HWS_NO_SLOT, HWS_NO_SLOT};
    }
    all->first_free[1] = 1;
    all->next_death = HWS_NEVER;
    /* The table may be filled at once; who goes on after that is held back. */
    all->opens_left = peer->config.channel_limit;
}

void hws_channels_fini(struct hws_peer *peer)
{
    struct hws_channels *all = &peer->channels;

    for (uint16_t i = 0; i < all->slot_count; i++) {
        hws_channel_clear(peer, &all->slots[i]);
        free(all->slots[i].names);
    }
    free(all->slots);
    free(all->turns);
    free(all->slot_of_stream);
    memset(all, 0, sizeof(*all));
}

static uint16_t slot_of(const struct hws_peer *peer, const struct hws_peer_channel *channel)
{
    return (uint16_t)(channel - peer->channels.slots);
}

struct hws_channel hws_channel_handle(const struct hws_peer *peer,
                                      const struct hws_peer_channel *channel)
{
    return (struct hws_channel){slot_of(peer, channel), channel->generation};
}

struct hws_peer_channel *hws_channel_find(const struct hws_peer *peer, struct hws_channel handle)
{
    struct hws_peer_channel *channel;

    if (handle.generation == 0 || handle.slot >= peer->channels.slot_count) return NULL;
    channel = &peer->channels.slots[handle.slot];
    if (channel->generation != handle.generation || channel->state == HWS_CHANNEL_FREE ||
        channel->state == HWS_CHANNEL_ENDED)
        return NULL;
    return channel;
}

/* ---- Lists */

void hws_slot_push(struct hws_peer *peer, enum hws_slot_list_kind kind,
                   struct hws_peer_channel *channel)
{
    struct hws_slot_list *list = &peer->channels.lists[kind];
    uint16_t slot = slot_of(peer, channel);

    if (channel->listed & 1U << kind) return;
    channel->listed = (uint8_t)(channel->listed | 1U << kind);
    channel->next[kind] = HWS_NO_SLOT;
    if (list->tail == HWS_NO_SLOT) {
        list->head = slot;
    } else {
        peer->channels.slots[list->tail].next[kind] = slot;
    }
    list->tail = slot;
}

struct hws_peer_channel *hws_slot_pop(struct hws_peer *peer, enum hws_slot_list_kind kind)
{
    struct hws_slot_list *list = &peer->channels.lists[kind];
    struct hws_peer_channel *channel;

    if (list->head == HWS_NO_SLOT) return NULL;
    channel = &peer->channels.slots[list->head];
    list->head = channel->next[kind];
    if (list->head == HWS_NO_SLOT) list->tail = HWS_NO_SLOT;
    channel->listed = (uint8_t)(channel->listed & ~(1U << kind));
    return channel;
}

void hws_channel_tell(struct hws_peer *peer, struct hws_peer_channel *channel, uint8_t what)
{
    channel->tell |= what;
    hws_slot_push(peer, HWS_LIST_TOLD, channel);
}

/* ---- Slots */

/* Twice as many, at most @p most. */
static size_t grown(size_t count, size_t first, size_t most)
{
    size_t cap = count == 0 ? first : 2 * count;

    return cap < most ? cap : most;
}

static enum hws_err grow(struct hws_peer *peer)
{
    struct hws_channels *all = &peer->channels;
    size_t cap = grown(all->slot_cap, SLOTS_FIRST, peer->config.channel_limit);
    struct hws_peer_channel *slots;
    uint16_t *turns;

    if (all->slot_cap >= peer->config.channel_limit) return HWS_ERR_FULL;
    slots = calloc(cap, sizeof(*slots));
    turns = calloc(cap, sizeof(*turns));
    if (!slots || !turns) {
        free(slots);
        free(turns);
        return HWS_ERR_NO_MEMORY;
    }
    if (all->slot_count > 0) memcpy(slots, all->slots, all->slot_count * sizeof(*slots));
    if (all->turn_count > 0) memcpy(turns, all->turns, all->turn_count * sizeof(*turns));
    free(all->slots);
    free(all->turns);
    all->slots = slots;
    all->turns = turns;
    all->slot_cap = (uint16_t)cap;
    return HWS_OK;
}

/* A slot that nobody uses. The lists that it is still on stay as they are. */
static enum hws_err find_slot(struct hws_peer *peer, struct hws_peer_channel **out)
{
    struct hws_channels *all = &peer->channels;
    struct hws_peer_channel *channel = hws_slot_pop(peer, HWS_LIST_FREE);
    enum hws_err err;

    if (!channel) {
        err = all->slot_count < all->slot_cap ? HWS_OK : grow(peer);
        if (err) return err;
        channel = &all->slots[all->slot_count++];
        channel->generation = 1;
    }
    *out = channel;
    return HWS_OK;
}

enum hws_err hws_channel_claim(struct hws_peer *peer, struct hws_bytes label,
                               struct hws_bytes protocol, struct hws_peer_channel **out)
{
    size_t len = label.len + protocol.len;
    struct hws_peer_channel *channel, fresh;
    enum hws_err err;
    char *names;

    if (len > HWS_LABEL_TOTAL_MAX - peer->channels.name_bytes) return HWS_ERR_FULL;
    names = calloc(1, len + 1);
    if (!names) return HWS_ERR_NO_MEMORY;
    err = find_slot(peer, &channel);
    if (err) {
        free(names);
        return err;
    }
    if (label.len > 0) memcpy(names, label.data, label.len);
    if (protocol.len > 0) memcpy(names + label.len, protocol.data, protocol.len);
    fresh = (struct hws_peer_channel){
        .generation = channel->generation,
        .listed = channel->listed,
        .stream = HWS_NO_STREAM,
        .turn = HWS_NO_SLOT,
        .priority = HWS_PRIORITY_NORMAL,
        .names = names,
        .label_len = (uint16_t)label.len,
        .protocol_len = (uint16_t)protocol.len,
    };
    memcpy(fresh.next, channel->next, sizeof(fresh.next));
    *channel = fresh;
    peer->channels.name_bytes += len;
    *out = channel;
    return HWS_OK;
}

void hws_channel_release(struct hws_peer *peer, struct hws_peer_channel *channel)
{
    peer->channels.name_bytes -= (size_t)channel->label_len + channel->protocol_len;
    free(channel->names);
    channel->names = NULL;
    channel->label_len = channel->protocol_len = 0;
    channel->generation = (uint16_t)(channel->generation == 0xFFFF ? 1 : channel->generation + 1);
    channel->tell = 0;
    channel->state = HWS_CHANNEL_FREE;
    hws_slot_push(peer, HWS_LIST_FREE, channel);
}

/* ---- Streams */

struct hws_peer_channel *hws_channel_on(const struct hws_peer *peer, uint16_t stream)
{
    const struct hws_channels *all = &peer->channels;

    if (stream >= all->stream_cap || all->slot_of_stream[stream] >= HWS_SLOT_MAX) return NULL;
    return &all->slots[all->slot_of_stream[stream]];
}

static enum hws_err reach(struct hws_peer *peer, uint16_t stream)
{
    struct hws_channels *all = &peer->channels;
    size_t cap = grown(all->stream_cap, STREAMS_FIRST, peer->config.stream_count);
    uint16_t *map;

    if (stream < all->stream_cap) return HWS_OK;
    if (cap <= stream) cap = (size_t)stream + 1;
    map = calloc(cap, sizeof(*map));
    if (!map) return HWS_ERR_NO_MEMORY;
    if (all->stream_cap > 0) memcpy(map, all->slot_of_stream, all->stream_cap * sizeof(*map));
    for (size_t i = all->stream_cap; i < cap; i++) {
        map[i] = HWS_NO_SLOT;
    }
    free(all->slot_of_stream);
    all->slot_of_stream = map;
    all->stream_cap = cap;
    return HWS_OK;
}

enum hws_err hws_channel_bind(struct hws_peer *peer, struct hws_peer_channel *channel,
                              uint16_t stream)
{
    enum hws_err err = reach(peer, stream);

    if (err) return err;
    peer->channels.slot_of_stream[stream] = slot_of(peer, channel);
    channel->stream = stream;
    return HWS_OK;
}

static void free_stream(struct hws_channels *all, uint16_t stream)
{
    uint16_t *first = &all->first_free[stream % 2];

    all->slot_of_stream[stream] = HWS_NO_SLOT;
    if (stream < *first) *first = stream;
}

void hws_channel_unbind(struct hws_peer *peer, struct hws_peer_channel *channel)
{
    if (channel->stream == HWS_NO_STREAM) return;
    free_stream(&peer->channels, channel->stream);
    channel->stream = HWS_NO_STREAM;
}

bool hws_stream_mark(struct hws_peer *peer, uint16_t stream, uint16_t mark)
{
    if (stream >= hws_channel_streams(peer) || reach(peer, stream) ||
        peer->channels.slot_of_stream[stream] != HWS_NO_SLOT)
        return false;
    peer->channels.slot_of_stream[stream] = mark;
    return true;
}

bool hws_stream_unmark(struct hws_peer *peer, uint16_t stream, uint16_t mark)
{
    struct hws_channels *all = &peer->channels;

    if (stream >= all->stream_cap || all->slot_of_stream[stream] != mark) return false;
    free_stream(all, stream);
    return true;
}

uint16_t hws_channel_streams(const struct hws_peer *peer)
{
    uint16_t count = peer->sctp ? hws_sctp_streams(peer->sctp) : peer->config.stream_count;

    return count < peer->config.stream_count ? count : peer->config.stream_count;
}

static bool is_free(const struct hws_channels *all, uint32_t stream)
{
    return stream >= all->stream_cap || all->slot_of_stream[stream] == HWS_NO_SLOT;
}

static uint32_t free_from(const struct hws_channels *all, uint32_t stream, uint32_t limit)
{
    while (stream < limit && !is_free(all, stream)) {
        stream += 2;
    }
    return stream;
}

/* The DTLS client takes even ones, the server odd ones (RFC 8832 section 6). One that we have reset
 * is left alone until the answer has come, which would end a new channel. And one that has just
 * come free rests while another of the small numbers is to be had, so that nothing that is late or
 * repeated, on either side, is taken for the channel that has it next. */
enum hws_err hws_channel_number(struct hws_peer *peer, struct hws_peer_channel *channel)
{
    enum { SMALL = 64 };
    struct hws_channels *all = &peer->channels;
    uint16_t parity = peer->dtls_role == HWS_DTLS_CLIENT ? 0 : 1;
    uint32_t limit = hws_channel_streams(peer), small = limit < SMALL ? limit : SMALL;
    uint32_t stream = free_from(all, parity + 2U * all->numbered[parity] % SMALL, small);

    if (stream >= small) {
        stream = free_from(all, all->first_free[parity], limit);
        if (stream >= limit) return HWS_ERR_FULL;
        all->first_free[parity] = (uint16_t)stream;
    }
    all->numbered[parity] = (uint16_t)((stream - parity) / 2 + 1);
    return hws_channel_bind(peer, channel, (uint16_t)stream);
}
