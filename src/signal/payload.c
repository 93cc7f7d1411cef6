#include "signal/payload.h"

#include "base/bytes.h"

#include <assert.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is read of a candidate in fields: a word, and one that may be a name (RFC 1035 section 2.3.4
 * allows 255 bytes). Three long words, four numbers and the rest stay below LINE_CAP. */
enum { WORD_CAP = 16, NAME_CAP = 256, LINE_CAP = 1024 };

/* Set the reason and hand the error back, so that a refusal is one line. */
static enum hws_err refuse(struct hws_payload_error *error, enum hws_err err, const char *format,
                           ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 3, 4)))
#endif
    ;

static enum hws_err refuse(struct hws_payload_error *error, enum hws_err err, const char *format,
                           ...)
{
    va_list args;

    if (!error) return err;
    va_start(args, format);
    (void)vsnprintf(error->text, sizeof(error->text), format, args);
    va_end(args);
    return err;
}

void hws_payload_fini(struct hws_payload *payload)
{
    free(payload->text);
    *payload = (struct hws_payload){0};
}

/* ---- JSON as such */

/*
 * jansson reads nested values by recursion, up to 2048 deep. Far less is enough here, and the
 * stack of the caller may be small.
 */
static bool is_too_deep(struct hws_bytes json)
{
    size_t depth = 0;
    bool quoted = false;

    for (size_t i = 0; i < json.len; i++) {
        switch (json.data[i]) {
        case '\\':
            if (quoted) i++; /* whatever is escaped opens and closes nothing */
            break;
        case '"':
            quoted = !quoted;
            break;
        case '[':
        case '{':
            if (!quoted && ++depth > HWS_PAYLOAD_DEPTH) return true;
            break;
        case ']':
        case '}':
            if (!quoted && depth > 0) depth--;
            break;
        default:
            break;
        }
    }
    return false;
}

/* In our words: jansson's text quotes the input, which holds the ICE password. */
static const char *json_flaw(const json_error_t *flaw)
{
    switch (json_error_code(flaw)) {
    case json_error_premature_end_of_input:
        return "it ends too early";
    case json_error_end_of_input_expected:
        return "something follows its end";
    case json_error_invalid_utf8:
        return "invalid UTF-8";
    case json_error_null_character:
    case json_error_null_byte_in_key:
        return "a NUL inside a string";
    case json_error_duplicate_key:
        return "a member twice";
    case json_error_numeric_overflow:
        return "a number out of range";
    default:
        return "a syntax error";
    }
}

static enum hws_err parse(struct hws_bytes json, size_t json_max, json_t **out,
                          struct hws_payload_error *error)
{
    json_error_t flaw;
    json_t *value;

    if (json.len > json_max) {
        return refuse(error, HWS_ERR_TOO_BIG, "the payload is longer than %zu bytes", json_max);
    }
    if (is_too_deep(json)) {
        return refuse(error, HWS_ERR_MALFORMED, "not JSON for us: nested deeper than %d",
                      HWS_PAYLOAD_DEPTH);
    }
    value = json_loadb(json.len > 0 ? (const char *)json.data : "", json.len,
                       JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &flaw);
    if (!value && json_error_code(&flaw) == json_error_out_of_memory) {
        return refuse(error, HWS_ERR_NO_MEMORY, "out of memory");
    }
    if (!value) {
        return refuse(error, HWS_ERR_MALFORMED, "not JSON: %s at byte %d", json_flaw(&flaw),
                      flaw.position);
    }
    *out = value;
    return HWS_OK;
}

static struct hws_bytes bytes_of_string(const json_t *string)
{
    return (struct hws_bytes){(const uint8_t *)json_string_value(string),
                              json_string_length(string)};
}

/* ---- Members. A reader of a whole object reads straight down: the first flaw stays. */

struct members {
    const json_t *object; /* borrowed */
    struct hws_payload_error *error;
    enum hws_err err;
};

