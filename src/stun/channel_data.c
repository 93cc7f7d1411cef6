#include "stun/channel_data.h"

#include "base/bytes.h"

const char *hws_channel_data_flaw_name(enum hws_channel_data_flaw flaw)
{
    switch (flaw) {
    case HWS_CHANNEL_DATA_SHORT_HEADER:
        return "SHORT_HEADER";
    case HWS_CHANNEL_DATA_BAD_CHANNEL:
        return "BAD_CHANNEL";
    case HWS_CHANNEL_DATA_LENGTH_MISMATCH:
        return "LENGTH_MISMATCH";
    case HWS_CHANNEL_DATA_SOUND:
        break;
    }
    return "OK";
}

static bool is_channel(uint16_t number)
{
    return number >= HWS_CHANNEL_NUMBER_MIN && number <= HWS_CHANNEL_NUMBER_MAX;
}

static enum hws_channel_data_flaw judge(struct hws_bytes message, struct hws_channel_data *view)
{
    struct hws_cursor cur = hws_cursor_over(message);
    uint16_t channel = hws_read_u16(&cur);
    size_t data_len = hws_read_u16(&cur);

    if (cur.failed) return HWS_CHANNEL_DATA_SHORT_HEADER;
    if (!is_channel(channel)) return HWS_CHANNEL_DATA_BAD_CHANNEL;
    if (data_len > cur.rest.len) return HWS_CHANNEL_DATA_LENGTH_MISMATCH;
    view->channel = channel;
    view->data = (struct hws_bytes){message.data + HWS_CHANNEL_DATA_HEADER_LEN, data_len};
    return HWS_CHANNEL_DATA_SOUND;
}

enum hws_err hws_channel_data_read(struct hws_bytes message, struct hws_channel_data *out,
                                   enum hws_channel_data_flaw *flaw)
{
    struct hws_channel_data view = {0};
    enum hws_channel_data_flaw found = judge(message, &view);

    if (flaw) *flaw = found;
    switch (found) {
    case HWS_CHANNEL_DATA_SOUND:
        *out = view;
        return HWS_OK;
    case HWS_CHANNEL_DATA_SHORT_HEADER:
    case HWS_CHANNEL_DATA_LENGTH_MISMATCH:
        return HWS_ERR_TRUNCATED;
    case HWS_CHANNEL_DATA_BAD_CHANNEL:
        break;
    }
    return HWS_ERR_MALFORMED;
}

static size_t padding_after(size_t len)
{
    return (0 - len) & 3;
}

enum hws_err hws_channel_data_write(struct hws_writer *out, uint16_t channel, struct hws_bytes data,
                                    bool padded)
{
    struct hws_writer copy = *out;

    if (!is_channel(channel)) return HWS_ERR_ARGUMENT;
    if (data.len > UINT16_MAX) return HWS_ERR_TOO_BIG;
    hws_write_u16(&copy, channel);
    hws_write_u16(&copy, (uint16_t)data.len);
    hws_write_bytes(&copy, data);
    if (padded) hws_write_zeros(&copy, padding_after(data.len));
    if (copy.failed) return HWS_ERR_FULL;
    *out = copy;
    return HWS_OK;
}

enum hws_err hws_stream_message_len(struct hws_bytes stream, size_t *out)
{
    struct hws_cursor cur = hws_cursor_over(stream);
    uint16_t first = hws_read_u16(&cur);
    size_t len = hws_read_u16(&cur);

    if (cur.failed) return HWS_ERR_AGAIN;
    if (first >> 14 == 0) {
        if (len % 4 != 0) return HWS_ERR_MALFORMED;
        *out = HWS_STUN_HEADER_LEN + len;
        return HWS_OK;
    }
    if (!is_channel(first)) return HWS_ERR_MALFORMED;
    *out = HWS_CHANNEL_DATA_HEADER_LEN + len + padding_after(len);
    return HWS_OK;
}
