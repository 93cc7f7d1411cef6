/**
 * @file
 * Borrowed byte ranges and the bounds-checked cursor that every decoder reads through.
 *
 * The cursor is sticky: the first read past the end marks it failed, and from then on every
 * read yields zeros. A decoder therefore reads a whole structure straight down and asks once,
 * at the end, whether all of it was there. Nothing here allocates.
 */
#ifndef HWS_BASE_BYTES_H
#define HWS_BASE_BYTES_H

#include <hawser/types.h>

/** Read position inside borrowed bytes. */
struct hws_cursor {
    struct hws_bytes rest; /**< what has not been read yet */
    bool failed;           /**< some read ran past the end */
};

struct hws_cursor hws_cursor_over(struct hws_bytes bytes);

uint8_t hws_read_u8(struct hws_cursor *cur);
uint16_t hws_read_u16(struct hws_cursor *cur); /**< network byte order on the wire */
uint32_t hws_read_u32(struct hws_cursor *cur); /**< network byte order on the wire */

/** Next @p len bytes, borrowed from the input; empty once the cursor has failed. */
struct hws_bytes hws_read_bytes(struct hws_cursor *cur, size_t len);

/** A string literal or other NUL-terminated text as borrowed bytes, without the NUL. */
struct hws_bytes hws_bytes_of(const char *text);

bool hws_bytes_equal(struct hws_bytes a, struct hws_bytes b);

/** Compare @p len bytes in a time that does not depend on their values. */
bool hws_equal_secret(const uint8_t *a, const uint8_t *b, size_t len);

/** Overwrite @p len bytes at @p data; the compiler may not drop it. */
void hws_wipe(void *data, size_t len);

/** True when every byte was read and no read ran past the end. */
bool hws_cursor_done(const struct hws_cursor *cur);

#endif /* HWS_BASE_BYTES_H */
