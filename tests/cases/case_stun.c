/* Handlers for the kinds stun, channeldata and demux of the rule files. */
#include "base/demux.h"
#include "cases/cases.h"

#include <stdlib.h>

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
