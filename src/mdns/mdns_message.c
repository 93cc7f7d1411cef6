#include "mdns/mdns_message.h"

#include <stdio.h>
#include <string.h>

enum { /* RFC 1035 section 3.2, RFC 3596 section 2.1 */
       TYPE_A = 1,
       TYPE_AAAA = 28,
       TYPE_ANY = 255,
       CLASS_IN = 1,
       CLASS_ANY = 255,
};

enum {
    HEADER_LEN = 12,
    FLAG_RESPONSE = 0x8000,
    FLAG_AUTHORITATIVE = 0x0400,
    FLAGS_UNUSABLE = 0x7800 | 0x000F, /* another opcode, or an error (RFC 6762 section 18) */
    TOP_BIT = 0x8000,                 /* of the class: "unicast" or "cache flush" */
    LABEL_MAX = 63,
    POINTER = 0xC0,
    JUMPS_MAX = 16,  /* of compressed names: each goes back, and real ones need two */
    LEGACY_TTL = 10, /* RFC 6762 section 6.7 */
};

/* ---- Reading */

enum hws_err hws_mdns_open(struct hws_bytes message, struct hws_mdns_reader *out)
{
    struct hws_mdns_reader reader = {.message = message, .at = hws_cursor_over(message)};
    uint16_t flags;

    reader.id = hws_read_u16(&reader.at);
    flags = hws_read_u16(&reader.at);
    reader.questions_left = hws_read_u16(&reader.at);
    for (int i = 0; i < 3; i++) { /* answers, authorities, additional ones: an address is welcome */
        reader.records_left += hws_read_u16(&reader.at);
    }
    if (reader.at.failed || (flags & FLAGS_UNUSABLE)) return HWS_ERR_MALFORMED;
    reader.is_response = (flags & FLAG_RESPONSE) != 0;
    *out = reader;
    return HWS_OK;
}

/* Append a label to the text of a name. What does not fit makes it a name that we do not know. */
static void append_label(char name[HWS_MDNS_NAME_TEXT], size_t *len, struct hws_bytes label)
{
    if (*len + label.len + 2 > HWS_MDNS_NAME_TEXT) {
        *len = HWS_MDNS_NAME_TEXT;
        return;
    }
    if (*len > 0) name[(*len)++] = '.';
    for (size_t i = 0; i < label.len; i++) {
        uint8_t c = label.data[i];

        if (c >= 'A' && c <= 'Z') c = (uint8_t)(c + ('a' - 'A'));
        if (c <= ' ' || c >= 0x7F || c == '.') c = '?'; /* no character of a name of ours */
        name[(*len)++] = (char)c;
    }
}

/* RFC 1035 section 4.1.4. A pointer goes back only, and there is an end to them. */
static bool read_name(struct hws_mdns_reader *reader, char name[HWS_MDNS_NAME_TEXT])
{
    struct hws_cursor cur = reader->at;
    bool jumped = false;
    size_t len = 0, jumps = 0;

    for (;;) {
        size_t here = reader->message.len - cur.rest.len;
        uint8_t first = hws_read_u8(&cur);

        if (cur.failed) return false;
        if (first == 0) break;
        if ((first & POINTER) == POINTER) {
            size_t target = (size_t)(first & ~POINTER) << 8 | hws_read_u8(&cur);

            if (cur.failed || target >= here || target < HEADER_LEN || ++jumps > JUMPS_MAX)
                return false;
            if (!jumped) reader->at = cur;
            jumped = true;
            cur = hws_cursor_over(
                (struct hws_bytes){reader->message.data + target, reader->message.len - target});
        } else if (first > LABEL_MAX) {
            return false;
        } else {
            append_label(name, &len, hws_read_bytes(&cur, first));
        }
    }
    if (!jumped) reader->at = cur;
    name[len < HWS_MDNS_NAME_TEXT ? len : 0] = '\0';
    return !cur.failed;
}

static bool read_question(struct hws_mdns_reader *reader, struct hws_mdns_entry *entry)
{
    uint16_t type, class;

    if (!read_name(reader, entry->name)) return false;
    type = hws_read_u16(&reader->at);
    class = hws_read_u16(&reader->at);
    entry->is_question = true;
    entry->unicast = (class & TOP_BIT) != 0;
    class = class & (uint16_t)~TOP_BIT;
    if (class == CLASS_IN || class == CLASS_ANY) {
        entry->wants_ip4 = type == TYPE_A || type == TYPE_ANY;
        entry->wants_ip6 = type == TYPE_AAAA || type == TYPE_ANY;
    }
    return !reader->at.failed;
}

