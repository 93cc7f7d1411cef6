#include "mdns/mdns.h"

#include "base/address.h"

#include <stdlib.h>
#include <string.h>

enum { QUEUE = 16 }; /* packets that wait to be taken: a full one drops what comes */

/* When a question is sent again: once soon, because some browsers register their names a moment
 * after they have told them, and then rarely, as RFC 6762 section 5.2 asks. */
static const hws_time again[] = {HWS_MS(250), HWS_SEC(1), HWS_SEC(2)};

struct question {
    char name[HWS_MDNS_NAME_TEXT]; /* empty = free */
    void *user;
    hws_time asked_at, due;
    size_t sent;
    bool over;
    struct hws_address addr;
};

struct own_name {
    char name[HWS_MDNS_NAME_TEXT];
    struct hws_address addr;
};

struct hws_mdns {
    struct question questions[HWS_MDNS_ASKED_MAX];
    struct own_name own[HWS_MDNS_OWN_MAX];
    size_t own_count;
    struct hws_mdns_packet queue[QUEUE];
    size_t queue_first, queue_count;
};

enum hws_err hws_mdns_new(struct hws_mdns **out)
{
    struct hws_mdns *mdns = calloc(1, sizeof(*mdns));

    if (!mdns) return HWS_ERR_NO_MEMORY;
    *out = mdns;
    return HWS_OK;
}

void hws_mdns_free(struct hws_mdns *mdns)
{
    free(mdns);
}

/* ---- Out */

/* Make room for a packet that its writer then fills; NULL when the queue is full. */
static struct hws_mdns_packet *queue_slot(struct hws_mdns *mdns)
{
    return mdns->queue_count < QUEUE ? &mdns->queue[(mdns->queue_first + mdns->queue_count) % QUEUE]
                                     : NULL;
}

static enum hws_err queue_written(struct hws_mdns *mdns, const struct hws_writer *out)
{
    if (out->failed) return HWS_ERR_ARGUMENT;
    queue_slot(mdns)->len = out->len;
    mdns->queue_count++;
    return HWS_OK;
}

static enum hws_err send_query(struct hws_mdns *mdns, const char *name)
{
    struct hws_mdns_packet *packet = queue_slot(mdns);
    struct hws_writer out;

    if (!packet) return HWS_ERR_FULL;
    packet->to = (struct hws_address){0};
    out = hws_writer_over(packet->data, sizeof(packet->data));
    hws_mdns_write_query(&out, name, false);
    return queue_written(mdns, &out);
}

static enum hws_err send_answer(struct hws_mdns *mdns, const struct own_name *own,
                                const struct hws_address *to, struct hws_mdns_reply reply)
{
    struct hws_mdns_packet *packet = queue_slot(mdns);
    struct hws_writer out;

    if (!packet) return HWS_ERR_FULL;
    packet->to = *to;
    out = hws_writer_over(packet->data, sizeof(packet->data));
    hws_mdns_write_answer(&out, own->name, &own->addr, HWS_MDNS_TTL, reply);
    return queue_written(mdns, &out);
}

bool hws_mdns_next_packet(struct hws_mdns *mdns, struct hws_mdns_packet *out)
{
    if (mdns->queue_count == 0) return false;
    *out = mdns->queue[mdns->queue_first];
    mdns->queue_first = (mdns->queue_first + 1) % QUEUE;
    mdns->queue_count--;
    return true;
}

/* ---- Questions */

static bool copy_name(char out[HWS_MDNS_NAME_TEXT], const char *name)
{
    size_t len = strlen(name);

    if (len == 0 || len >= HWS_MDNS_NAME_TEXT) return false;
    for (size_t i = 0; i <= len; i++) {
        out[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] + ('a' - 'A')) : name[i];
    }
    return true;
}

static bool is_asked(const struct hws_mdns *mdns, const char *name)
{
    for (size_t i = 0; i < HWS_MDNS_ASKED_MAX; i++) {
        if (!mdns->questions[i].over && strcmp(mdns->questions[i].name, name) == 0) return true;
    }
    return false;
}

enum hws_err hws_mdns_ask(struct hws_mdns *mdns, const char *name, void *user, hws_time now)
{
    struct question fresh = {.user = user, .asked_at = now, .due = now + again[0], .sent = 1};
    enum hws_err err;

    if (!copy_name(fresh.name, name)) return HWS_ERR_ARGUMENT;
    for (size_t i = 0; i < HWS_MDNS_ASKED_MAX; i++) {
        if (mdns->questions[i].name[0]) continue;
        /* A full queue is no failure: the question is sent again soon. */
        err = is_asked(mdns, fresh.name) ? HWS_OK : send_query(mdns, fresh.name);
        if (err == HWS_ERR_ARGUMENT) return err;
        mdns->questions[i] = fresh;
        return HWS_OK;
    }
    return HWS_ERR_FULL;
}

