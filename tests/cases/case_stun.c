/* Handlers for the kinds stun, channeldata and demux of the rule files. */
#include "base/address.h"
#include "base/demux.h"
#include "cases/cases.h"
#include "stun/channel_data.h"
#include "stun/stun_auth.h"
#include "stun/stun_reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *class_name(enum hws_stun_class msg_class)
{
    switch (msg_class) {
    case HWS_STUN_REQUEST:
        return "request";
    case HWS_STUN_INDICATION:
        return "indication";
    case HWS_STUN_SUCCESS:
        return "success";
    case HWS_STUN_ERROR:
        break;
    }
    return "error";
}

static const char *integrity_name(enum hws_stun_integrity integrity)
{
    switch (integrity) {
    case HWS_STUN_INTEGRITY_OK:
        return "ok";
    case HWS_STUN_INTEGRITY_BAD:
        return "bad";
    case HWS_STUN_INTEGRITY_ABSENT:
        break;
    }
    return "absent";
}

/* The key of a case: {"kind": "short", "password"} or {"kind": "long", ..., "alg"}. */
static bool key_of(const json_t *key, struct hws_stun_key *room, struct hws_bytes *out)
{
    const char *kind = case_string(key, "kind"), *alg = case_string(key, "alg");
    struct hws_bytes password = case_text(key, "password");
    enum hws_stun_password_algorithm algorithm = HWS_STUN_PASSWORD_MD5;

    if (!kind || !password.data) return false;
    *out = password;
    if (strcmp(kind, "short") == 0) return true;
    if (strcmp(kind, "long") != 0) return false;
    if (alg && strcmp(alg, "sha256") == 0)
        algorithm = HWS_STUN_PASSWORD_SHA256;
    else if (alg && strcmp(alg, "md5") != 0)
        return false;
    if (hws_stun_long_term_key(algorithm, case_text(key, "username"), case_text(key, "realm"),
                               password, room))
        return false;
    *out = (struct hws_bytes){room->bytes, room->len};
    return true;
}

static bool report_integrity(const struct hws_stun_message *message, const json_t *key,
                             struct case_report *report)
{
    struct hws_stun_key room;
    struct hws_bytes bytes;

    if (!message->integrity.data && !message->integrity_sha256.data) {
        case_got_string(report, "integrity", "absent");
        return true;
    }
    if (!json_is_object(key)) return true; /* nothing can be told without a key */
    if (!key_of(key, &room, &bytes)) {
        report->broken = "the key makes no sense";
        return false;
    }
    case_got_string(report, "integrity", integrity_name(hws_stun_verify(message, bytes)));
    return true;
}

static void report_address(struct case_report *report, const char *key,
                           const struct hws_address *addr)
{
    char text[HWS_ENDPOINT_TEXT_MAX];

    if (addr->family == HWS_FAMILY_NONE) return;
    case_got_string(report, key, hws_endpoint_text(addr, text));
}

static void report_tiebreaker(struct case_report *report, const char *key, bool has, uint64_t value)
{
    char text[17];

    if (!has) return;
    (void)snprintf(text, sizeof(text), "%016" PRIx64, value);
    case_got_string(report, key, text);
}

static void report_texts(struct case_report *report, const struct hws_stun_message *message)
{
    case_got_text(report, "username", message->username);
    case_got_text(report, "realm", message->realm);
    case_got_text(report, "nonce", message->nonce);
    case_got_text(report, "software", message->software);
    case_got_text(report, "reason", message->reason);
    case_got_hex(report, "userhash", message->userhash);
    case_got_hex(report, "data_hex", message->data);
    case_got_hex(report, "password_algorithm", message->password_algorithm);
    case_got_hex(report, "password_algorithms", message->password_algorithms);
    case_got_hex(report, "reservation_token", message->reservation_token);
}