/* The first of two spellings that is there; NULL with the error set when neither is. */
static const json_t *member(struct members *in, const char *name, const char *other)
{
    const json_t *value = json_object_get(in->object, name);

    if (in->err) return NULL;
    if (!value && other) value = json_object_get(in->object, other);
    if (!value) {
        in->err = refuse(in->error, HWS_ERR_MALFORMED, "the member \"%s\" is missing", name);
    }
    return value;
}

static struct hws_bytes read_string(struct members *in, const char *name)
{
    const json_t *value = member(in, name, NULL);

    if (value && !json_is_string(value)) {
        in->err = refuse(in->error, HWS_ERR_MALFORMED, "the member \"%s\" is not a string", name);
    }
    return in->err ? (struct hws_bytes){0} : bytes_of_string(value);
}

/* Visible ASCII without spaces, as every word of a candidate line is. */
static bool is_word(struct hws_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] <= ' ' || text.data[i] > '~') return false;
    }
    return true;
}

/* Copy a word that may be absent or null into @p out, NUL-terminated. */
static void read_optional_word(struct members *in, const char *name, const char *other, char *out,
                               size_t out_cap)
{
    const json_t *value = json_object_get(in->object, name);
    struct hws_bytes text;

    if (in->err) return;
    out[0] = '\0';
    if (!value && other) value = json_object_get(in->object, other);
    if (!value || json_is_null(value)) return;
    text = bytes_of_string(value);
    if (!json_is_string(value)) {
        in->err = refuse(in->error, HWS_ERR_MALFORMED, "the member \"%s\" is not a string", name);
    } else if (text.len >= out_cap) {
        in->err = refuse(in->error, HWS_ERR_TOO_BIG, "the member \"%s\" is longer than %zu bytes",
                         name, out_cap - 1);
    } else if (!is_word(text)) {
        in->err = refuse(in->error, HWS_ERR_MALFORMED,
                         "the member \"%s\" holds a character it may not", name);
    } else {
        memcpy(out, text.data, text.len);
        out[text.len] = '\0';
    }
}

/* A word that has to be there, as part of a candidate line. */
static void read_word(struct members *in, const char *name, const char *other, char *out,
                      size_t out_cap)
{
    (void)member(in, name, other);
    read_optional_word(in, name, other, out, out_cap);
    if (!in->err && out[0] == '\0') {
        in->err = refuse(in->error, HWS_ERR_MALFORMED, "the member \"%s\" is empty", name);
    }
}

static uint32_t check_number(struct members *in, const json_t *value, const char *name,
                             uint32_t max)
{
    if (!json_is_integer(value)) {
        in->err = refuse(in->error, HWS_ERR_MALFORMED, "the member \"%s\" is not an integer", name);
        return 0;
    }
    if (json_integer_value(value) < 0 || json_integer_value(value) > max) {
        in->err = refuse(in->error, HWS_ERR_MALFORMED, "the member \"%s\" is out of range", name);
        return 0;
    }
    return (uint32_t)json_integer_value(value);
}

static uint32_t read_number(struct members *in, const char *name, uint32_t max)
{
    const json_t *value = member(in, name, NULL);

    return value ? check_number(in, value, name, max) : 0;
}

static uint32_t read_optional_number(struct members *in, const char *name, const char *other,
                                     uint32_t max, uint32_t absent)
{
    const json_t *value = json_object_get(in->object, name);

    if (in->err) return 0;
    if (!value && other) value = json_object_get(in->object, other);
    if (!value || json_is_null(value)) return absent;
    return check_number(in, value, name, max);
}

static enum hws_err take_text(struct hws_payload *out, struct hws_bytes text,
                              struct hws_payload_error *error)
{
    out->text = calloc(1, text.len + 1);
    if (!out->text) return refuse(error, HWS_ERR_NO_MEMORY, "out of memory");
    if (text.len > 0) memcpy(out->text, text.data, text.len);
    out->len = text.len;
    return HWS_OK;
}

