/**
 * @file
 * ChannelData, the short form in which a TURN server relays (RFC 8656 section 12.4).
 *
 *      0               2               4
 *     +---------------+---------------+-----------------------+
 *     | channel       | data length   | data, padded on a     |
 *     | 4000 to 4FFF  |               | stream to 4 bytes     |
 *     +---------------+---------------+-----------------------+
 *
 * Over a stream, messages of STUN and ChannelData follow each other without any other frame:
 * hws_stream_message_len() says where the next one ends.
 */
#ifndef HWS_STUN_CHANNEL_DATA_H
#define HWS_STUN_CHANNEL_DATA_H

#include "base/writer.h"
#include "stun/stun.h"

#include <hawser/err.h>

enum {
    HWS_CHANNEL_DATA_HEADER_LEN = 4,
    HWS_CHANNEL_NUMBER_MIN = 0x4000,
    HWS_CHANNEL_NUMBER_MAX = 0x4FFF,
};

/** What is wrong with a ChannelData message, in the order in which it is looked for. */
enum hws_channel_data_flaw {
    HWS_CHANNEL_DATA_SOUND,
    HWS_CHANNEL_DATA_SHORT_HEADER,    /**< fewer than 4 bytes */
    HWS_CHANNEL_DATA_BAD_CHANNEL,     /**< number outside 0x4000 to 0x4FFF */
    HWS_CHANNEL_DATA_LENGTH_MISMATCH, /**< more data announced than there is */
};

/** Name as in the rule files, such as "BAD_CHANNEL"; "OK" for a sound message. */
const char *hws_channel_data_flaw_name(enum hws_channel_data_flaw flaw);

struct hws_channel_data {
    uint16_t channel;
    struct hws_bytes data; /**< borrows the message; data != NULL even if it is empty */
};

/**
 * Read one ChannelData message: a datagram, or as much of a stream as hws_stream_message_len()
 * says. Bytes after the data are padding and ignored (RFC 8656 section 12.5).
 *
 * @param[out] out   written only on HWS_OK
 * @param[out] flaw  may be NULL; what was wrong, written always
 * @retval HWS_ERR_TRUNCATED  SHORT_HEADER and LENGTH_MISMATCH
 * @retval HWS_ERR_MALFORMED  BAD_CHANNEL
 */
HWS_MUST_USE enum hws_err hws_channel_data_read(struct hws_bytes message,
                                                struct hws_channel_data *out,
                                                enum hws_channel_data_flaw *flaw);

/**
 * Append one ChannelData message; @p padded for a stream, where padding is a must
 * (RFC 8656 section 12.5).
 *
 * @retval HWS_ERR_ARGUMENT  the channel is out of range
 * @retval HWS_ERR_TOO_BIG   more than 65535 bytes
 * @retval HWS_ERR_FULL      it does not fit; @p out is as before
 */
HWS_MUST_USE enum hws_err hws_channel_data_write(struct hws_writer *out, uint16_t channel,
                                                 struct hws_bytes data, bool padded);

/**
 * Bytes that the next message of a TURN stream takes, padding included.
 *
 * @retval HWS_ERR_AGAIN      fewer than 4 bytes are there, so it cannot be told yet
 * @retval HWS_ERR_MALFORMED  neither STUN nor ChannelData: the stream is lost, close it
 */
HWS_MUST_USE enum hws_err hws_stream_message_len(struct hws_bytes stream, size_t *out);

#endif /* HWS_STUN_CHANNEL_DATA_H */
