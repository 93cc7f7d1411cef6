#include "channels.h"

#include "bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct waiting {
    struct waiting *next;
    enum hws_message_kind kind;
    size_t len;
    uint8_t bytes[];
};

static void *must(void *memory)
{
    if (memory) return memory;
    fputs("interop-peer: out of memory\n", stderr);
    exit(1);
}

void interop_tell(json_t *event)
{
    must(event);
    (void)json_dumpf(event, stdout, JSON_COMPACT);
    putchar('\n');
    (void)fflush(stdout);
    json_decref(event);
}

void interop_tell_error(const char *format, ...)
{
    char text[256];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    interop_tell(json_pack("{s:s, s:s}", "event", "error", "text", text));
}

/* ---- The table */

static bool is_same(struct hws_channel one, struct hws_channel other)
{
    return one.slot == other.slot && one.generation == other.generation;
}

struct interop_channel *interop_add(struct interop_channels *all, struct hws_channel handle,
                                    const char *name)
{
    for (size_t i = 0; i < INTEROP_CHANNELS; i++) {
        struct interop_channel *channel = &all->list[i];

        if (channel->handle.generation != 0) continue;
        *channel = (struct interop_channel){.handle = handle};
        (void)snprintf(channel->name, sizeof(channel->name), "%s", name);
        return channel;
    }
    return NULL;
}

struct interop_channel *interop_find(struct interop_channels *all, struct hws_channel handle)
{
    for (size_t i = 0; i < INTEROP_CHANNELS; i++) {
        if (is_same(all->list[i].handle, handle)) return &all->list[i];
    }
    return NULL;
}

struct interop_channel *interop_find_name(struct interop_channels *all, const char *name)
{
    for (size_t i = 0; i < INTEROP_CHANNELS; i++) {
        struct interop_channel *channel = &all->list[i];

        if (channel->handle.generation != 0 && strcmp(channel->name, name) == 0) return channel;
    }
    return NULL;
}

static void drop_first(struct interop_channel *channel)
{
    struct waiting *first = channel->first;

    channel->first = first->next;
    if (!channel->first) channel->last = NULL;
    free(first);
}

void interop_remove(struct interop_channel *channel)
{
    while (channel->first) {
        drop_first(channel);
    }
    *channel = (struct interop_channel){0};
}

void interop_remove_all(struct interop_channels *all)
{
    for (size_t i = 0; i < INTEROP_CHANNELS; i++) {
        interop_remove(&all->list[i]);
    }
}

/* ---- Sending */

/* False: there is no room, ask again. A message that is refused is told and done with. */
static bool try_send(struct interop_channels *all, struct interop_channel *channel,
                     enum hws_message_kind kind, struct hws_bytes message, hws_time now)
{
    enum hws_err err = hws_peer_send(all->peer, channel->handle, kind, message, now);

    if (err == HWS_ERR_FULL) return false;
    if (err) interop_tell_error("send %s: %s", channel->name, hws_strerror(err));
    return true;
}

void interop_send(struct interop_channels *all, struct interop_channel *channel,
                  enum hws_message_kind kind, struct hws_bytes message, hws_time now)
{
    struct waiting *waiting;

    if (!channel->first && try_send(all, channel, kind, message, now)) return;
    waiting = must(calloc(1, sizeof(*waiting) + message.len));
    waiting->kind = kind;
    waiting->len = message.len;
    if (message.len > 0) memcpy(waiting->bytes, message.data, message.len);
    if (channel->last) {
        channel->last->next = waiting;
    } else {
        channel->first = waiting;
    }
    channel->last = waiting;
}

void interop_stream(struct interop_channel *channel, uint64_t total, size_t piece, uint32_t seed)
{
    channel->out.left = total;
    channel->out.piece = piece;
    channel->out.seed = seed;
    channel->out.at = 0;
    channel->out.on = true;
}

static bool send_piece(struct interop_channels *all, struct interop_channel *channel,
                       uint8_t *bytes, hws_time now)
{
    size_t len = channel->out.piece;

    if (len > channel->out.left) len = (size_t)channel->out.left;
    interop_fill(bytes, len, HWS_BINARY, channel->out.seed + (uint32_t)channel->out.at);
    if (!try_send(all, channel, HWS_BINARY, (struct hws_bytes){bytes, len}, now)) return false;
    channel->out.left -= len;
    channel->out.at++;
    return true;
}

void interop_go_on(struct interop_channels *all, struct interop_channel *channel, hws_time now)
{
    uint8_t *bytes;

    while (channel->first) {
        struct hws_bytes message = {channel->first->bytes, channel->first->len};

        if (!try_send(all, channel, channel->first->kind, message, now)) return;
        drop_first(channel);
    }
    if (!channel->out.on) return;
    bytes = must(calloc(1, channel->out.piece));
    while (channel->out.left > 0 && send_piece(all, channel, bytes, now)) {
    }
    free(bytes);
    if (channel->out.left > 0) return;
    channel->out.on = false;
    interop_tell(json_pack("{s:s, s:s}", "event", "streamed", "name", channel->name));
}

/* ---- Receiving */

static void tell_hash(json_t *event, uint32_t crc)
{
    char text[16];

    (void)snprintf(text, sizeof(text), "%08x", crc);
    (void)json_object_set_new(must(event), "hash", json_string(text));
    interop_tell(event);
}

void interop_take(struct interop_channel *channel, enum hws_message_kind kind,
                  struct hws_bytes message)
{
    if (channel->in.left == 0) {
        tell_hash(json_pack("{s:s, s:s, s:s, s:I}", "event", "message", "name", channel->name,
                            "kind", kind == HWS_TEXT ? "text" : "binary", "size",
                            (json_int_t)message.len),
                  interop_crc(0, message));
        return;
    }
    channel->in.messages++;
    channel->in.bytes += message.len;
    channel->in.crc = interop_crc(channel->in.crc, message);
    channel->in.left = channel->in.left > message.len ? channel->in.left - message.len : 0;
    if (channel->in.left > 0) return;
    tell_hash(json_pack("{s:s, s:s, s:I, s:I}", "event", "streaming", "name", channel->name,
                        "messages", (json_int_t)channel->in.messages, "bytes",
                        (json_int_t)channel->in.bytes),
              channel->in.crc);
}