/* ---- Descriptions */

static const char *description_name(enum hws_description_type type)
{
    return type == HWS_DESCRIPTION_OFFER ? "offer" : "answer";
}

static enum hws_err read_description(const json_t *root, enum hws_description_type type,
                                     struct hws_payload *out, struct hws_payload_error *error)
{
    struct members in = {.object = root, .error = error};
    struct hws_bytes said, sdp;

    if (!json_is_object(root)) {
        return refuse(error, HWS_ERR_MALFORMED, "a description is a JSON object");
    }
    said = read_string(&in, "type");
    sdp = read_string(&in, "sdp");
    if (in.err) return in.err;
    if (!hws_bytes_equal(said, hws_bytes_of(description_name(type)))) {
        return refuse(error, HWS_ERR_MISMATCH, "the member \"type\" is not \"%s\"",
                      description_name(type));
    }
    if (sdp.len > HWS_DESCRIPTION_MAX) {
        return refuse(error, HWS_ERR_TOO_BIG, "the member \"sdp\" is longer than %d bytes",
                      HWS_DESCRIPTION_MAX);
    }
    return take_text(out, sdp, error);
}

enum hws_err hws_payload_read_description(struct hws_bytes json, enum hws_description_type type,
                                          struct hws_payload *out, struct hws_payload_error *error)
{
    struct hws_payload payload = {0};
    json_t *root;
    enum hws_err err = parse(json, HWS_PAYLOAD_MAX, &root, error);

    if (err) return err;
    err = read_description(root, type, &payload, error);
    json_decref(root);
    if (err) return err;
    *out = payload;
    return HWS_OK;
}

/* ---- Candidates */

static bool has_prefix(struct hws_bytes text, const char *prefix)
{
    size_t len = strlen(prefix);

    return text.len >= len && memcmp(text.data, prefix, len) == 0;
}

static struct hws_bytes without_line_end(struct hws_bytes line)
{
    if (line.len > 0 && line.data[line.len - 1] == '\n') line.len--;
    if (line.len > 0 && line.data[line.len - 1] == '\r') line.len--;
    return line;
}

static struct hws_bytes without_prefix(struct hws_bytes text, const char *prefix)
{
    size_t len = strlen(prefix);

    return has_prefix(text, prefix) ? (struct hws_bytes){text.data + len, text.len - len} : text;
}

/* A line end or a NUL inside would become a second line of somebody's SDP. */
static enum hws_err take_line(struct hws_payload *out, struct hws_bytes line,
                              struct hws_payload_error *error)
{
    line = without_line_end(line);
    if (has_prefix(line, "a=candidate:")) line = without_prefix(line, "a=");
    if (line.len > HWS_CANDIDATE_TEXT_MAX) {
        return refuse(error, HWS_ERR_TOO_BIG, "the candidate is longer than %d bytes",
                      HWS_CANDIDATE_TEXT_MAX);
    }
    for (size_t i = 0; i < line.len; i++) {
        if (line.data[i] < ' ' || line.data[i] > '~') {
            return refuse(error, HWS_ERR_MALFORMED,
                          "the candidate holds a character that is not printable ASCII");
        }
    }
    if (line.len > 0 && !has_prefix(line, "candidate:")) {
        return refuse(error, HWS_ERR_MALFORMED, "the candidate does not begin with \"candidate:\"");
    }
    return take_text(out, line, error);
}

/* RFC 8840 section 4.1 names the line that ends the candidates. */
static enum hws_err read_bare(struct hws_bytes line, struct hws_payload *out,
                              struct hws_payload_error *error)
{
    struct hws_bytes end = without_prefix(without_line_end(line), "a=");

    out->form = HWS_FORM_LINE;
    if (hws_bytes_equal(end, hws_bytes_of("end-of-candidates"))) line.len = 0;
    return take_line(out, line, error);
}

