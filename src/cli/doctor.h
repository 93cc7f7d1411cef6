/**
 * @file
 * What hawser doctor found out, and its two ways of saying it.
 */
#ifndef HWS_CLI_DOCTOR_H
#define HWS_CLI_DOCTOR_H

#include "doctor/verdict.h"
#include "io/host.h"
#include "io/inquiry.h"

struct hws_diagnosis {
    struct hws_host_address addresses[HWS_HOST_ADDRESSES_MAX];
    size_t address_count;
    struct hws_host_buffers buffers;
    struct hws_inquiry_report report;
    struct hws_doctor_facts facts;
    enum hws_verdict verdict;
    char text[HWS_VERDICT_TEXT_MAX]; /**< the verdict in plain words */
};

/** "udp", "tcp" or "tls". */
const char *hws_transport_name(enum hws_transport transport);

bool hws_buffers_suffice(const struct hws_host_buffers *buffers);

/** Write it to standard output, as lines for people or as one line of JSON. */
void hws_diagnosis_print(const struct hws_diagnosis *diagnosis);
void hws_diagnosis_print_json(const struct hws_diagnosis *diagnosis);

#endif /* HWS_CLI_DOCTOR_H */
