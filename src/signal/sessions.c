#include "signal/sessions.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum hws_err hws_sessions_init(struct hws_sessions *sessions, size_t cap)
{
    struct hws_sessions_entry *entries = calloc(cap, sizeof(*entries));

    if (!entries) return HWS_ERR_NO_MEMORY;
    *sessions = (struct hws_sessions){.entries = entries, .cap = cap};
    return HWS_OK;
}

void hws_sessions_fini(struct hws_sessions *sessions)
{
    free(sessions->entries);
    *sessions = (struct hws_sessions){0};
}

/* Where @p session is, or would be. */
static size_t place_of(const struct hws_sessions *sessions, uint64_t session)
{
    size_t low = 0, high = sessions->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (sessions->entries[middle].session < session) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct hws_sessions_entry *hws_sessions_find(struct hws_sessions *sessions, uint64_t session)
{
    size_t place = place_of(sessions, session);

    if (place == sessions->count || sessions->entries[place].session != session) return NULL;
    return &sessions->entries[place];
}

enum hws_err hws_sessions_add(struct hws_sessions *sessions, const struct hws_sessions_entry *entry)
{
    size_t place = place_of(sessions, entry->session);
    struct hws_sessions_entry *at = sessions->entries + place;

    if (sessions->count == sessions->cap) return HWS_ERR_FULL;
    assert(place == sessions->count || at->session != entry->session);
    memmove(at + 1, at, (sessions->count - place) * sizeof(*at));
    *at = *entry;
    sessions->count++;
    return HWS_OK;
}

void hws_sessions_remove(struct hws_sessions *sessions, struct hws_sessions_entry *entry)
{
    size_t place = (size_t)(entry - sessions->entries);

    assert(place < sessions->count);
    sessions->count--;
    memmove(entry, entry + 1, (sessions->count - place) * sizeof(*entry));
}

enum hws_err hws_sessions_check_number(uint64_t taken, uint64_t number)
{
    if (number == 0) return taken == 0 ? HWS_OK : HWS_ERR_MISMATCH;
    if (number <= taken) return HWS_ERR_UNEXPECTED;
    return number - taken == 1 ? HWS_OK : HWS_ERR_MISMATCH;
}
