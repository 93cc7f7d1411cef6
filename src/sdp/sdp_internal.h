/**
 * @file
 * What the files of sdp/ share: the lines and attributes that a reader knows, and their checks.
 */
#ifndef HWS_SDP_SDP_INTERNAL_H
#define HWS_SDP_SDP_INTERNAL_H

#include "base/bytes.h"
#include "sdp/sdp.h"

enum {
    HWS_UFRAG_MIN = 4, /* RFC 8839 section 5.4 */
    HWS_PWD_MIN = 22,
    HWS_MAX_MESSAGE_SIZE_ABSENT = 65536,    /* RFC 8841 section 6.1 */
    HWS_MAX_MESSAGE_SIZE_SENT = 0x7FFFFFFF, /* Chromium refuses a description with more */
};

/* ---- Candidates (candidate.c) */

/**
 * Read what follows "candidate:", without a line end. As hws_candidate_read(), but components below
 * @p component_min are malformed: 1 by the rule, 0 to be kind to Chromium, which puts 0 into
 * descriptions for host candidates out of its pool.
 */
HWS_MUST_USE enum hws_err hws_candidate_read_value(struct hws_bytes value, uint64_t component_min,
                                                   struct hws_candidate *out,
                                                   enum hws_candidate_verdict *verdict);

/* ---- Fingerprints (fingerprint.c) */

/** May it be sent: one of the hashes that browsers know, and not MD5? */
bool hws_fingerprint_is_sound(const struct hws_fingerprint *fingerprint);

/* ---- Lines that are not attributes (sdp_lines.c) */

/** The words of an m= line, borrowed. */
struct hws_sdp_mline {
    struct hws_bytes media;
    struct hws_bytes proto;
    struct hws_bytes formats; /**< one token or more, with one space between them */
    uint16_t port;
};

HWS_MUST_USE enum hws_sdp_flaw hws_sdp_read_mline(struct hws_bytes value,
                                                  struct hws_sdp_mline *out);
/** Numbers too big for 64 bits become 2^64-1: they are only ever compared. */
HWS_MUST_USE enum hws_sdp_flaw hws_sdp_read_origin(struct hws_bytes value, uint64_t *out_id,
                                                   uint64_t *out_version);
/** Check the value of any other line by its type letter. */
enum hws_sdp_flaw hws_sdp_check_line(uint8_t letter, struct hws_bytes value);
/** May a line of type @p letter follow one of type @p last? 0 is the start. */
bool hws_sdp_may_follow(bool in_media, uint8_t last, uint8_t letter);
/** Is it a type letter at all? */
bool hws_sdp_is_letter(uint8_t letter);

/* ---- Attributes (sdp_attributes.c) */

/** Attributes of which there is one value at most in a section or at session level. */
enum hws_sdp_single {
    HWS_SINGLE_UFRAG,
    HWS_SINGLE_PWD,
    HWS_SINGLE_ICE_OPTIONS,
    HWS_SINGLE_ICE_LITE,
    HWS_SINGLE_END_OF_CANDIDATES,
    HWS_SINGLE_SETUP,
    HWS_SINGLE_TLS_ID,
    HWS_SINGLE_MID,
    HWS_SINGLE_BUNDLE_ONLY,
    HWS_SINGLE_SCTP_PORT,
    HWS_SINGLE_SCTPMAP,
    HWS_SINGLE_MAX_MESSAGE_SIZE,
    HWS_SINGLE_COUNT
};

/** Attributes that may come often: they are checked at once and collected at the end. */
enum hws_sdp_many { HWS_MANY_FINGERPRINT, HWS_MANY_CANDIDATE, HWS_MANY_GROUP, HWS_MANY_COUNT };

/** The session level, or one m= section. Everything borrows the text. */
struct hws_sdp_level {
    struct hws_bytes lines;                    /**< from its first line to its last */
    size_t first_line;                         /**< number of its first line, counted from 1 */
    bool connection;                           /**< it has a c= line */
    struct hws_bytes single[HWS_SINGLE_COUNT]; /**< value; data NULL when absent, len 0 of a flag */
    size_t many[HWS_MANY_COUNT];               /**< how often each came */
};

/** Take up the value of an a= line; unknown ones, and those of the other level, are ignored. */
HWS_MUST_USE enum hws_sdp_flaw hws_sdp_add_attribute(struct hws_sdp_level *level, bool in_media,
                                                     struct hws_bytes value);

/** Next value of @p which in @p lines, which then goes on behind it; false when there is none. */
bool hws_sdp_next_value(struct hws_bytes *lines, enum hws_sdp_many which, struct hws_bytes *out);

/** The next line without its end; false when there is none. */
bool hws_sdp_next_line(struct hws_bytes *rest, struct hws_bytes *out);

/** The setup role, or false: "holdconn" is none that WebRTC uses (RFC 8842 section 5.2). */
bool hws_sdp_read_setup(struct hws_bytes value, enum hws_sdp_setup *out);

/** The two numbers and the name of "5000 webrtc-datachannel 1024". */
bool hws_sdp_read_sctpmap(struct hws_bytes value, struct hws_bytes *out_port,
                          struct hws_bytes *out_app);

/** SCTP port and such: no leading zeros (RFC 8841 section 5.2). */
bool hws_sdp_read_port(struct hws_bytes value, uint16_t *out);

/* ---- Reading in two steps (sdp_reader.c, sdp_whole.c) */

struct hws_sdp_section {
    struct hws_sdp_level level;
    struct hws_sdp_mline m;
};

/** All lines read, each of them sound; nothing said yet of the whole. Borrows the text. */
struct hws_sdp_draft {
    enum hws_sdp_type type;
    size_t line;        /**< number of the line that is looked at, counted from 1; 0 = the whole */
    uint8_t last;       /**< type letter of the line before; 0 is the start */
    bool is_over_limit; /**< what failed is a limit of ours, not the text */
    uint64_t session_id, session_version;
    struct hws_sdp_level session;
    struct hws_sdp_section sections[HWS_MEDIA_MAX];
    size_t section_count;
};

/** What was found out about the whole before anything is written. */
struct hws_sdp_finding {
    const struct hws_sdp_section *data;
    const struct hws_sdp_section *tagged; /**< may lend its transport; NULL if none */
    enum hws_sdp_proto proto;
    enum hws_sdp_setup setup;
    bool rejected;
    bool bundled;
    uint16_t sctp_port;
};

/** Its a=mid; data NULL when there is none. */
struct hws_bytes hws_sdp_mid_of(const struct hws_sdp_section *section);

/** Check the whole. On a flaw, @p draft names the line. */
HWS_MUST_USE enum hws_sdp_flaw hws_sdp_check_draft(struct hws_sdp_draft *draft,
                                                   struct hws_sdp_finding *out);
/** Write the result; @p draft and @p finding have been checked. */
void hws_sdp_fill(const struct hws_sdp_draft *draft, const struct hws_sdp_finding *finding,
                  struct hws_sdp *out);

#endif /* HWS_SDP_SDP_INTERNAL_H */