static bool read_record(struct hws_mdns_reader *reader, struct hws_mdns_entry *entry)
{
    uint16_t type, class;
    struct hws_bytes data;
    size_t wanted;

    if (!read_name(reader, entry->name)) return false;
    type = hws_read_u16(&reader->at);
    class = hws_read_u16(&reader->at) & (uint16_t)~TOP_BIT;
    entry->ttl = hws_read_u32(&reader->at);
    data = hws_read_bytes(&reader->at, hws_read_u16(&reader->at));
    if (reader->at.failed) return false;
    if (class != CLASS_IN || (type != TYPE_A && type != TYPE_AAAA)) return true;
    wanted = type == TYPE_A ? 4 : 16;
    if (data.len != wanted) return false;
    entry->addr.family = type == TYPE_A ? HWS_FAMILY_IP4 : HWS_FAMILY_IP6;
    memcpy(entry->addr.ip, data.data, wanted);
    return true;
}

bool hws_mdns_next(struct hws_mdns_reader *reader, struct hws_mdns_entry *out)
{
    struct hws_mdns_entry entry = {0};

    if (reader->questions_left > 0) {
        reader->questions_left--;
        if (!read_question(reader, &entry)) return false;
    } else if (reader->records_left > 0) {
        reader->records_left--;
        if (!read_record(reader, &entry)) return false;
    } else {
        return false;
    }
    *out = entry;
    return true;
}

/* ---- Writing */

static void write_header(struct hws_writer *out, uint16_t id, uint16_t flags, uint16_t questions,
                         uint16_t answers)
{
    hws_write_u16(out, id);
    hws_write_u16(out, flags);
    hws_write_u16(out, questions);
    hws_write_u16(out, answers);
    hws_write_zeros(out, 4);
}

static void write_name(struct hws_writer *out, const char *name)
{
    while (*name) {
        size_t len = strcspn(name, ".");

        if (len == 0 || len > LABEL_MAX) out->failed = true;
        hws_write_u8(out, (uint8_t)len);
        hws_write_bytes(out, (struct hws_bytes){(const uint8_t *)name, len});
        name += len + (name[len] == '.');
    }
    hws_write_u8(out, 0);
}

static void write_question(struct hws_writer *out, const char *name, uint16_t type, bool unicast)
{
    write_name(out, name);
    hws_write_u16(out, type);
    hws_write_u16(out, (uint16_t)(CLASS_IN | (unicast ? TOP_BIT : 0)));
}

void hws_mdns_write_query(struct hws_writer *out, const char *name, bool unicast)
{
    write_header(out, 0, 0, 2, 0);
    write_question(out, name, TYPE_A, unicast);
    write_question(out, name, TYPE_AAAA, unicast);
}

void hws_mdns_write_answer(struct hws_writer *out, const char *name, const struct hws_address *addr,
                           uint32_t ttl, struct hws_mdns_reply reply)
{
    bool ip4 = addr->family == HWS_FAMILY_IP4;
    uint16_t type = ip4 ? TYPE_A : TYPE_AAAA;
    uint16_t len = ip4 ? 4 : 16;

    write_header(out, reply.legacy ? reply.id : 0, FLAG_RESPONSE | FLAG_AUTHORITATIVE, reply.legacy,
                 1);
    if (reply.legacy) write_question(out, name, type, false);
    write_name(out, name);
    hws_write_u16(out, type);
    /* Nobody else has this name: forget what you know of it (RFC 6762 section 10.2). */
    hws_write_u16(out, (uint16_t)(CLASS_IN | (reply.legacy ? 0 : TOP_BIT)));
    hws_write_u32(out, reply.legacy && ttl > LEGACY_TTL ? LEGACY_TTL : ttl);
    hws_write_u16(out, len);
    hws_write_bytes(out, (struct hws_bytes){addr->ip, len});
}

void hws_mdns_make_name(const uint8_t random[16], char out[HWS_MDNS_NAME_TEXT])
{
    uint8_t id[16];
    size_t len = 0;

    memcpy(id, random, sizeof(id));
    id[6] = (uint8_t)((id[6] & 0x0F) | 0x40); /* version 4 (RFC 9562 section 5.4) */
    id[8] = (uint8_t)((id[8] & 0x3F) | 0x80); /* its variant (section 4.1) */
    for (size_t i = 0; i < sizeof(id); i++) {
        bool dash = i == 4 || i == 6 || i == 8 || i == 10;

        len +=
            (size_t)snprintf(out + len, HWS_MDNS_NAME_TEXT - len, "%s%02x", dash ? "-" : "", id[i]);
    }
    (void)snprintf(out + len, HWS_MDNS_NAME_TEXT - len, ".local");
}
