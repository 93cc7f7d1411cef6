/**
 * @file
 * Small pieces of text grammar that descriptions and candidates share: words, numbers, characters.
 */
#ifndef HWS_SDP_TEXT_INTERNAL_H
#define HWS_SDP_TEXT_INTERNAL_H

#include "base/bytes.h"

/**
 * Words with exactly one space between them. Sticky like the cursor of base/bytes.h: an empty or
 * missing word marks it failed, and from then on every word is empty.
 */
struct hws_words {
    struct hws_bytes rest;
    bool more; /**< another word follows, perhaps an empty one */
    bool failed;
};

struct hws_words hws_words_over(struct hws_bytes text);
struct hws_bytes hws_next_word(struct hws_words *words);
/** True when every word was read and none was missing or empty. */
bool hws_words_done(const struct hws_words *words);

/** @p text without its first @p len bytes; @p len is at most its length. */
struct hws_bytes hws_text_after(struct hws_bytes text, size_t len);
bool hws_text_starts(struct hws_bytes text, const char *prefix);
/** Where @p byte first is in @p text; its length when it is not there. */
size_t hws_text_find(struct hws_bytes text, uint8_t byte);

bool hws_text_is(struct hws_bytes text, const char *other);
/** As hws_text_is(), with A to Z equal to a to z: what RFC 5234 section 2.3 says of literals. */
bool hws_text_is_nocase(struct hws_bytes text, const char *other);

/** token of RFC 8866 section 9: one character or more. */
bool hws_text_is_token(struct hws_bytes text);
/** @p min to @p max characters, all ice-char of RFC 8839 section 5.1. */
bool hws_text_is_ice(struct hws_bytes text, size_t min, size_t max);
/** Visible ASCII only; true when empty. */
bool hws_text_is_visible(struct hws_bytes text);
/** Digits only, at least one. */
bool hws_text_is_digits(struct hws_bytes text);
/** Does a number begin with a zero that says nothing? */
bool hws_text_is_padded(struct hws_bytes text);

/** Read 1*DIGIT; false when it is anything else or above @p max. @p out is written on success. */
bool hws_text_number(struct hws_bytes text, uint64_t max, uint64_t *out);
/** Read 1*DIGIT; what is above 2^64-1 becomes that. */
bool hws_text_saturated(struct hws_bytes text, uint64_t *out);
/** Value of a hexadecimal digit of either case, or -1. */
int hws_text_hex(uint8_t c);

/** Copy into @p out of @p cap bytes with a NUL behind; the caller has checked that it fits. */
void hws_text_copy(struct hws_bytes text, char *out, size_t cap);

#endif /* HWS_SDP_TEXT_INTERNAL_H */
