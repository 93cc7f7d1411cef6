#include "cli/json.h"

#include "sctp/dcep.h"

#include <inttypes.h>

static void begin(struct hws_json *json, const char *key)
{
    if (json->follows) fputc(',', json->out);
    if (key) fprintf(json->out, "\"%s\":", key);
    json->follows = true;
}

void hws_json_open(struct hws_json *json, const char *key, char bracket)
{
    begin(json, key);
    fputc(bracket, json->out);
    json->follows = false;
}

void hws_json_close(struct hws_json *json, char bracket)
{
    fputc(bracket, json->out);
    json->follows = true;
}

void hws_json_number(struct hws_json *json, const char *key, uint64_t value)
{
    begin(json, key);
    fprintf(json->out, "%" PRIu64, value);
}

void hws_json_bool(struct hws_json *json, const char *key, bool value)
{
    begin(json, key);
    fputs(value ? "true" : "false", json->out);
}

/* RFC 8259 section 7. DEL is escaped as well: terminals show these lines. */
void hws_json_text(struct hws_json *json, const char *key, struct hws_bytes text)
{
    bool utf8 = hws_is_utf8(text);

    begin(json, key);
    fputc('"', json->out);
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = text.data[i];

        if (byte == '"' || byte == '\\') {
            fprintf(json->out, "\\%c", byte);
        } else if (byte < 0x20 || byte == 0x7F || (byte >= 0x80 && !utf8)) {
            fprintf(json->out, "\\u%04x", byte);
        } else {
            fputc(byte, json->out);
        }
    }
    fputc('"', json->out);
}