void hws_mdns_forget(struct hws_mdns *mdns, const void *user)
{
    for (size_t i = 0; i < HWS_MDNS_ASKED_MAX; i++) {
        if (mdns->questions[i].user == user) mdns->questions[i] = (struct question){0};
    }
}

static void tick_one(struct hws_mdns *mdns, struct question *question, hws_time now)
{
    if (now < question->due) return;
    if (now - question->asked_at >= HWS_MDNS_GIVE_UP) {
        question->over = true;
        return;
    }
    (void)send_query(mdns, question->name); /* a full queue: the next time */
    question->due = question->asked_at + HWS_MDNS_GIVE_UP;
    if (question->sent < sizeof(again) / sizeof(again[0])) {
        question->due = question->asked_at + again[question->sent];
    }
    question->sent++;
}

void hws_mdns_tick(struct hws_mdns *mdns, hws_time now)
{
    for (size_t i = 0; i < HWS_MDNS_ASKED_MAX; i++) {
        struct question *question = &mdns->questions[i];

        if (question->name[0] && !question->over) tick_one(mdns, question, now);
    }
}

hws_time hws_mdns_deadline(const struct hws_mdns *mdns)
{
    hws_time due = HWS_NEVER;

    for (size_t i = 0; i < HWS_MDNS_ASKED_MAX; i++) {
        const struct question *question = &mdns->questions[i];

        if (question->name[0] && !question->over && question->due < due) due = question->due;
    }
    return due;
}

bool hws_mdns_next_result(struct hws_mdns *mdns, struct hws_mdns_result *out)
{
    for (size_t i = 0; i < HWS_MDNS_ASKED_MAX; i++) {
        struct question *question = &mdns->questions[i];

        if (!question->over) continue;
        *out = (struct hws_mdns_result){.user = question->user, .addr = question->addr};
        memcpy(out->name, question->name, sizeof(out->name));
        *question = (struct question){0};
        return true;
    }
    return false;
}

/* ---- Our own names */

enum hws_err hws_mdns_publish(struct hws_mdns *mdns, const char *name,
                              const struct hws_address *addr)
{
    struct own_name own = {.addr = *addr};
    const struct hws_address everybody = {0};
    enum hws_err err;

    if (addr->family == HWS_FAMILY_NONE || !copy_name(own.name, name)) return HWS_ERR_ARGUMENT;
    if (mdns->own_count == HWS_MDNS_OWN_MAX) return HWS_ERR_FULL;
    /* Said once, without probing: a random name cannot be taken already. */
    err = send_answer(mdns, &own, &everybody, (struct hws_mdns_reply){0});
    if (err == HWS_ERR_ARGUMENT) return err;
    mdns->own[mdns->own_count++] = own;
    return HWS_OK;
}

/* ---- In */

static void take_record(struct hws_mdns *mdns, const struct hws_mdns_entry *entry,
                        const struct hws_address *from)
{
    if (entry->name[0] == '\0' || entry->addr.family == HWS_FAMILY_NONE || entry->ttl == 0) return;
    for (size_t i = 0; i < HWS_MDNS_ASKED_MAX; i++) {
        struct question *question = &mdns->questions[i];

        if (question->over || strcmp(question->name, entry->name) != 0) continue;
        question->addr = entry->addr;
        /* An address of the link means the link that the answer came by. */
        if (hws_address_is_link_local(&entry->addr)) question->addr.scope = from->scope;
        question->over = true;
    }
}

static enum hws_err take_question(struct hws_mdns *mdns, const struct hws_mdns_entry *entry,
                                  const struct hws_address *from, uint16_t id)
{
    enum { MDNS_PORT = 5353 };
    struct hws_mdns_reply reply = {.legacy = from->port != MDNS_PORT, .id = id};
    const struct hws_address everybody = {0};
    enum hws_err err = HWS_OK;

    for (size_t i = 0; i < mdns->own_count && !err; i++) {
        const struct own_name *own = &mdns->own[i];
        bool wanted = own->addr.family == HWS_FAMILY_IP4 ? entry->wants_ip4 : entry->wants_ip6;

        if (!wanted || strcmp(own->name, entry->name) != 0) continue;
        err = send_answer(mdns, own, reply.legacy || entry->unicast ? from : &everybody, reply);
    }
    return err;
}

enum hws_err hws_mdns_feed(struct hws_mdns *mdns, struct hws_bytes message,
                           const struct hws_address *from)
{
    struct hws_mdns_reader reader;
    struct hws_mdns_entry entry;
    enum hws_err err = hws_mdns_open(message, &reader);

    while (!err && hws_mdns_next(&reader, &entry)) {
        if (entry.is_question) {
            if (!reader.is_response) err = take_question(mdns, &entry, from, reader.id);
        } else if (reader.is_response) {
            take_record(mdns, &entry, from);
        }
    }
    return err;
}
