/* Handler for the rule file of DCEP: messages on a stream, and what a receiver does with them. */
#include "cases/cases.h"
#include "sctp/dcep.h"

#include <stdlib.h>
#include <string.h>

/* The words that the file has for the states of a stream: the first row whose text is in it. */
static const struct {
    const char *words;
    enum hws_dcep_stream stream;
} states[] = {
    {"wrong parity", HWS_STREAM_WRONG_PARITY},
    {"bad parity",   HWS_STREAM_WRONG_PARITY},
    {"unused",       HWS_STREAM_UNUSED      },
    {"we sent OPEN", HWS_STREAM_OPENING     },
    {"clos",         HWS_STREAM_CLOSING     },
    {"reset",        HWS_STREAM_CLOSING     },
    {"open channel", HWS_STREAM_OPEN        },
};

static bool find_state(const char *words, enum hws_dcep_stream *out)
{
    for (size_t i = 0; words && i < sizeof(states) / sizeof(states[0]); i++) {
        if (strstr(words, states[i].words)) {
            *out = states[i].stream;
            return true;
        }
    }
    return false;
}

static void got_open(struct case_report *report, const struct hws_dcep_open *open)
{
    static const uint8_t nothing[1];
    struct hws_bytes empty = {nothing, 0};

    case_got_bool(report, "ordered", open->ordered);
    case_got_number(report, "priority", open->priority);
    case_got_text(report, "label", open->label.len > 0 ? open->label : empty);
    case_got_text(report, "protocol", open->protocol.len > 0 ? open->protocol : empty);
    if (open->reliability == HWS_MAX_RETRANSMITS)
        case_got_number(report, "max_retransmits", open->reliability_value);
    if (open->reliability == HWS_MAX_LIFETIME)
        case_got_number(report, "max_lifetime_ms", open->reliability_value);
}

static void got_message(struct case_report *report, const char *action, struct hws_bytes data)
{
    static const uint8_t nothing[1];

    case_got_string(report, "action", action);
    case_got_hex(report, "data_hex", data.len > 0 ? data : (struct hws_bytes){nothing, 0});
}

static void got_verdict(struct case_report *report, const struct hws_dcep_verdict *verdict)
{
    switch (verdict->action) {
    case HWS_DCEP_ACCEPT:
        case_got_string(report, "action", "open+ack");
        got_open(report, &verdict->open);
        break;
    case HWS_DCEP_OPENED:
        case_got_string(report, "action", "opened");
        break;
    case HWS_DCEP_MESSAGE_STRING:
        got_message(report, "message:string", verdict->data);
        break;
    case HWS_DCEP_MESSAGE_BINARY:
        got_message(report, "message:binary", verdict->data);
        break;
    case HWS_DCEP_RESET:
        case_got_string(report, "action", "close");
        break;
    case HWS_DCEP_DROP:
        case_got_string(report, "action", "ignore");
        break;
    }
    case_got_bool(report, "opens", verdict->opens);
}

bool case_run_dcep(const json_t *one, struct case_report *report)
{
    const json_t *ppid = json_object_get(one, "ppid");
    struct hws_dcep_verdict verdict;
    enum hws_dcep_stream stream;
    uint8_t *bytes;
    size_t len;

    if (!json_is_integer(ppid) || !find_state(case_string(one, "state"), &stream)) {
        report->broken = "no ppid, or an unknown state";
        return false;
    }
    bytes = case_hex(one, "hex", &len);
    if (!bytes) {
        report->broken = "no hex";
        return false;
    }
    verdict =
        hws_dcep_judge(stream, (uint32_t)json_integer_value(ppid), (struct hws_bytes){bytes, len});
    got_verdict(report, &verdict);
    free(bytes);
    return true;
}
