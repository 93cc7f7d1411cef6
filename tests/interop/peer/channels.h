/**
 * @file
 * The channels of an interop peer by their names: what waits to be sent on each, streams both ways.
 */
#ifndef INTEROP_CHANNELS_H
#define INTEROP_CHANNELS_H

#include <hawser/peer.h>

#include <jansson.h>

enum { INTEROP_CHANNELS = 1024, INTEROP_NAME = 128 };

struct waiting; /* a message that found no room */

struct interop_channel {
    struct hws_channel handle; /* generation 0: the entry is free */
    char name[INTEROP_NAME];
    struct waiting *first, *last;
    struct {
        uint64_t left, at; /* bytes to send; number of the next message */
        size_t piece;
        uint32_t seed;
        bool on;
    } out;
    struct {
        uint64_t left, messages, bytes;
        uint32_t crc;
    } in;
};

struct interop_channels {
    struct hws_peer *peer; /* borrowed; NULL when there is none */
    struct interop_channel list[INTEROP_CHANNELS];
};

/** Write one event as a line; consumes @p event. NULL ends the program: memory is out. */
void interop_tell(json_t *event);
void interop_tell_error(const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 1, 2)))
#endif
    ;

struct interop_channel *interop_add(struct interop_channels *all, struct hws_channel handle,
                                    const char *name);
struct interop_channel *interop_find(struct interop_channels *all, struct hws_channel handle);
struct interop_channel *interop_find_name(struct interop_channels *all, const char *name);
void interop_remove(struct interop_channel *channel);
void interop_remove_all(struct interop_channels *all);

/** Send, or keep it until there is room. The bytes are copied. */
void interop_send(struct interop_channels *all, struct interop_channel *channel,
                  enum hws_message_kind kind, struct hws_bytes message, hws_time now);

/** Begin a stream of @p total bytes; interop_go_on() sends it. */
void interop_stream(struct interop_channel *channel, uint64_t total, size_t piece, uint32_t seed);

/** Send what has room now: what waits, then of the stream. */
void interop_go_on(struct interop_channels *all, struct interop_channel *channel, hws_time now);

/** One message came: tell it, or count it as part of an expected stream. */
void interop_take(struct interop_channel *channel, enum hws_message_kind kind,
                  struct hws_bytes message);

#endif /* INTEROP_CHANNELS_H */
