/**
 * @file
 * A JSON object on one line, written straight down. It nests as the calls nest and checks nothing.
 */
#ifndef HWS_CLI_JSON_H
#define HWS_CLI_JSON_H

#include <hawser/types.h>

#include <stdio.h>

struct hws_json {
    FILE *out;    /**< borrowed */
    bool follows; /**< a comma comes before the next member */
};

/* A key is plain text, or NULL inside an array. */
void hws_json_open(struct hws_json *json, const char *key, char bracket);
void hws_json_close(struct hws_json *json, char bracket);
void hws_json_number(struct hws_json *json, const char *key, uint64_t value);
void hws_json_bool(struct hws_json *json, const char *key, bool value);
/** Escaped; what is not UTF-8 is taken for Latin-1, so that the line is always JSON. */
void hws_json_text(struct hws_json *json, const char *key, struct hws_bytes text);

#endif /* HWS_CLI_JSON_H */