static void report_numbers(struct case_report *report, const struct hws_stun_message *message)
{
    if (message->has_priority) case_got_number(report, "priority", message->priority);
    if (message->has_lifetime) case_got_number(report, "lifetime", message->lifetime);
    if (message->channel != 0) case_got_number(report, "channel", message->channel);
    if (message->error_code != 0) case_got_number(report, "error", message->error_code);
    if (message->requested_transport != 0)
        case_got_number(report, "requested_transport", message->requested_transport);
    if (message->requested_family != 0)
        case_got_number(report, "requested_address_family", message->requested_family);
    if (message->has_even_port) case_got_bool(report, "even_port", message->reserve_next_port);
    case_got_bool(report, "dont_fragment", message->dont_fragment);
    case_got_bool(report, "use_candidate", message->use_candidate);
    report_tiebreaker(report, "ice_controlling", message->has_ice_controlling,
                      message->ice_controlling);
    report_tiebreaker(report, "ice_controlled", message->has_ice_controlled,
                      message->ice_controlled);
}

static void report_lists(struct case_report *report, const struct hws_stun_message *message)
{
    json_t *unknown = json_array(), *list = json_array();
    struct hws_cursor cur = hws_cursor_over(message->unknown_list);

    for (size_t i = 0; i < message->unknown_required_count; i++) {
        json_array_append_new(unknown, json_integer(message->unknown_required[i]));
    }
    case_got_json(report, "unknown_required", unknown);
    while (cur.rest.len > 0 && !cur.failed) {
        json_array_append_new(list, json_integer(hws_read_u16(&cur)));
    }
    if (message->unknown_list.data)
        case_got_json(report, "unknown_list", list);
    else
        json_decref(list);
}

static bool report_message(struct case_report *report, const struct hws_stun_message *message,
                           const json_t *key)
{
    case_got_string(report, "class", class_name(message->msg_class));
    case_got_number(report, "method", message->method);
    case_got_hex(report, "tid", (struct hws_bytes){message->transaction, HWS_STUN_TID_LEN});
    case_got_string(report, "fingerprint", message->has_fingerprint ? "ok" : "absent");
    report_texts(report, message);
    report_numbers(report, message);
    report_lists(report, message);
    report_address(report, "mapped", &message->mapped);
    report_address(report, "xor_mapped", &message->xor_mapped);
    report_address(report, "xor_peer", &message->xor_peer);
    report_address(report, "xor_relayed", &message->xor_relayed);
    report_address(report, "alternate_server", &message->alternate_server);
    return report_integrity(message, key, report);
}

bool case_run_stun(const json_t *one, struct case_report *report)
{
    size_t len;
    uint8_t *bytes = case_hex(one, "hex", &len);
    struct hws_stun_message message;
    enum hws_stun_flaw flaw;
    bool sane = true;

    if (!bytes) {
        report->broken = "no hex";
        return false;
    }
    if (hws_stun_read((struct hws_bytes){bytes, len}, &message, &flaw) == HWS_OK)
        sane = report_message(report, &message, json_object_get(one, "key"));
    case_got_string(report, "decode", hws_stun_flaw_name(flaw));
    free(bytes);
    return sane;
}

bool case_run_channeldata(const json_t *one, struct case_report *report)
{
    size_t len;
    uint8_t *bytes = case_hex(one, "hex", &len);
    struct hws_channel_data view;
    enum hws_channel_data_flaw flaw;

    if (!bytes) {
        report->broken = "no hex";
        return false;
    }
    if (hws_channel_data_read((struct hws_bytes){bytes, len}, &view, &flaw) == HWS_OK) {
        case_got_number(report, "channel", view.channel);
        case_got_hex(report, "data_hex", view.data);
    }
    case_got_string(report, "decode", hws_channel_data_flaw_name(flaw));
    free(bytes);
    return true;
}

static const char *demux_name(enum hws_demux demux)
{
    switch (demux) {
    case HWS_DEMUX_STUN:
        return "stun";
    case HWS_DEMUX_DTLS:
        return "dtls";
    case HWS_DEMUX_TURN:
        return "turn";
    case HWS_DEMUX_DROP:
        break;
    }
    return "drop";
}

bool case_run_demux(const json_t *one, struct case_report *report)
{
    size_t len;
    uint8_t *bytes = case_hex(one, "hex", &len);

    if (!bytes) {
        report->broken = "no hex";
        return false;
    }
    case_got_string(report, "demux", demux_name(hws_demux((struct hws_bytes){bytes, len})));
    free(bytes);
    return true;
}
