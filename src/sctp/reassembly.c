#include "sctp/reassembly.h"

#include "base/limits.h"

#include <stdlib.h>
#include <string.h>

/* A piece that came before those in front of it. */
struct early {
    struct early *before, *after;
    uint32_t fsn;
    size_t len;
    uint8_t data[];
};

struct hws_in_message {
    struct hws_in_message *before, *after; /* a ring, in the order of MIDs */
    uint16_t stream;
    uint32_t mid, ppid;
    uint32_t next_fsn, last_fsn;
    bool ends; /* the last piece is known */
    uint8_t *data;
    size_t len, cap;
    struct early *first, *last; /* in the order of FSNs */
    size_t early_len;
};

struct hws_in_stream {
    struct hws_in_message *newest[2]; /* of the rings: ordered, unordered; NULL = empty */
    uint32_t next_mid;                /* ordered: whose turn it is */
    uint32_t floor;                   /* unordered: what is before it has been given up */
    uint32_t skip_to[2];              /* not applied yet: the first MID that is not given up */
    bool skips[2], has_floor;
    bool restarts;
};

enum { ORDERED, UNORDERED };

/* A walk through all that may be held takes half a millisecond. A sender that loses one piece in
 * ten of a full window of small messages makes us take some 100 steps for each; these are the steps
 * that each brings with it, and those that may be saved up. */
enum { STEPS_A_PIECE = 256, STEPS_MAX = 1 << 20 };

static bool is_before(uint32_t a, uint32_t b)
{
    return a != b && b - a < UINT32_C(1) << 31;
}

void hws_reassembly_init(struct hws_reassembly *in, size_t streams, size_t message_max,
                         size_t held_max)
{
    *in = (struct hws_reassembly){
        .streams = streams,
        .message_max = message_max,
        .held_max = held_max,
        .patience = STEPS_MAX,
    };
}

static bool make_table(struct hws_reassembly *in)
{
    if (in->table) return true;
    if (!in->ready.bits && !hws_stream_set_init(&in->ready, in->streams)) return false;
    if (!in->skipped.bits && !hws_stream_set_init(&in->skipped, in->streams)) return false;
    in->table = calloc(in->streams, sizeof(*in->table));
    return in->table != NULL;
}

static size_t cost_of(const struct hws_in_message *message)
{
    return sizeof(*message) + message->cap;
}

static void free_early(struct hws_reassembly *in, struct hws_in_message *message,
                       struct early *early)
{
    if (early->before) {
        early->before->after = early->after;
    } else {
        message->first = early->after;
    }
    if (early->after) {
        early->after->before = early->before;
    } else {
        message->last = early->before;
    }
    message->early_len -= early->len;
    in->held -= sizeof(*early) + early->len;
    in->held_count--;
    free(early);
}

static void free_message(struct hws_reassembly *in, struct hws_in_message *message)
{
    if (!message) return;
    while (message->first) {
        free_early(in, message, message->first);
    }
    in->held -= cost_of(message);
    in->held_count--;
    free(message->data);
    free(message);
}

static void unlink_message(struct hws_in_message **newest, struct hws_in_message *message)
{
    message->before->after = message->after;
    message->after->before = message->before;
    if (*newest == message) *newest = message->before == message ? NULL : message->before;
    message->before = message->after = NULL;
}

static void drop(struct hws_reassembly *in, struct hws_in_message **newest,
                 struct hws_in_message *message)
{
    unlink_message(newest, message);
    free_message(in, message);
    in->abandoned++;
}

void hws_reassembly_fini(struct hws_reassembly *in)
{
    for (size_t i = 0; in->table && i < in->streams; i++) {
        for (int order = ORDERED; order <= UNORDERED; order++) {
            while (in->table[i].newest[order]) {
                drop(in, &in->table[i].newest[order], in->table[i].newest[order]);
            }
        }
    }
    free_message(in, in->done);
    free_message(in, in->out);
    free(in->table);
    hws_stream_set_fini(&in->ready);
    hws_stream_set_fini(&in->skipped);
    *in = (struct hws_reassembly){0};
}