static enum hws_err read_object(const json_t *root, struct hws_payload *out,
                                struct hws_payload_error *error)
{
    struct members in = {.object = root, .error = error};
    struct hws_bytes line = read_string(&in, "candidate");

    read_optional_word(&in, "sdpMid", NULL, out->mid, sizeof(out->mid));
    (void)read_optional_number(&in, "sdpMLineIndex", NULL, UINT16_MAX, 0);
    read_optional_word(&in, "usernameFragment", NULL, out->ufrag, sizeof(out->ufrag));
    if (in.err) return in.err;
    out->form = HWS_FORM_OBJECT;
    return take_line(out, line, error);
}

/* One of @p words whatever its case, written as the word; a crate's enum has had both cases. */
static void read_choice(struct members *in, const char *name, const char *other,
                        const char *const *words, char *out, size_t out_cap)
{
    read_word(in, name, other, out, out_cap);
    if (in->err) return;
    for (char *c = out; *c; c++) {
        if (*c >= 'A' && *c <= 'Z') *c = (char)(*c - 'A' + 'a');
    }
    for (size_t i = 0; words[i]; i++) {
        if (strcmp(out, words[i]) == 0) return;
    }
    in->err = refuse(in->error, HWS_ERR_MALFORMED, "the member \"%s\" is no word known here", name);
}

/*
 * RTCIceCandidate of the Rust crate "webrtc", field by field: its names are stats_id, foundation,
 * priority, address, protocol, port, typ, component, related_address, related_port and tcp_type,
 * with "" or 0 or "unspecified" for what is not there. The W3C names are taken too.
 */
static enum hws_err read_fields(const json_t *root, struct hws_payload *out,
                                struct hws_payload_error *error)
{
    static const char *const protocols[] = {"udp", "tcp", NULL};
    static const char *const types[] = {"host", "srflx", "prflx", "relay", NULL};
    struct members in = {.object = root, .error = error};
    char foundation[NAME_CAP], address[NAME_CAP], related[NAME_CAP];
    char protocol[WORD_CAP], type[WORD_CAP], tcp_type[WORD_CAP];
    uint32_t component, priority, port, related_port;
    uint8_t line[LINE_CAP];
    struct hws_writer writer = hws_writer_over(line, sizeof(line));

    read_word(&in, "foundation", NULL, foundation, sizeof(foundation));
    component = read_optional_number(&in, "component", NULL, 256, 1);
    read_choice(&in, "protocol", NULL, protocols, protocol, sizeof(protocol));
    priority = read_number(&in, "priority", UINT32_MAX);
    read_word(&in, "address", "ip", address, sizeof(address));
    port = read_number(&in, "port", UINT16_MAX);
    read_choice(&in, "typ", "type", types, type, sizeof(type));
    read_optional_word(&in, "related_address", "relatedAddress", related, sizeof(related));
    related_port = read_optional_number(&in, "related_port", "relatedPort", UINT16_MAX, 0);
    read_optional_word(&in, "tcp_type", "tcpType", tcp_type, sizeof(tcp_type));
    if (in.err) return in.err;

    hws_write_text(&writer, "candidate:%s %u %s %u %s %u typ %s", foundation, component, protocol,
                   priority, address, port, type);
    if (related[0]) hws_write_text(&writer, " raddr %s rport %u", related, related_port);
    if (strcmp(protocol, "tcp") == 0 && tcp_type[0] && strcmp(tcp_type, "unspecified") != 0) {
        hws_write_text(&writer, " tcptype %s", tcp_type);
    }
    assert(!writer.failed);
    out->form = HWS_FORM_FIELDS;
    return take_line(out, hws_written(&writer), error);
}

static enum hws_err read_candidate(const json_t *root, struct hws_payload *out,
                                   struct hws_payload_error *error)
{
    if (json_is_null(root)) return take_text(out, (struct hws_bytes){0}, error);
    if (json_is_string(root)) return read_bare(bytes_of_string(root), out, error);
    if (!json_is_object(root)) {
        return refuse(error, HWS_ERR_MALFORMED, "a candidate is a JSON object or a line");
    }
    if (!json_object_get(root, "candidate") && json_object_get(root, "foundation")) {
        return read_fields(root, out, error);
    }
    return read_object(root, out, error);
}

