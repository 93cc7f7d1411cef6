/* Order and syntax of the lines that are not attributes (RFC 8866 section 9). */
#include "base/address.h"
#include "sdp/sdp_internal.h"
#include "sdp/text_internal.h"

#include <string.h>

/* Which type letters may come right after which. */
struct followers {
    uint8_t last;
    const char *letters;
};

/* The start stands in the first row, as letter 0. A z= line needs an r= line before it. */
static const struct followers session_order[] = {
    {0,   "v"      },
    {'v', "o"      },
    {'o', "s"      },
    {'s', "iuepcbt"},
    {'i', "uepcbt" },
    {'u', "epcbt"  },
    {'e', "epcbt"  },
    {'p', "pcbt"   },
    {'c', "bt"     },
    {'b', "bt"     },
    {'t', "trkam"  },
    {'r', "trzkam" },
    {'z', "tkam"   },
    {'k', "am"     },
    {'a', "am"     },
};

static const struct followers media_order[] = {
    {'m', "micbka"},
    {'i', "mcbka" },
    {'c', "mcbka" },
    {'b', "mbka"  },
    {'k', "ma"    },
    {'a', "ma"    },
};

static bool is_among(uint8_t letter, const char *letters)
{
    return letter != 0 && hws_text_find(hws_bytes_of(letters), letter) < strlen(letters);
}

bool hws_sdp_is_letter(uint8_t letter)
{
    return is_among(letter, "vosiuepcbtrzkam");
}

bool hws_sdp_may_follow(bool in_media, uint8_t last, uint8_t letter)
{
    const struct followers *rows = in_media ? media_order : session_order;
    size_t count = in_media ? sizeof(media_order) / sizeof(media_order[0])
                            : sizeof(session_order) / sizeof(session_order[0]);

    for (size_t i = 0; i < count; i++) {
        if (rows[i].last == last) return is_among(letter, rows[i].letters);
    }
    return false;
}

/* Could it be the name of a host? A text of digits and dots alone is a mistyped address. */
static bool is_name(struct hws_bytes text)
{
    return hws_text_is_visible(text) && hws_text_find(text, ':') == text.len &&
           hws_text_find(text, '/') == text.len &&
           !hws_text_is_digits(hws_text_after(text, text.len - 1));
}

/* "IN IP4 192.0.2.1": the end of an o= line and all of a c= line. The words are taken. */
static bool read_place(struct hws_words *words, bool *out_is_ip6, struct hws_bytes *out_address)
{
    struct hws_bytes net = hws_next_word(words), family = hws_next_word(words);

    *out_address = hws_next_word(words);
    *out_is_ip6 = hws_text_is(family, "IP6");
    return hws_words_done(words) && hws_text_is(net, "IN") &&
           (*out_is_ip6 || hws_text_is(family, "IP4")) && hws_text_is_visible(*out_address);
}

/* Multicast addresses may carry "/ttl" and "/count" (RFC 8866 section 5.7). */
static bool are_slashed_numbers(struct hws_bytes text)
{
    size_t count = 0;
    uint64_t ignored;

    while (text.len > 0 && count++ < 2) {
        struct hws_bytes number = hws_text_after(text, 1);

        number.len = hws_text_find(number, '/');
        if (text.data[0] != '/' || !hws_text_number(number, UINT32_MAX, &ignored)) return false;
        text = hws_text_after(text, 1 + number.len);
    }
    return text.len == 0;
}

static bool is_connection(struct hws_bytes value)
{
    struct hws_words words = hws_words_over(value);
    struct hws_bytes place, ip;
    struct hws_address addr;
    bool is_ip6;

    if (!read_place(&words, &is_ip6, &place)) return false;
    ip = (struct hws_bytes){place.data, hws_text_find(place, '/')};
    if (!are_slashed_numbers(hws_text_after(place, ip.len))) return false;
    if (hws_address_read(ip, &addr) == HWS_OK)
        return addr.family == (is_ip6 ? HWS_FAMILY_IP6 : HWS_FAMILY_IP4);
    return ip.len == place.len && is_name(place);
}

enum hws_sdp_flaw hws_sdp_read_origin(struct hws_bytes value, uint64_t *out_id,
                                      uint64_t *out_version)
{
    struct hws_words words = hws_words_over(value);
    struct hws_bytes user = hws_next_word(&words), id = hws_next_word(&words);
    struct hws_bytes version = hws_next_word(&words), place;
    uint64_t id_value;
    bool is_ip6;

    if (user.len == 0 || !hws_text_saturated(id, &id_value)) return HWS_SDP_E_ORIGIN;
    if (!hws_text_is_digits(version) || !read_place(&words, &is_ip6, &place))
        return HWS_SDP_E_ORIGIN;
    *out_id = id_value;
    return hws_text_saturated(version, out_version) ? HWS_SDP_SOUND : HWS_SDP_E_ORIGIN;
}

