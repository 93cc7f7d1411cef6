#include "dtls/hello.h"

#include "base/bytes.h"
#include "base/limits.h"
#include "base/writer.h"

#include <stdlib.h>
#include <string.h>

enum {
    HEADERS = HWS_RECORD_HEADER + HWS_HANDSHAKE_HEADER,
    VERSION_AND_RANDOM = 2 + 32,
    KEY_SHARE = 51, /* RFC 8446 section 4.2 */
};

void hws_hello_fini(struct hws_hello *hello)
{
    free(hello->block);
    *hello = (struct hws_hello){0};
}

static bool is_piece(const struct hws_fragment *fragment)
{
    return fragment->type == HWS_CLIENT_HELLO && fragment->body.len < fragment->message_len;
}

bool hws_hello_is_piece(const struct hws_record *record)
{
    struct hws_bytes rest = record->body;
    struct hws_fragment fragment;

    if (record->unified || record->epoch != 0 || record->type != HWS_RECORD_HANDSHAKE) return false;
    return rest.len > 0 && hws_fragment_next(&rest, &fragment) && is_piece(&fragment);
}

/* Make room for the hello to which the fragment belongs, unless it is the one at hand. */
static enum hws_err begin(struct hws_hello *hello, const struct hws_fragment *fragment)
{
    size_t body_len = fragment->message_len;

    if (hello->body_len == body_len && hello->message_seq == fragment->message_seq &&
        hello->missing > 0) {
        return HWS_OK;
    }
    hws_hello_fini(hello);
    if (HWS_HANDSHAKE_HEADER + body_len > HWS_HELLO_MAX) return HWS_ERR_TOO_BIG;
    hello->block = calloc(1, HEADERS + body_len + (body_len + 7) / 8);
    if (!hello->block) return HWS_ERR_NO_MEMORY;
    hello->body_len = body_len;
    hello->missing = body_len;
    hello->message_seq = fragment->message_seq;
    return HWS_OK;
}

static void copy_in(struct hws_hello *hello, const struct hws_fragment *fragment)
{
    uint8_t *body = hello->block + HEADERS;
    uint8_t *have = body + hello->body_len;

    for (size_t i = 0; i < fragment->body.len; i++) {
        size_t at = fragment->offset + i;
        uint8_t bit = (uint8_t)(1U << (at & 7));

        if (have[at >> 3] & bit) continue;
        have[at >> 3] |= bit;
        body[at] = fragment->body.data[i];
        hello->missing--;
    }
}

/* type, version, epoch and sequence of the last record; lengths and numbers of a whole message */
static void write_headers(struct hws_hello *hello, const struct hws_record *record)
{
    struct hws_writer out = hws_writer_over(hello->block, HEADERS);
    uint8_t high = (uint8_t)(hello->body_len >> 16);
    uint16_t low = (uint16_t)hello->body_len;

    hws_write_bytes(&out, (struct hws_bytes){record->whole.data, HWS_RECORD_HEADER - 2});
    hws_write_u16(&out, (uint16_t)(HWS_HANDSHAKE_HEADER + hello->body_len));
    hws_write_u8(&out, HWS_CLIENT_HELLO);
    hws_write_u8(&out, high);
    hws_write_u16(&out, low);
    hws_write_u16(&out, hello->message_seq);
    hws_write_zeros(&out, 3); /* offset */
    hws_write_u8(&out, high);
    hws_write_u16(&out, low);
}

static enum hws_err add_fragment(struct hws_hello *hello, const struct hws_fragment *fragment)
{
    enum hws_err err;

    if (!is_piece(fragment)) return HWS_ERR_MALFORMED;
    err = begin(hello, fragment);
    if (err) return err;
    if (hello->fragment_count == HWS_HELLO_FRAGMENTS) return HWS_ERR_FULL;
    hello->fragment_count++;
    copy_in(hello, fragment);
    return HWS_OK;
}

enum hws_err hws_hello_add(struct hws_hello *hello, const struct hws_record *record,
                           struct hws_bytes *out)
{
    struct hws_bytes rest = record->body;
    struct hws_fragment fragment;
    enum hws_err err = HWS_OK;

    while (rest.len > 0 && !err) {
        err = hws_fragment_next(&rest, &fragment) ? add_fragment(hello, &fragment)
                                                  : HWS_ERR_MALFORMED;
        if (!err && hello->missing == 0) break; /* what follows can only repeat it */
    }
    if (err) {
        hws_hello_fini(hello);
        return err;
    }
    if (hello->missing > 0) return HWS_ERR_AGAIN;
    write_headers(hello, record);
    *out = (struct hws_bytes){hello->block, HEADERS + hello->body_len};
    return HWS_OK;
}

/* RFC 8446 section 4.1.2 with the cookie of RFC 9147 section 5.3, up to the extensions. */
static struct hws_cursor extensions_of(struct hws_bytes record)
{
    struct hws_cursor cur = hws_cursor_over(record);

    (void)hws_read_bytes(&cur, HEADERS + VERSION_AND_RANDOM);
    (void)hws_read_bytes(&cur, hws_read_u8(&cur));  /* session id */
    (void)hws_read_bytes(&cur, hws_read_u8(&cur));  /* cookie */
    (void)hws_read_bytes(&cur, hws_read_u16(&cur)); /* suites */
    (void)hws_read_bytes(&cur, hws_read_u8(&cur));  /* compression */
    return hws_cursor_over(hws_read_bytes(&cur, hws_read_u16(&cur)));
}

static bool names_group(struct hws_bytes shares, uint16_t group)
{
    struct hws_cursor cur = hws_cursor_over(shares);

    cur = hws_cursor_over(hws_read_bytes(&cur, hws_read_u16(&cur)));
    while (!cur.failed && cur.rest.len > 0) {
        uint16_t name = hws_read_u16(&cur);

        (void)hws_read_bytes(&cur, hws_read_u16(&cur));
        if (!cur.failed && name == group) return true;
    }
    return false;
}

bool hws_hello_has_share(struct hws_bytes record, uint16_t group)
{
    struct hws_cursor cur = extensions_of(record);

    while (!cur.failed && cur.rest.len > 0) {
        uint16_t type = hws_read_u16(&cur);
        struct hws_bytes body = hws_read_bytes(&cur, hws_read_u16(&cur));

        if (!cur.failed && type == KEY_SHARE) return names_group(body, group);
    }
    return false;
}

size_t hws_hello_cut(struct hws_bytes whole, size_t *done, uint8_t *out, size_t cap)
{
    struct hws_writer writer = hws_writer_over(out, cap);
    struct hws_bytes body = {whole.data + HEADERS, whole.len - HEADERS};
    const uint8_t *header = whole.data + HWS_RECORD_HEADER;
    size_t len = body.len - *done < cap - HEADERS ? body.len - *done : cap - HEADERS;

    if (len == 0) return 0;
    hws_write_bytes(&writer, (struct hws_bytes){whole.data, HWS_RECORD_HEADER - 2});
    hws_write_u16(&writer, (uint16_t)(HWS_HANDSHAKE_HEADER + len));
    hws_write_bytes(&writer, (struct hws_bytes){header, 6}); /* type, length, message_seq */
    hws_write_u8(&writer, (uint8_t)(*done >> 16));
    hws_write_u16(&writer, (uint16_t)*done);
    hws_write_u8(&writer, (uint8_t)(len >> 16));
    hws_write_u16(&writer, (uint16_t)len);
    hws_write_bytes(&writer, (struct hws_bytes){body.data + *done, len});
    *done += len;
    return hws_written(&writer).len;
}
