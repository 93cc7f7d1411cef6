/**
 * @file
 * The bounds-checked writer that every encoder writes through.
 *
 * Sticky like the cursor of bytes.h: the first write that does not fit marks the writer failed
 * and from then on nothing is written. An encoder writes straight down and asks once, at the end.
 */
#ifndef HWS_BASE_WRITER_H
#define HWS_BASE_WRITER_H

#include <hawser/types.h>

/** Write position inside a buffer that somebody else owns. */
struct hws_writer {
    uint8_t *data; /**< start of the buffer */
    size_t cap;    /**< its size in bytes */
    size_t len;    /**< bytes written so far */
    bool failed;   /**< some write did not fit */
};

struct hws_writer hws_writer_over(uint8_t *data, size_t cap);

void hws_write_u8(struct hws_writer *out, uint8_t value);
void hws_write_u16(struct hws_writer *out, uint16_t value); /**< network byte order */
void hws_write_u32(struct hws_writer *out, uint32_t value); /**< network byte order */
void hws_write_u64(struct hws_writer *out, uint64_t value); /**< network byte order */
void hws_write_bytes(struct hws_writer *out, struct hws_bytes bytes);
void hws_write_zeros(struct hws_writer *out, size_t len);

/** Overwrite two bytes written before, at @p at; for length fields known only afterwards. */
void hws_patch_u16(struct hws_writer *out, size_t at, uint16_t value);

/** Append formatted text without a NUL. */
void hws_write_text(struct hws_writer *out, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 2, 3)))
#endif
    ;

/** What has been written; empty when the writer failed. Borrows the buffer. */
struct hws_bytes hws_written(const struct hws_writer *out);

#endif /* HWS_BASE_WRITER_H */