/* ---- Pieces into messages */

/* @p at is NULL when @p message is the oldest: in a ring that is behind the newest. */
static void link_behind(struct hws_in_message **newest, struct hws_in_message *at,
                        struct hws_in_message *message)
{
    struct hws_in_message *before = at ? at : *newest;

    if (!before) before = message->after = message;
    message->before = before;
    if (before != message) message->after = before->after;
    message->after->before = message;
    before->after = message;
    if (at == *newest) *newest = message;
}

static bool may_step(struct hws_reassembly *in)
{
    if (in->patience == 0) return false;
    in->patience--;
    return true;
}

/* The last message that is not behind @p mid, NULL if all are; from both ends at once: new ones
 * belong to the one, and what was lost to the other. */
static enum hws_err find_place(struct hws_reassembly *in, struct hws_in_message *newest,
                               uint32_t mid, struct hws_in_message **out)
{
    struct hws_in_message *high = newest, *low = newest ? newest->after : NULL, *below = NULL;

    while (high && is_before(mid, high->mid) && !is_before(mid, low->mid)) {
        if (!may_step(in)) return HWS_ERR_FULL;
        high = high->before;
        below = low;
        low = low->after;
    }
    *out = high && is_before(mid, high->mid) ? below : high;
    return HWS_OK;
}

static enum hws_err find_or_add(struct hws_reassembly *in, struct hws_in_message **newest,
                                const struct hws_idata_piece *piece, struct hws_in_message **out)
{
    struct hws_in_message *at, *message;
    enum hws_err err = find_place(in, *newest, piece->mid, &at);

    if (err) return err;
    if (at && at->mid == piece->mid) {
        *out = at;
        return HWS_OK;
    }
    message = calloc(1, sizeof(*message));
    if (!message) return HWS_ERR_NO_MEMORY;
    message->stream = piece->stream;
    message->mid = piece->mid;
    in->held += cost_of(message);
    in->held_count++;
    link_behind(newest, at, message);
    *out = message;
    return HWS_OK;
}

static bool append(struct hws_reassembly *in, struct hws_in_message *message, const uint8_t *data,
                   size_t len)
{
    enum { CAP_FIRST = 4096 };

    if (len > message->cap - message->len) {
        size_t cap = message->cap == 0 ? CAP_FIRST : 2 * message->cap;
        uint8_t *grown;

        while (cap < message->len + len) {
            cap *= 2;
        }
        grown = calloc(1, cap);
        if (!grown) return false;
        if (message->len > 0) memcpy(grown, message->data, message->len);
        free(message->data);
        message->data = grown;
        in->held += cap - message->cap;
        message->cap = cap;
    }
    memcpy(message->data + message->len, data, len);
    message->len += len;
    message->next_fsn++;
    return true;
}

static enum hws_err put_aside(struct hws_reassembly *in, struct hws_in_message *message,
                              const struct hws_idata_piece *piece)
{
    struct early *at = message->last, *early;

    while (at && piece->fsn < at->fsn) {
        if (!may_step(in)) return HWS_ERR_FULL;
        at = at->before;
    }
    if (at && at->fsn == piece->fsn) return HWS_ERR_MALFORMED;
    early = calloc(1, sizeof(*early) + piece->data.len);
    if (!early) return HWS_ERR_NO_MEMORY;
    early->fsn = piece->fsn;
    early->len = piece->data.len;
    memcpy(early->data, piece->data.data, piece->data.len);
    early->before = at;
    early->after = at ? at->after : message->first;
    if (early->after) {
        early->after->before = early;
    } else {
        message->last = early;
    }
    if (at) {
        at->after = early;
    } else {
        message->first = early;
    }
    message->early_len += early->len;
    in->held += sizeof(*early) + early->len;
    in->held_count++;
    return HWS_OK;
}

