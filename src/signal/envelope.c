#include "signal/envelope.h"

#include "base/bytes.h"

/* Generated into the build tree from hawser.proto. */
#include <signal/hawser.pb-c.h>

#include <stdlib.h>
#include <string.h>

enum {
    UNKNOWN_FIELD_MAX = 16, /* room for a later version; protobuf-c spends 40 bytes on each */
    FIELD_MAX = 64,         /* all fields, repeated ones too: the last one counts */
    UNPACK_OVERHEAD = 8192, /* what protobuf-c allocates for so many, beside what it copies */
    FIELD_NUMBER_MAX = (1 << 29) - 1,
    VARINT_LEN_MAX = 10,
};

/* Wire types of https://protobuf.dev/programming-guides/encoding. Groups (3, 4) are not read. */
enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_LENGTH = 2, WIRE_FIXED32 = 5 };

enum field {
    FIELD_WORKER = 1,
    FIELD_EVENT = 2,
    FIELD_MESSAGE = 3,
    FIELD_SESSION = 4,
    FIELD_SEQUENCE = 5,
    FIELD_COUNT
};

static const struct {
    const char *name;
    uint32_t wire;
} fields[FIELD_COUNT] = {
    [FIELD_WORKER] = {"worker_machine_id", WIRE_VARINT },
    [FIELD_EVENT] = {"event",             WIRE_VARINT },
    [FIELD_MESSAGE] = {"message",           WIRE_LENGTH },
    [FIELD_SESSION] = {"session",           WIRE_FIXED64},
    [FIELD_SEQUENCE] = {"sequence",          WIRE_VARINT },
};

/* What the walk before protobuf-c finds: the payload's place, or the field that is wrong. */
struct walk {
    struct hws_cursor cur;
    struct hws_bytes payload;
    const char *field;
    size_t field_count;
    size_t unknown_count;
};

const char *hws_rtc_event_name(enum hws_rtc_event event)
{
    switch (event) {
    case HWS_RTC_OFFER:
        return "OFFER";
    case HWS_RTC_ANSWER:
        return "ANSWER";
    case HWS_RTC_ACCEPT_ANSWER:
        return "ACCEPT_ANSWER";
    case HWS_RTC_ICE_CANDIDATE:
        return "ICE_CANDIDATE";
    case HWS_RTC_LOCAL_ICE_CANDIDATE:
        return "LOCAL_ICE_CANDIDATE";
    case HWS_RTC_BLANK:
        return "BLANK";
    case HWS_RTC_PING:
        return "PING";
    case HWS_RTC_EVENT_COUNT:
        break;
    }
    return "?";
}

static uint64_t read_varint(struct hws_cursor *cur)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < VARINT_LEN_MAX; i++) {
        uint8_t byte = hws_read_u8(cur);

        if (i == VARINT_LEN_MAX - 1 && byte > 1) break; /* more than 64 bits */
        value |= (uint64_t)(byte & 0x7F) << (7 * i);
        if (!(byte & 0x80)) return value;
    }
    cur->failed = true;
    return 0;
}

/* Step over one value. A varint is handed back; a length-delimited one is left in @p out_bytes. */
static uint64_t read_value(struct hws_cursor *cur, uint32_t wire, struct hws_bytes *out_bytes)
{
    uint64_t value = 0;

    switch (wire) {
    case WIRE_VARINT:
        return read_varint(cur);
    case WIRE_FIXED64:
        (void)hws_read_bytes(cur, 8);
        return 0;
    case WIRE_FIXED32:
        (void)hws_read_bytes(cur, 4);
        return 0;
    case WIRE_LENGTH:
        value = read_varint(cur);
        if (value > cur->rest.len) cur->failed = true;
        *out_bytes = hws_read_bytes(cur, cur->failed ? 0 : (size_t)value);
        return 0;
    default:
        cur->failed = true;
        return 0;
    }
}

static bool is_known(enum hws_envelope_side side, uint64_t number)
{
    if (number == FIELD_SESSION) return side == HWS_SIDE_WORKER;
    return number >= FIELD_WORKER && number < FIELD_COUNT;
}

static bool walk_field(struct walk *walk, enum hws_envelope_side side)
{
    uint64_t key = read_varint(&walk->cur);
    uint64_t number = key >> 3;
    uint32_t wire = (uint32_t)key & 7;
    bool known = is_known(side, number);
    struct hws_bytes bytes = {0};
    uint64_t value;

    walk->field = known ? fields[number].name : "field number";
    if (walk->cur.failed || number == 0 || number > FIELD_NUMBER_MAX) return false;
    if (++walk->field_count > FIELD_MAX) return false;
    if (known && wire != fields[number].wire) return false;
    if (!known) {
        walk->field = "unknown fields";
        if (++walk->unknown_count > UNKNOWN_FIELD_MAX) return false;
    }
    value = read_value(&walk->cur, wire, &bytes);
    if (walk->cur.failed) return false;
    /* Enums are open in proto3, so protobuf-c would hand an unknown number on. */
    if (number == FIELD_EVENT && value >= HWS_RTC_EVENT_COUNT) return false;
    if (number == FIELD_MESSAGE) walk->payload = bytes; /* the last one counts */
    return true;
}

