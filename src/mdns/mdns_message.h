/**
 * @file
 * Messages of multicast DNS (RFC 6762, RFC 1035 section 4), as far as the names of candidates need
 * them: questions for and records with the address of one host name. Pure.
 */
#ifndef HWS_MDNS_MDNS_MESSAGE_H
#define HWS_MDNS_MDNS_MESSAGE_H

#include "base/bytes.h"
#include "base/writer.h"

#include <hawser/err.h>

enum {
    HWS_MDNS_NAME_TEXT = 64,    /**< room for a name as text; "<uuid>.local" is 42 characters */
    HWS_MDNS_MESSAGE_MAX = 256, /**< what we write is never longer */
    HWS_MDNS_TTL = 120,         /**< seconds; RFC 6762 section 10 */
};

/** One question or record of a message. */
struct hws_mdns_entry {
    bool is_question;
    char name[HWS_MDNS_NAME_TEXT]; /**< lower case, no dot at the end; empty when it is longer */
    bool wants_ip4, wants_ip6;     /**< question: which addresses would answer it */
    bool unicast;                  /**< question: the answer may go to the asker alone */
    struct hws_address addr;       /**< record: its address with port 0; family NONE if none */
    uint32_t ttl;                  /**< record: seconds; 0 says goodbye */
};

/** A message that is being read. */
struct hws_mdns_reader {
    struct hws_bytes message;
    struct hws_cursor at;
    uint16_t id;
    bool is_response;
    uint16_t questions_left;
    uint32_t records_left;
};

/** @retval HWS_ERR_MALFORMED  no header, or a kind of message that nobody should send here */
HWS_MUST_USE enum hws_err hws_mdns_open(struct hws_bytes message, struct hws_mdns_reader *out);

/** The next entry; false at the end, and where the message breaks: what came before stands. */
bool hws_mdns_next(struct hws_mdns_reader *reader, struct hws_mdns_entry *out);

/** Append a query for both addresses of @p name. A name with a bad label fails the writer. */
void hws_mdns_write_query(struct hws_writer *out, const char *name, bool unicast);

/** How an answer is addressed. */
struct hws_mdns_reply {
    bool legacy; /**< to an asker that is no multicast DNS host (RFC 6762 section 6.7) */
    uint16_t id; /**< then: of its query */
};

/** Append an answer with the address of @p name; @p ttl in seconds, 0 to say goodbye. A legacy
 *  answer repeats the question. */
void hws_mdns_write_answer(struct hws_writer *out, const char *name, const struct hws_address *addr,
                           uint32_t ttl, struct hws_mdns_reply reply);

/** "<uuid>.local" with a version 4 UUID out of 16 random bytes. */
void hws_mdns_make_name(const uint8_t random[16], char out[HWS_MDNS_NAME_TEXT]);

#endif /* HWS_MDNS_MDNS_MESSAGE_H */
