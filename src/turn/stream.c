#include "turn/stream.h"

#include "stun/channel_data.h"

#include <string.h>

/* Drop the first @p len bytes, some of which may not have come yet. */
static void drop(struct hws_turn_stream *stream, size_t len)
{
    size_t here = len < stream->len ? len : stream->len;

    stream->len -= here;
    memmove(stream->bytes, stream->bytes + here, stream->len);
    stream->skip += len - here;
}

size_t hws_turn_stream_feed(struct hws_turn_stream *stream, struct hws_bytes bytes)
{
    size_t skipped, len;

    drop(stream, stream->taken);
    stream->taken = 0;
    skipped = stream->skip < bytes.len ? stream->skip : bytes.len;
    stream->skip -= skipped;
    len = bytes.len - skipped;
    if (len > sizeof(stream->bytes) - stream->len) len = sizeof(stream->bytes) - stream->len;
    if (len > 0) memcpy(stream->bytes + stream->len, bytes.data + skipped, len);
    stream->len += len;
    return skipped + len;
}

enum hws_err hws_turn_stream_next(struct hws_turn_stream *stream, struct hws_bytes *out)
{
    size_t len;
    enum hws_err err;

    drop(stream, stream->taken);
    stream->taken = 0;
    for (;;) {
        err = hws_stream_message_len((struct hws_bytes){stream->bytes, stream->len}, &len);
        if (err) return err;
        if (len <= sizeof(stream->bytes)) break;
        drop(stream, len);
    }
    if (len > stream->len) return HWS_ERR_AGAIN;
    stream->taken = len;
    *out = (struct hws_bytes){stream->bytes, len};
    return HWS_OK;
}
