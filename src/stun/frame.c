#include "stun/frame.h"

#include <string.h>

static void drop_taken(struct hws_frames *frames)
{
    frames->len -= frames->taken;
    memmove(frames->bytes, frames->bytes + frames->taken, frames->len);
    frames->taken = 0;
}

size_t hws_frames_feed(struct hws_frames *frames, struct hws_bytes bytes)
{
    size_t len = bytes.len;

    drop_taken(frames);
    if (len > sizeof(frames->bytes) - frames->len) len = sizeof(frames->bytes) - frames->len;
    if (len > 0) memcpy(frames->bytes + frames->len, bytes.data, len);
    frames->len += len;
    return len;
}

enum hws_err hws_frames_next(struct hws_frames *frames, struct hws_bytes *out)
{
    size_t len, at = frames->taken;

    for (;;) {
        if (frames->len - at < HWS_FRAME_HEAD) break;
        len = (size_t)frames->bytes[at] << 8 | frames->bytes[at + 1];
        if (len > HWS_DATAGRAM_IN_MAX) return HWS_ERR_TOO_BIG;
        if (frames->len - at - HWS_FRAME_HEAD < len) break;
        at += HWS_FRAME_HEAD + len;
        if (len == 0) continue; /* an empty one is legal, and says nothing */
        frames->taken = at;
        *out = (struct hws_bytes){frames->bytes + at - len, len};
        return HWS_OK;
    }
    frames->taken = at;
    drop_taken(frames); /* so that there is room for the rest of what has begun */
    return HWS_ERR_AGAIN;
}

void hws_frame_head(size_t len, uint8_t out[HWS_FRAME_HEAD])
{
    out[0] = (uint8_t)(len >> 8);
    out[1] = (uint8_t)len;
}
