/**
 * @file
 * A packet log that Wireshark opens: pcapng with two interfaces, filled through a tap.
 *
 *     wire   every UDP payload in and out, below IP and UDP headers made from its addresses
 *     sctp   every SCTP packet in clear, as it is inside DTLS, below IP headers of the path in use
 *
 * Knows no protocol but the headers it makes. The file holds what the channels carry in clear, so
 * nobody but its owner may read it. It grows as long as packets come; memory does not.
 */
#ifndef HWS_IO_PCAP_H
#define HWS_IO_PCAP_H

#include <hawser/err.h>
#include <hawser/types.h>

struct hws_pcap;

struct hws_pcap_config {
    const char *path;        /**< of a regular file, made anew: what was in it is gone */
    const char *application; /**< who wrote it; may be NULL */
    hws_time wall;           /**< add it to the taps' times: microseconds since 1970 */
    /** May be NULL. Told once, with an errno value, when the file cannot be written any more: the
     *  rest of the packets is lost and nobody else notices. */
    void (*failed)(void *user, int error);
    void *user;
};

/** How far the wall clock is ahead of hws_clock_now(). */
hws_time hws_pcap_wall(void);

/** @param[out] out_errno  may be NULL; why, with HWS_ERR_IO
 *  @retval HWS_ERR_IO  the file cannot be made @retval HWS_ERR_NO_MEMORY */
HWS_MUST_USE enum hws_err hws_pcap_open(const struct hws_pcap_config *config, struct hws_pcap **out,
                                        int *out_errno);

/** For struct hws_peer_config; any number of peers may share it. */
struct hws_tap hws_pcap_tap(struct hws_pcap *pcap);

/** Write what waits in memory; it happens by itself when a second of packets has gathered. */
void hws_pcap_flush(struct hws_pcap *pcap);

void hws_pcap_close(struct hws_pcap *pcap); /**< after all that uses its tap; accepts NULL */

#endif /* HWS_IO_PCAP_H */