enum hws_err hws_payload_read_candidate(struct hws_bytes json, struct hws_payload *out,
                                        struct hws_payload_error *error)
{
    struct hws_payload payload = {0};
    json_t *root;
    enum hws_err err;

    /* No JSON value begins with one of these letters. */
    if (json.len == 0 || json.data[0] == 'c' || json.data[0] == 'a' || json.data[0] == 'e') {
        err = read_bare(json, &payload, error);
        if (!err && json.len == 0) payload.form = HWS_FORM_OBJECT;
    } else {
        err = parse(json, HWS_PAYLOAD_CANDIDATE_MAX, &root, error);
        if (err) return err;
        err = read_candidate(root, &payload, error);
        json_decref(root);
    }
    if (err) return err;
    *out = payload;
    return HWS_OK;
}

/* ---- Writing */

/* Consumes @p value. jansson refuses a string that is not UTF-8 when it writes it. */
static enum hws_err write_json(struct hws_writer *out, json_t *value)
{
    size_t room = out->failed ? 0 : out->cap - out->len;
    size_t len;

    if (!value) return HWS_ERR_NO_MEMORY;
    len = json_dumpb(value, room > 0 ? (char *)out->data + out->len : NULL, room, JSON_COMPACT);
    json_decref(value);
    if (len == 0) return HWS_ERR_ARGUMENT;
    if (len > room) {
        out->failed = true;
        return HWS_ERR_FULL;
    }
    out->len += len;
    return HWS_OK;
}

static bool has_nul(struct hws_bytes text)
{
    return text.len > 0 && memchr(text.data, '\0', text.len);
}

/* NULL when memory is out. Whether it is UTF-8 shows when it is written. */
static json_t *string_of(struct hws_bytes text)
{
    return json_stringn_nocheck(text.len > 0 ? (const char *)text.data : "", text.len);
}

enum hws_err hws_payload_write_description(struct hws_writer *out, enum hws_description_type type,
                                           struct hws_bytes sdp)
{
    json_t *string;

    if (has_nul(sdp)) return HWS_ERR_ARGUMENT;
    string = string_of(sdp);
    if (!string) return HWS_ERR_NO_MEMORY;
    /* "o" consumes the string, also when json_pack fails. */
    return write_json(out, json_pack("{s:s, s:o}", "type", description_name(type), "sdp", string));
}

enum hws_err hws_payload_write_candidate(struct hws_writer *out, enum hws_payload_form form,
                                         struct hws_bytes candidate, const char *mid,
                                         const char *ufrag)
{
    json_t *root;
    bool complete;

    if (has_nul(candidate)) return HWS_ERR_ARGUMENT;
    if (form != HWS_FORM_OBJECT) {
        for (size_t i = 0; i < candidate.len; i++) {
            if (candidate.data[i] < ' ' || candidate.data[i] > '~') return HWS_ERR_ARGUMENT;
        }
        hws_write_bytes(out, candidate);
        return out->failed ? HWS_ERR_FULL : HWS_OK;
    }
    root = json_object();
    complete = root && json_object_set_new(root, "candidate", string_of(candidate)) == 0 &&
               json_object_set_new(root, "sdpMid",
                                   mid ? string_of(hws_bytes_of(mid)) : json_null()) == 0 &&
               json_object_set_new(root, "sdpMLineIndex", json_integer(0)) == 0 &&
               json_object_set_new(root, "usernameFragment",
                                   ufrag ? string_of(hws_bytes_of(ufrag)) : json_null()) == 0;
    if (!complete) {
        json_decref(root); /* NULL is fine */
        return HWS_ERR_NO_MEMORY;
    }
    return write_json(out, root);
}
