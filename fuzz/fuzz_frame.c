/* Any bytes as a stream of frames (RFC 4571 section 2), in pieces of a size that the first byte
 * chooses. What comes out is what a reader of the whole finds, however it was cut. */
#include "stun/frame.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) abort();
}

/* The next frame that says something, the simple way. @return false: there is no whole one */
static bool expect(const uint8_t *data, size_t size, size_t *at, struct hws_bytes *out, bool *lost)
{
    for (;;) {
        size_t len;

        if (size - *at < HWS_FRAME_HEAD) return false;
        len = (size_t)(data[*at] * 256 + data[*at + 1]);
        *lost = len > HWS_DATAGRAM_IN_MAX;
        if (*lost || size - *at - HWS_FRAME_HEAD < len) return false;
        *out = (struct hws_bytes){data + *at + HWS_FRAME_HEAD, len};
        *at += HWS_FRAME_HEAD + len;
        if (len > 0) return true;
    }
}

/* All that is whole among the first @p end bytes; false when the stream is lost. */
static bool drain(struct hws_frames *frames, const uint8_t *data, size_t end, size_t *at)
{
    struct hws_bytes got, wanted;
    enum hws_err err;
    bool lost = false;

    while ((err = hws_frames_next(frames, &got)) == HWS_OK) {
        require(expect(data, end, at, &wanted, &lost));
        require(got.len == wanted.len && memcmp(got.data, wanted.data, got.len) == 0);
    }
    require(!expect(data, end, at, &wanted, &lost));
    require(err == (lost ? HWS_ERR_TOO_BIG : HWS_ERR_AGAIN));
    return !lost;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hws_frames *frames = calloc(1, sizeof(*frames));
    size_t piece, fed = 0, at = 0;

    require(frames != NULL);
    if (size > 0) {
        piece = (size_t)data[0] * 16 + 1;
        data++;
        size--;
        while (fed < size) {
            struct hws_bytes next = {data + fed, piece < size - fed ? piece : size - fed};
            size_t taken = hws_frames_feed(frames, next);

            require(taken > 0 && taken <= next.len);
            fed += taken;
            if (!drain(frames, data, fed, &at)) break;
        }
    }
    free(frames);
    return 0;
}
