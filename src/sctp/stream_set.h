/**
 * @file
 * A set of streams: one bit each. The owner knows how many streams there are.
 */
#ifndef HWS_SCTP_STREAM_SET_H
#define HWS_SCTP_STREAM_SET_H

#include <hawser/types.h>

struct hws_stream_set {
    uint8_t *bits; /**< owned */
    size_t count;  /**< streams in it */
};

/** Room for @p streams of them; false when there is no memory. */
bool hws_stream_set_init(struct hws_stream_set *set, size_t streams);
void hws_stream_set_fini(struct hws_stream_set *set);

bool hws_stream_set_has(const struct hws_stream_set *set, uint16_t stream);
void hws_stream_set_add(struct hws_stream_set *set, uint16_t stream);
void hws_stream_set_remove(struct hws_stream_set *set, uint16_t stream);
/** Take out the lowest of @p streams; false when empty. */
bool hws_stream_set_take(struct hws_stream_set *set, size_t streams, uint16_t *out);

#endif /* HWS_SCTP_STREAM_SET_H */
