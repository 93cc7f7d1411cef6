/* The bus inside one process: a set of workers that are listened to, and a queue. */
#include "distributor/bus.h"
#include "distributor/table.h"

#include <stdlib.h>
#include <string.h>

struct parcel {
    struct parcel *next;
    struct hws_bus_delivery delivery; /* its bytes are those below */
    uint8_t bytes[];
};

struct local {
    struct hws_bus bus; /* first: a struct hws_bus * is a struct local * */
    struct hws_table workers;
    struct parcel *head, **tail;
    struct parcel *held; /* handed out last; freed by the next call of next() */
};

static struct local *local_of(struct hws_bus *bus)
{
    return (struct local *)bus;
}

static enum hws_err put(struct local *local, const struct hws_bus_delivery *delivery)
{
    struct parcel *parcel = calloc(1, sizeof(*parcel) + delivery->bytes.len);

    if (!parcel) return HWS_ERR_NO_MEMORY;
    parcel->delivery = *delivery;
    if (delivery->bytes.len > 0) {
        memcpy(parcel->bytes, delivery->bytes.data, delivery->bytes.len);
    }
    parcel->delivery.bytes.data = parcel->bytes;
    *local->tail = parcel;
    local->tail = &parcel->next;
    return HWS_OK;
}

static enum hws_err local_subscribe(struct hws_bus *bus, int64_t worker)
{
    struct local *local = local_of(bus);

    if (hws_table_find(&local->workers, (uint64_t)worker) != HWS_TABLE_NONE) return HWS_ERR_STATE;
    return hws_table_add(&local->workers, (uint64_t)worker, 0);
}

static void local_unsubscribe(struct hws_bus *bus, int64_t worker)
{
    hws_table_remove(&local_of(bus)->workers, (uint64_t)worker);
}

static enum hws_err local_publish_worker(struct hws_bus *bus, int64_t worker, uint64_t session,
                                         struct hws_bytes bytes)
{
    struct local *local = local_of(bus);
    bool somebody = hws_table_find(&local->workers, (uint64_t)worker) != HWS_TABLE_NONE;
    struct hws_bus_delivery delivery = {.worker = worker, .session = session};

    delivery.kind = somebody ? HWS_BUS_TO_WORKER : HWS_BUS_NOBODY;
    if (somebody) delivery.bytes = bytes;
    return put(local, &delivery);
}

static enum hws_err local_publish_session(struct hws_bus *bus, uint64_t instance, uint64_t session,
                                          struct hws_bytes bytes)
{
    struct hws_bus_delivery delivery = {
        .kind = HWS_BUS_TO_SESSION, .session = session, .bytes = bytes};

    (void)instance; /* there is only this one */
    return put(local_of(bus), &delivery);
}

static bool local_next(struct hws_bus *bus, struct hws_bus_delivery *out)
{
    struct local *local = local_of(bus);
    struct parcel *parcel = local->head;

    free(local->held);
    local->held = parcel;
    if (!parcel) return false;
    local->head = parcel->next;
    if (!local->head) local->tail = &local->head;
    *out = parcel->delivery;
    return true;
}

static void local_free(struct hws_bus *bus)
{
    struct local *local = local_of(bus);
    struct hws_bus_delivery delivery;

    while (local_next(bus, &delivery))
        continue;
    hws_table_fini(&local->workers);
    free(local);
}

static const struct hws_bus_ops local_ops = {
    .subscribe = local_subscribe,
    .unsubscribe = local_unsubscribe,
    .publish_worker = local_publish_worker,
    .publish_session = local_publish_session,
    .next = local_next,
    .free = local_free,
};

enum hws_err hws_bus_local_new(size_t worker_cap, uint64_t seed, struct hws_bus **out)
{
    struct local *local = calloc(1, sizeof(*local));
    enum hws_err err;

    if (!local) return HWS_ERR_NO_MEMORY;
    err = hws_table_init(&local->workers, worker_cap, seed);
    if (err) {
        free(local);
        return err;
    }
    local->bus.ops = &local_ops;
    local->tail = &local->head;
    *out = &local->bus;
    return HWS_OK;
}
