/**
 * @file
 * What tests/run_cases and its handlers agree on.
 *
 * A rule file holds cases: an input and, in `expect`, the facts that the product must report about
 * it. A handler runs the product on the input of one case and reports every fact it learns; it
 * never looks at `expect`. The frame compares. A handler is one file, case_<kind>.c, and one row
 * of the table in run_cases.c.
 */
#ifndef HWS_TESTS_CASES_H
#define HWS_TESTS_CASES_H

#include "base/bytes.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/** What a handler found out about one case. */
struct case_report {
    json_t *got;        /**< owned by the frame: fact name to value; a missing name is "absent" */
    const char *broken; /**< why the case could not be run; static text */
};

/*
 * The handlers. Each returns false, with report->broken set, only if the case itself makes no
 * sense (no hex, an unknown role): that counts as failed, whatever is expected.
 */
bool case_run_stun(const json_t *one, struct case_report *report);
bool case_run_channeldata(const json_t *one, struct case_report *report);
bool case_run_demux(const json_t *one, struct case_report *report);
bool case_run_agent(const json_t *one, struct case_report *report);
bool case_run_sdp(const json_t *one, struct case_report *report);
bool case_run_candidate(const json_t *one, struct case_report *report);
bool case_run_dcep(const json_t *one, struct case_report *report); /**< cases without a kind */

/* ---- Reading the input of a case */

/**
 * The bytes of the hexadecimal string at @p key, in a heap block of exactly that size, so that a
 * sanitizer sees every read past its end. The caller frees. NULL if it is not hexadecimal.
 */
uint8_t *case_hex(const json_t *one, const char *key, size_t *out_len);

/** The string at @p key, borrowed from the case; may hold NUL bytes. {NULL, 0} if there is none. */
struct hws_bytes case_text(const json_t *one, const char *key);

/** The string at @p key as C text, borrowed; NULL if there is none. */
const char *case_string(const json_t *one, const char *key);

/* ---- Reporting facts. Reporting a name again replaces it. */

void case_got_string(struct case_report *report, const char *key, const char *value);
/** Nothing is reported for bytes without data; what is not UTF-8 becomes "not UTF-8: <hex>". */
void case_got_text(struct case_report *report, const char *key, struct hws_bytes value);
/** Lower-case hexadecimal; nothing is reported for bytes without data. */
void case_got_hex(struct case_report *report, const char *key, struct hws_bytes value);
void case_got_bool(struct case_report *report, const char *key, bool value);
/** Any 64-bit value: those over INT64_MAX, which jansson cannot hold, are handled by the frame. */
void case_got_number(struct case_report *report, const char *key, uint64_t value);
/** Any JSON value; consumes the reference. */
void case_got_json(struct case_report *report, const char *key, json_t *value);

#endif /* HWS_TESTS_CASES_H */
