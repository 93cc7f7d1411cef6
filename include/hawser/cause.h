/**
 * @file
 * Why a connection is over: one cause out of this list, for programs; a sentence goes with it, for
 * people (hws_peer_fault_text(), hws_client_reason(), struct hws_worker_event).
 *
 * No state waits for ever. What ends each, and with which cause when its time is up:
 *
 *     state                         ends after                         cause
 *     client: no distributor yet    hws_client_config.timeout          SIGNALLING_LOST
 *     an offer of ours is out       hws_peer_config.answer_limit,      NO_ANSWER
 *                                   of a client: its timeout as well
 *     both described, no pair       hws_peer_config.connect_limit      CHECKS_FAILED
 *     a pair works, no DTLS         likewise                           DTLS_FAILED
 *     DTLS is up, no SCTP           likewise                           SCTP_REFUSED
 *     SCTP is up, no channel        hws_peer_config.open_limit, of a   NO_CHANNEL
 *                                   worker: its client_timeout
 *     connected                     hws_peer_config.consent_expiry     CONSENT_EXPIRED
 *                                   of silence
 *     the path died in a restart    hws_peer_config.connect_limit      CONSENT_EXPIRED
 */
#ifndef HAWSER_CAUSE_H
#define HAWSER_CAUSE_H

#ifdef __cplusplus
extern "C" {
#endif

/* Every cause once: name, text. Add at the end. */
#define HWS_CAUSES(C)                                                                     \
    C(NONE, "it is not over")                                                             \
    C(CLOSED_HERE, "closed by this side")                                                 \
    C(CLOSED_BY_PEER, "closed by the other side")                                         \
    C(NO_WORKER, "no such worker is registered")                                          \
    C(REFUSED, "the distributor or the worker refused")                                   \
    C(NO_ANSWER, "the offer was not answered in time")                                    \
    C(BAD_DESCRIPTION, "the description or a message of the other side is of no use")     \
    C(CHECKS_FAILED, "no candidate pair works; the sentence names those that were tried") \
    C(DTLS_FAILED, "the DTLS handshake failed; the sentence names the alert")             \
    C(FINGERPRINT, "the certificate is not that of the signalled fingerprint")            \
    C(SCTP_REFUSED, "the SCTP association was refused or not answered")                   \
    C(NO_CHANNEL, "no data channel was opened in time")                                   \
    C(CONSENT_EXPIRED, "the other side fell silent")                                      \
    C(SIGNALLING_LOST, "the distributor cannot be reached, or its stream broke")          \
    C(PROTOCOL, "the other side broke a protocol while connected")                        \
    C(LOCAL, "this host failed: memory, a library, the operating system")

#define HWS_CAUSE_ENUM(name, text) HWS_CAUSE_##name,
enum hws_cause { HWS_CAUSES(HWS_CAUSE_ENUM) HWS_CAUSE_COUNT };
#undef HWS_CAUSE_ENUM

/** Name of @p cause in lower case, such as "no_answer"; "unknown" for no cause; never NULL. */
const char *hws_cause_name(enum hws_cause cause);

/** One English clause for @p cause, without a full stop; never NULL. */
const char *hws_cause_text(enum hws_cause cause);

#ifdef __cplusplus
}
#endif

#endif /* HAWSER_CAUSE_H */
