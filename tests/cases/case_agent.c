/* Handler for the kind agent of the rule files: what an ICE agent does with a Binding request. */
#include "cases/cases.h"
#include "ice/ice.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *action_name(enum hws_ice_ruling ruling, bool controlling)
{
    switch (ruling) {
    case HWS_ICE_DISCARD:
        return "discard";
    case HWS_ICE_SUCCEED:
        return "success";
    case HWS_ICE_SUCCEED_SWITCH:
        return controlling ? "success+switch:controlled" : "success+switch:controlling";
    case HWS_ICE_ERROR_400:
        return "error:400";
    case HWS_ICE_ERROR_401:
        return "error:401";
    case HWS_ICE_ERROR_420:
        return "error:420";
    case HWS_ICE_ERROR_487:
        return "error:487";
    }
    return "unknown";
}

/* The agent that a case describes; false if a part is missing. */
static bool ruler_of(const json_t *ctx, struct hws_ice_ruler *out)
{
    const char *role = case_string(ctx, "role"), *tiebreaker = case_string(ctx, "tiebreaker");
    char *end;

    out->local_ufrag = case_string(ctx, "local_ufrag");
    out->local_pwd = case_string(ctx, "local_pwd");
    if (!out->local_ufrag || !out->local_pwd || !role || !tiebreaker) return false;
    out->controlling = strcmp(role, "controlling") == 0;
    if (!out->controlling && strcmp(role, "controlled") != 0) return false;
    errno = 0;
    out->tiebreaker = strtoull(tiebreaker, &end, 16);
    return errno == 0 && end != tiebreaker && *end == '\0';
}

bool case_run_agent(const json_t *one, struct case_report *report)
{
    struct hws_ice_ruler ruler = {0};
    size_t len;
    uint8_t *bytes = case_hex(one, "hex", &len);
    enum hws_ice_ruling ruling;

    if (!bytes || !ruler_of(json_object_get(one, "ctx"), &ruler)) {
        report->broken = "no hex, or the agent is not described";
        free(bytes);
        return false;
    }
    ruling = hws_ice_rule(&ruler, (struct hws_bytes){bytes, len});
    case_got_string(report, "action", action_name(ruling, ruler.controlling));
    free(bytes);
    return true;
}
