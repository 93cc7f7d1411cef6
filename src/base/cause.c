#include <hawser/cause.h>

/* The names are written in lower case where they are read by programs. */
static const char *const names[HWS_CAUSE_COUNT] = {
    [HWS_CAUSE_NONE] = "none",
    [HWS_CAUSE_CLOSED_HERE] = "closed_here",
    [HWS_CAUSE_CLOSED_BY_PEER] = "closed_by_peer",
    [HWS_CAUSE_NO_WORKER] = "no_worker",
    [HWS_CAUSE_REFUSED] = "refused",
    [HWS_CAUSE_NO_ANSWER] = "no_answer",
    [HWS_CAUSE_BAD_DESCRIPTION] = "bad_description",
    [HWS_CAUSE_CHECKS_FAILED] = "checks_failed",
    [HWS_CAUSE_DTLS_FAILED] = "dtls_failed",
    [HWS_CAUSE_FINGERPRINT] = "fingerprint",
    [HWS_CAUSE_SCTP_REFUSED] = "sctp_refused",
    [HWS_CAUSE_NO_CHANNEL] = "no_channel",
    [HWS_CAUSE_CONSENT_EXPIRED] = "consent_expired",
    [HWS_CAUSE_SIGNALLING_LOST] = "signalling_lost",
    [HWS_CAUSE_PROTOCOL] = "protocol",
    [HWS_CAUSE_LOCAL] = "local",
};

#define CAUSE_TEXT(name, text) [HWS_CAUSE_##name] = text,
static const char *const texts[HWS_CAUSE_COUNT] = {HWS_CAUSES(CAUSE_TEXT)};
#undef CAUSE_TEXT

const char *hws_cause_name(enum hws_cause cause)
{
    return (unsigned)cause < HWS_CAUSE_COUNT ? names[cause] : "unknown";
}

const char *hws_cause_text(enum hws_cause cause)
{
    return (unsigned)cause < HWS_CAUSE_COUNT ? texts[cause] : "unknown cause";
}