/* Does the piece fit what is known of its message? */
static enum hws_err check(const struct hws_reassembly *in, const struct hws_in_message *message,
                          const struct hws_idata_piece *piece)
{
    bool is_zero = piece->fsn == 0;

    if (is_zero != piece->first || piece->fsn < message->next_fsn) return HWS_ERR_MALFORMED;
    if (message->ends && (piece->last || piece->fsn >= message->last_fsn)) return HWS_ERR_MALFORMED;
    if (piece->last && message->last && message->last->fsn >= piece->fsn) return HWS_ERR_MALFORMED;
    if (piece->data.len > in->message_max ||
        message->len + message->early_len > in->message_max - piece->data.len) {
        return HWS_ERR_TOO_BIG;
    }
    /* Each piece before it has a byte at least. So numbers do not wrap either. */
    if (piece->fsn > in->message_max - piece->data.len) return HWS_ERR_TOO_BIG;
    if (in->held_count >= HWS_SCTP_HELD_MAX || in->held > in->held_max) return HWS_ERR_FULL;
    return HWS_OK;
}

static enum hws_err add_piece(struct hws_reassembly *in, struct hws_in_message *message,
                              const struct hws_idata_piece *piece)
{
    enum hws_err err = check(in, message, piece);

    if (err) return err;
    if (piece->first) message->ppid = piece->ppid;
    if (piece->last) {
        message->ends = true;
        message->last_fsn = piece->fsn;
    }
    if (piece->fsn != message->next_fsn) return put_aside(in, message, piece);
    if (!append(in, message, piece->data.data, piece->data.len)) return HWS_ERR_NO_MEMORY;
    while (message->first && message->first->fsn == message->next_fsn) {
        if (!append(in, message, message->first->data, message->first->len)) {
            return HWS_ERR_NO_MEMORY;
        }
        free_early(in, message, message->first);
    }
    return HWS_OK;
}

static bool is_complete(const struct hws_in_message *message)
{
    return message->ends && message->next_fsn == message->last_fsn + 1;
}

/* A message in one piece whose turn it is needs no keeping. */
static bool take_direct(struct hws_reassembly *in, struct hws_in_stream *stream,
                        const struct hws_idata_piece *piece)
{
    if (!piece->first || !piece->last || piece->data.len > in->message_max) return false;
    if (!piece->unordered) {
        if (piece->mid != stream->next_mid) return false;
        stream->next_mid++;
        if (stream->newest[ORDERED]) hws_stream_set_add(&in->ready, piece->stream);
    }
    in->direct = true;
    in->piece = *piece;
    return true;
}

/* The rest of a message that was given up. */
static bool is_late(const struct hws_in_stream *stream, const struct hws_idata_piece *piece)
{
    if (!piece->unordered) return is_before(piece->mid, stream->next_mid);
    return stream->has_floor && is_before(piece->mid, stream->floor) &&
           !(piece->first && piece->last);
}

enum hws_err hws_reassembly_take(struct hws_reassembly *in, const struct hws_idata_piece *piece)
{
    struct hws_in_stream *stream;
    struct hws_in_message **newest, *message;
    enum hws_err err;

    if (piece->stream >= in->streams) return HWS_ERR_MALFORMED;
    if (!make_table(in)) return HWS_ERR_NO_MEMORY;
    in->patience += STEPS_A_PIECE;
    if (in->patience > STEPS_MAX) in->patience = STEPS_MAX;
    stream = &in->table[piece->stream];
    if (is_late(stream, piece) || take_direct(in, stream, piece)) return HWS_OK;
    newest = &stream->newest[piece->unordered ? UNORDERED : ORDERED];
    err = find_or_add(in, newest, piece, &message);
    if (!err) err = add_piece(in, message, piece);
    if (err || !is_complete(message)) return err;
    if (piece->unordered) {
        unlink_message(newest, message);
        in->done = message;
    } else if (message->mid == stream->next_mid) {
        hws_stream_set_add(&in->ready, piece->stream);
    }
    return HWS_OK;
}