/* protobuf-c's allocator, with an end: a small message can ask for much (4 MB became 177 MB). */
struct budget {
    size_t left;
};

static void *budget_alloc(void *user, size_t size)
{
    struct budget *budget = user;

    if (size > budget->left) return NULL;
    budget->left -= size;
    return calloc(1, size);
}

static void budget_free(void *user, void *block)
{
    (void)user;
    free(block);
}

static enum hws_err unpack(enum hws_envelope_side side, struct hws_bytes packed,
                           struct hws_envelope *out)
{
    struct budget budget = {.left = packed.len + UNPACK_OVERHEAD};
    ProtobufCAllocator allocator = {budget_alloc, budget_free, &budget};

    if (side == HWS_SIDE_CLIENT) {
        Hawser__V1__ClientRtcMessage *message =
            hawser__v1__client_rtc_message__unpack(&allocator, packed.len, packed.data);

        if (!message) return HWS_ERR_MALFORMED;
        *out = (struct hws_envelope){.worker = message->worker_machine_id,
                                     .event = (enum hws_rtc_event)message->event,
                                     .sequence = message->sequence};
        hawser__v1__client_rtc_message__free_unpacked(message, &allocator);
    } else {
        Hawser__V1__WorkerRtcMessage *message =
            hawser__v1__worker_rtc_message__unpack(&allocator, packed.len, packed.data);

        if (!message) return HWS_ERR_MALFORMED;
        *out = (struct hws_envelope){.worker = message->worker_machine_id,
                                     .event = (enum hws_rtc_event)message->event,
                                     .session = message->session,
                                     .sequence = message->sequence};
        hawser__v1__worker_rtc_message__free_unpacked(message, &allocator);
    }
    return HWS_OK;
}

/*
 * protobuf-c decides what a message says, but it tells neither which field is wrong nor where in
 * the input the payload lies, and it copies. So a walk over the fields comes first.
 */
enum hws_err hws_envelope_read(enum hws_envelope_side side, struct hws_bytes packed,
                               struct hws_envelope *out, const char **out_field)
{
    struct walk walk = {.cur = hws_cursor_over(packed)};
    struct hws_envelope envelope;

    if (packed.len > HWS_ENVELOPE_MAX) {
        if (out_field) *out_field = "message";
        return HWS_ERR_TOO_BIG;
    }
    while (walk.cur.rest.len > 0) {
        if (!walk_field(&walk, side)) {
            if (out_field) *out_field = walk.field;
            return HWS_ERR_MALFORMED;
        }
    }
    if (unpack(side, packed, &envelope)) {
        if (out_field) *out_field = "unknown fields";
        return HWS_ERR_MALFORMED;
    }
    *out = envelope;
    out->payload = walk.payload;
    return HWS_OK;
}

/* Only read by protobuf-c, which has no const in its types. */
static ProtobufCBinaryData as_data(struct hws_bytes bytes)
{
    return (ProtobufCBinaryData){.len = bytes.len, .data = (uint8_t *)(uintptr_t)bytes.data};
}

static Hawser__V1__ClientRtcMessage client_message(const struct hws_envelope *envelope)
{
    Hawser__V1__ClientRtcMessage message = HAWSER__V1__CLIENT_RTC_MESSAGE__INIT;

    message.worker_machine_id = envelope->worker;
    message.event = (Hawser__V1__RtcEvent)envelope->event;
    message.message = as_data(envelope->payload);
    message.sequence = envelope->sequence;
    return message;
}

static Hawser__V1__WorkerRtcMessage worker_message(const struct hws_envelope *envelope)
{
    Hawser__V1__WorkerRtcMessage message = HAWSER__V1__WORKER_RTC_MESSAGE__INIT;

    message.worker_machine_id = envelope->worker;
    message.event = (Hawser__V1__RtcEvent)envelope->event;
    message.message = as_data(envelope->payload);
    message.session = envelope->session;
    message.sequence = envelope->sequence;
    return message;
}

static void pack(struct hws_writer *out, const ProtobufCMessage *message)
{
    size_t len = protobuf_c_message_get_packed_size(message);

    if (out->failed || len > out->cap - out->len) {
        out->failed = true;
        return;
    }
    if (len > 0) out->len += protobuf_c_message_pack(message, out->data + out->len);
}

void hws_envelope_write(struct hws_writer *out, enum hws_envelope_side side,
                        const struct hws_envelope *envelope)
{
    if (side == HWS_SIDE_CLIENT) {
        Hawser__V1__ClientRtcMessage message = client_message(envelope);

        pack(out, &message.base);
    } else {
        Hawser__V1__WorkerRtcMessage message = worker_message(envelope);

        pack(out, &message.base);
    }
}

size_t hws_envelope_len(enum hws_envelope_side side, const struct hws_envelope *envelope)
{
    if (side == HWS_SIDE_CLIENT) {
        Hawser__V1__ClientRtcMessage message = client_message(envelope);

        return protobuf_c_message_get_packed_size(&message.base);
    } else {
        Hawser__V1__WorkerRtcMessage message = worker_message(envelope);

        return protobuf_c_message_get_packed_size(&message.base);
    }
}