/* token *("/" token) */
static bool is_proto(struct hws_bytes text)
{
    for (;;) {
        struct hws_bytes part = {text.data, hws_text_find(text, '/')};

        if (!hws_text_is_token(part)) return false;
        if (part.len == text.len) return true;
        text = hws_text_after(text, part.len + 1);
    }
}

/* "9" or "9/2": how many ports follow says nothing to ICE. */
static bool read_media_port(struct hws_bytes text, uint16_t *out)
{
    struct hws_bytes port = {text.data, hws_text_find(text, '/')};
    uint64_t value, count;

    if (!hws_text_number(port, UINT16_MAX, &value)) return false;
    if (port.len < text.len &&
        (!hws_text_number(hws_text_after(text, port.len + 1), UINT32_MAX, &count) || count == 0))
        return false;
    *out = (uint16_t)value;
    return true;
}

enum hws_sdp_flaw hws_sdp_read_mline(struct hws_bytes value, struct hws_sdp_mline *out)
{
    struct hws_words words = hws_words_over(value);
    struct hws_sdp_mline line = {.media = hws_next_word(&words)};
    struct hws_bytes port = hws_next_word(&words);

    line.proto = hws_next_word(&words);
    line.formats = words.rest;
    do {
        struct hws_bytes format = hws_next_word(&words);

        if (!hws_text_is_token(format) || format.len >= HWS_SDP_FORMAT_MAX) return HWS_SDP_E_MLINE;
    } while (words.more);
    if (!hws_words_done(&words) || !hws_text_is_token(line.media) || !is_proto(line.proto))
        return HWS_SDP_E_MLINE;
    if (line.media.len >= HWS_SDP_WORD_MAX || line.proto.len >= HWS_SDP_WORD_MAX)
        return HWS_SDP_E_MLINE;
    if (!read_media_port(port, &line.port)) return HWS_SDP_E_MLINE;
    *out = line;
    return HWS_SDP_SOUND;
}

static bool is_two_numbers(struct hws_bytes value)
{
    struct hws_words words = hws_words_over(value);
    struct hws_bytes start = hws_next_word(&words), stop = hws_next_word(&words);

    return hws_words_done(&words) && hws_text_is_digits(start) && hws_text_is_digits(stop);
}

/* Words of r= and z= lines: numbers with a sign and a unit, such as "-1h" or "604800". */
static bool are_typed_times(struct hws_bytes value, size_t min)
{
    struct hws_words words = hws_words_over(value);
    size_t count = 0;

    while (words.more) {
        struct hws_bytes word = hws_next_word(&words);

        if (hws_text_starts(word, "-")) word = hws_text_after(word, 1);
        if (word.len > 1 && is_among(word.data[word.len - 1], "dhms")) word.len--;
        if (!hws_text_is_digits(word)) return false;
        count++;
    }
    return !words.failed && count >= min;
}

static bool is_bandwidth(struct hws_bytes value)
{
    size_t at = hws_text_find(value, ':');

    return at < value.len && hws_text_is_token((struct hws_bytes){value.data, at}) &&
           hws_text_is_digits(hws_text_after(value, at + 1));
}

enum hws_sdp_flaw hws_sdp_check_line(uint8_t letter, struct hws_bytes value)
{
    switch (letter) {
    case 'v':
        return hws_text_is(value, "0") ? HWS_SDP_SOUND : HWS_SDP_E_VERSION;
    case 'c':
        return is_connection(value) ? HWS_SDP_SOUND : HWS_SDP_E_CONNECTION;
    case 't':
        return is_two_numbers(value) ? HWS_SDP_SOUND : HWS_SDP_E_TIME;
    case 'r': /* interval, duration and one offset or more */
        return are_typed_times(value, 3) ? HWS_SDP_SOUND : HWS_SDP_E_TIME;
    case 'z': /* a time and an offset, or more of both */
        return are_typed_times(value, 2) ? HWS_SDP_SOUND : HWS_SDP_E_TIME;
    case 'b':
        return is_bandwidth(value) ? HWS_SDP_SOUND : HWS_SDP_E_LINE;
    default: /* s, i, u, e, p, k: any text */
        return HWS_SDP_SOUND;
    }
}
