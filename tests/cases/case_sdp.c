/* Handlers for the kinds sdp and candidate of the rule files. */
#include "cases/cases.h"
#include "sdp/sdp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *setup_name(enum hws_sdp_setup setup)
{
    switch (setup) {
    case HWS_SETUP_ACTPASS:
        return "actpass";
    case HWS_SETUP_ACTIVE:
        return "active";
    case HWS_SETUP_PASSIVE:
        return "passive";
    }
    return "none";
}

/* The text in a heap block of exactly its size, so that a sanitizer sees every read past it. */
static uint8_t *copy_text(const json_t *one, struct case_report *report, struct hws_bytes *out)
{
    struct hws_bytes text = case_text(one, "text");
    uint8_t *copy = text.data ? calloc(1, text.len > 0 ? text.len : 1) : NULL;

    if (!copy) {
        report->broken = "no text";
        return NULL;
    }
    if (text.len > 0) memcpy(copy, text.data, text.len);
    *out = (struct hws_bytes){copy, text.len};
    return copy;
}

static void got_reject(struct case_report *report, enum hws_sdp_flaw flaw)
{
    case_got_string(report, "outcome", "reject");
    case_got_string(report, "error", hws_sdp_flaw_name(flaw));
}

/* A text that the description may lack: then nothing is reported. */
static void got_word(struct case_report *report, const char *key, const char *word)
{
    if (word[0]) case_got_string(report, key, word);
}

static void got_sdp(struct case_report *report, const struct hws_sdp *sdp)
{
    uint8_t text[256];
    struct hws_writer out = hws_writer_over(text, sizeof(text));

    case_got_string(report, "outcome", "accept");
    got_word(report, "ufrag", sdp->ufrag);
    got_word(report, "pwd", sdp->pwd);
    got_word(report, "mid", sdp->mid);
    if (sdp->fingerprint_count > 0) {
        hws_fingerprint_write(&out, &sdp->fingerprints[0]);
        case_got_text(report, "fingerprint", hws_written(&out));
    }
    case_got_string(report, "setup", setup_name(sdp->setup));
    case_got_number(report, "sctp_port", sdp->sctp_port);
    case_got_number(report, "max_message_size", sdp->max_message_size);
    case_got_bool(report, "trickle", sdp->trickle);
    case_got_bool(report, "ice_lite", sdp->ice_lite);
    case_got_bool(report, "end_of_candidates", sdp->end_of_candidates);
    case_got_bool(report, "rejected", sdp->rejected);
    case_got_bool(report, "bundled", sdp->bundled);
    case_got_number(report, "media_index", sdp->media_index);
    case_got_number(report, "media_count", sdp->media_count);
    case_got_number(report, "candidates", sdp->candidate_count);
}

bool case_run_sdp(const json_t *one, struct case_report *report)
{
    static struct hws_sdp sdp;
    const char *type = case_string(one, "type");
    struct hws_sdp_error error = {0};
    struct hws_bytes text;
    uint8_t *copy;

    if (!type || (strcmp(type, "offer") != 0 && strcmp(type, "answer") != 0)) {
        report->broken = "neither offer nor answer";
        return false;
    }
    copy = copy_text(one, report, &text);
    if (!copy) return false;
    if (hws_sdp_read(text, strcmp(type, "offer") == 0 ? HWS_SDP_OFFER : HWS_SDP_ANSWER, &sdp,
                     &error))
        got_reject(report, error.flaw);
    else
        got_sdp(report, &sdp);
    free(copy);
    return true;
}

static void got_address(struct case_report *report, const char *key, const char *port_key,
                        const struct hws_address *addr)
{
    char ip[HWS_ADDRESS_TEXT_MAX];

    if (addr->family == HWS_FAMILY_NONE) return;
    case_got_string(report, key, hws_address_text(addr, ip));
    case_got_number(report, port_key, addr->port);
}

static void got_candidate(struct case_report *report, const struct hws_candidate *candidate)
{
    case_got_string(report, "outcome", "accept");
    case_got_string(report, "foundation", candidate->foundation);
    case_got_number(report, "component", 1); /* others are ignored, as is what is not UDP */
    case_got_string(report, "transport", "udp");
    case_got_number(report, "priority", candidate->priority);
    case_got_string(report, "type", hws_candidate_type_name(candidate->type));
    case_got_bool(report, "mdns", candidate->mdns[0] != '\0');
    got_address(report, "address", "port", &candidate->addr);
    got_word(report, "address", candidate->mdns);
    case_got_number(report, "port", candidate->addr.port);
    got_address(report, "raddr", "rport", &candidate->related);
    got_word(report, "ufrag", candidate->ufrag);
}

bool case_run_candidate(const json_t *one, struct case_report *report)
{
    struct hws_candidate candidate;
    enum hws_candidate_verdict verdict;
    struct hws_bytes text;
    uint8_t *copy = copy_text(one, report, &text);

    if (!copy) return false;
    if (hws_candidate_read(text, &candidate, &verdict))
        got_reject(report, HWS_SDP_E_CANDIDATE);
    else if (verdict == HWS_CANDIDATE_USABLE)
        got_candidate(report, &candidate);
    else
        case_got_string(report, "outcome", verdict == HWS_CANDIDATE_END ? "end" : "ignore");
    free(copy);
    return true;
}