/* ---- Messages out */

enum hws_err hws_reassembly_skip(struct hws_reassembly *in, const struct hws_idata_skip *skip)
{
    int order = skip->unordered ? UNORDERED : ORDERED;
    struct hws_in_stream *stream;

    if (skip->stream >= in->streams) return HWS_ERR_MALFORMED;
    if (!make_table(in)) return HWS_ERR_NO_MEMORY;
    stream = &in->table[skip->stream];
    if (!stream->skips[order] || is_before(stream->skip_to[order], skip->mid + 1)) {
        stream->skip_to[order] = skip->mid + 1;
    }
    stream->skips[order] = true;
    hws_stream_set_add(&in->skipped, skip->stream);
    return HWS_OK;
}

void hws_reassembly_restart(struct hws_reassembly *in, uint16_t stream)
{
    if (!in->table || stream >= in->streams) return;
    in->table[stream].restarts = true;
    hws_stream_set_add(&in->ready, stream);
}

static void apply_skips(struct hws_reassembly *in, uint16_t index)
{
    struct hws_in_stream *stream = &in->table[index];
    struct hws_in_message **newest = &stream->newest[UNORDERED];

    if (stream->skips[ORDERED] && is_before(stream->next_mid, stream->skip_to[ORDERED])) {
        stream->next_mid = stream->skip_to[ORDERED];
        hws_stream_set_add(&in->ready, index);
    }
    if (stream->skips[UNORDERED]) {
        stream->floor = stream->skip_to[UNORDERED];
        stream->has_floor = true;
        while (*newest && is_before((*newest)->after->mid, stream->floor)) {
            drop(in, newest, (*newest)->after);
        }
    }
    stream->skips[ORDERED] = stream->skips[UNORDERED] = false;
}

static bool hand_out(struct hws_reassembly *in, struct hws_in_message *message,
                     struct hws_in_whole *out)
{
    in->out = message;
    *out = (struct hws_in_whole){
        message->stream, message->ppid, {message->data, message->len}
    };
    return true;
}

/* The oldest ordered message of a stream, if its turn has come; those that were given up go. */
static bool next_of(struct hws_reassembly *in, uint16_t index, struct hws_in_whole *out)
{
    struct hws_in_stream *stream = &in->table[index];
    struct hws_in_message **newest = &stream->newest[ORDERED];

    while (*newest) {
        struct hws_in_message *oldest = (*newest)->after;
        bool passed = stream->restarts || is_before(oldest->mid, stream->next_mid);

        if (is_complete(oldest) && (passed || oldest->mid == stream->next_mid)) {
            if (!passed) stream->next_mid++;
            unlink_message(newest, oldest);
            hws_stream_set_add(&in->ready, index); /* more may follow */
            return hand_out(in, oldest, out);
        }
        if (!passed) return false;
        drop(in, newest, oldest);
    }
    if (stream->restarts) {
        while (stream->newest[UNORDERED]) {
            drop(in, &stream->newest[UNORDERED], stream->newest[UNORDERED]);
        }
        *stream = (struct hws_in_stream){0};
    }
    return false;
}

bool hws_reassembly_next(struct hws_reassembly *in, bool all_in, struct hws_in_whole *out)
{
    uint16_t stream;

    free_message(in, in->out);
    in->out = NULL;
    if (in->direct) {
        in->direct = false;
        *out = (struct hws_in_whole){in->piece.stream, in->piece.ppid, in->piece.data};
        return true;
    }
    if (in->done) {
        struct hws_in_message *message = in->done;

        in->done = NULL;
        return hand_out(in, message, out);
    }
    for (;;) {
        if (hws_stream_set_take(&in->ready, in->streams, &stream)) {
            if (next_of(in, stream, out)) return true;
        } else if (all_in && hws_stream_set_take(&in->skipped, in->streams, &stream)) {
            apply_skips(in, stream);
        } else {
            return false;
        }
    }
}
