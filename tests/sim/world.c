#include "sim/world.h"

#include "base/address.h"
#include "stun/stun_reader.h"
#include "stun/stun_writer.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum {
    STEPS_MAX = 5000, /* at one moment: more is a loop that does not end */
};
#define LIFE_AFTER   HWS_SEC(35) /* long enough for consent to be asked and lost */
#define REPAIR_AFTER HWS_SEC(1)  /* an application that restarts what was lost */
#define REPAIR_MAX   HWS_SEC(200)
#define END_OF_ALL   HWS_SEC(900)

/* ---- The trace */

static void mix(struct sim_world *world, const void *data, size_t len)
{
    const uint8_t *bytes = data;

    for (size_t i = 0; i < len; i++) { /* FNV-1a */
        world->trace = (world->trace ^ bytes[i]) * 0x100000001B3u;
    }
}

static void mix_time(struct sim_world *world)
{
    hws_time since = world->now - world->begun;

    mix(world, &since, sizeof(since));
}

void sim_note(struct sim_side *side, const char *what, int64_t number)
{
    struct sim_world *world = side->world;

    mix_time(world);
    mix(world, &side->index, sizeof(side->index));
    mix(world, what, strlen(what));
    mix(world, &number, sizeof(number));
    if (world->out)
        fprintf(world->out, "%11.6f %d %s %lld\n", (double)(world->now - world->begun) / 1e6,
                side->index, what, (long long)number);
}

static void note_datagram(struct sim_side *side, const char *what,
                          const struct hws_datagram *datagram)
{
    struct sim_world *world = side->world;
    char local[HWS_ENDPOINT_TEXT_MAX], remote[HWS_ENDPOINT_TEXT_MAX];

    mix_time(world);
    mix(world, what, strlen(what));
    mix(world, &datagram->local, sizeof(datagram->local));
    mix(world, &datagram->remote, sizeof(datagram->remote));
    if (side->ice) mix(world, datagram->bytes.data, datagram->bytes.len);
    if (world->out)
        fprintf(world->out, "%11.6f %d %s local=%s remote=%s len=%zu first=%02x%02x\n",
                (double)(world->now - world->begun) / 1e6, side->index, what,
                hws_endpoint_text(&datagram->local, local),
                hws_endpoint_text(&datagram->remote, remote), datagram->bytes.len,
                datagram->bytes.data[0], datagram->bytes.data[1]);
}

void sim_break(struct sim_world *world, const char *format, ...)
{
    va_list args;
    int len;

    if (world->broken[0]) return; /* the first one counts */
    va_start(args, format);
    len = vsnprintf(world->broken, sizeof(world->broken), format, args);
    va_end(args);
    if (len < 0) abort();
    if (world->out)
        fprintf(world->out, "%11.6f BROKEN %s\n", (double)(world->now - world->begun) / 1e6,
                world->broken);
}

void sim_fill(void *user, uint8_t *out, size_t len)
{
    struct sim_side *side = user;

    for (size_t i = 0; i < len; i++) {
        out[i] = (uint8_t)sim_random(&side->random);
    }
}

/* ---- What is to happen, in a heap */

static bool is_before(const struct sim_item *a, const struct sim_item *b)
{
    return a->at < b->at || (a->at == b->at && a->order < b->order);
}

static void sift_up(struct sim_item **heap, size_t at)
{
    struct sim_item *item = heap[at];

    for (; at > 0 && is_before(item, heap[(at - 1) / 2]); at = (at - 1) / 2) {
        heap[at] = heap[(at - 1) / 2];
    }
    heap[at] = item;
}

static struct sim_item *pop(struct sim_world *world)
{
    struct sim_item **heap = world->heap, *first = heap[0], *last = heap[--world->heap_count];
    size_t at = 0, count = world->heap_count;

    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && is_before(heap[child + 1], heap[child])) child++;
        if (!is_before(heap[child], last)) break;
        heap[at] = heap[child];
    }
    if (count > 0) heap[at] = last;
    return first;
}

static struct sim_item *push(struct sim_world *world, enum sim_item_kind kind, hws_time at,
                             int number, size_t len)
{
    struct sim_item *item = calloc(1, sizeof(*item) + len + 1);

    if (world->heap_count == world->heap_cap) {
        size_t cap = world->heap_cap ? 2 * world->heap_cap : 256;
        struct sim_item **grown = calloc(cap, sizeof(struct sim_item *));

        if (!grown) abort();
        if (world->heap_count > 0)
            memcpy(grown, world->heap, world->heap_count * sizeof(struct sim_item *));
        free(world->heap);
        world->heap = grown;
        world->heap_cap = cap;
    }
    if (!item) abort();
    item->kind = kind;
    item->at = at;
    item->number = number;
    item->len = len;
    item->order = world->order++;
    world->heap[world->heap_count++] = item;
    sift_up(world->heap, world->heap_count - 1);
    return item;
}

/* ---- Datagrams */

static hws_time way(struct sim_world *world)
{
    hws_time jitter = world->plan.weather.jitter;

    return world->plan.weather.delay +
           (jitter > 0 ? (hws_time)sim_draw(&world->random, (uint64_t)jitter) : 0);
}

static bool happens(struct sim_world *world, unsigned percent)
{
    return sim_draw(&world->random, 100) < percent;
}

static void carry(struct sim_world *world, int socket, const struct hws_address *source,
                  struct hws_bytes bytes, hws_time delay)
{
    struct sim_item *item;

    if (happens(world, world->plan.weather.loss)) return;
    item = push(world, SIM_ITEM_DATAGRAM, world->now + delay, socket, bytes.len);
    item->source = *source;
    memcpy(item->data, bytes.data, bytes.len);
}

static void serve(struct sim_world *world, size_t server, const struct hws_address *source,
                  struct hws_bytes bytes)
{
    uint8_t buffer[128];
    struct hws_stun_message request;
    struct hws_stun_writer msg;
    struct hws_bytes answer;
    struct hws_address from;
    int to;

    if (hws_stun_read(bytes, &request, NULL) || happens(world, world->plan.weather.loss)) return;
    msg = hws_stun_begin(buffer, sizeof(buffer), HWS_STUN_SUCCESS, HWS_STUN_BINDING,
                         request.transaction);
    hws_stun_add_xor_address(&msg, HWS_STUN_XOR_MAPPED_ADDRESS, source);
    if (hws_stun_end(&msg, &answer)) return;
    to = sim_route(&world->plan.net, server, source, world->now, &from);
    if (to >= 0) carry(world, to, &from, answer, way(world) + way(world));
}

void sim_send(struct sim_side *side, const struct hws_datagram *datagram)
{
    struct sim_world *world = side->world;
    struct sim_net *net = &world->plan.net;
    struct hws_address source;
    size_t socket = 0;
    int to;

    note_datagram(side, "send", datagram);
    sim_judge_send(side, datagram);
    world->datagrams++;
    while (socket < net->socket_count &&
           (net->sockets[socket].owner != side->index ||
            !hws_address_equal(&net->sockets[socket].addr, &datagram->local))) {
        socket++;
    }
    if (socket == net->socket_count) {
        sim_break(world, "side %d sends from an address that is not its own", side->index);
        return;
    }
    if (world->now < world->cut_until) return;
    to = sim_route(net, socket, &datagram->remote, world->now, &source);
    if (to < 0) return;
    if (net->sockets[to].owner == SIM_OWNER_SERVER) {
        serve(world, (size_t)to, &source, datagram->bytes);
        return;
    }
    if (happens(world, world->plan.weather.duplicate))
        carry(world, to, &source, datagram->bytes, way(world));
    carry(world, to, &source, datagram->bytes, way(world));
}

static void arrive(struct sim_world *world, const struct sim_item *item)
{
    const struct sim_socket *socket = &world->plan.net.sockets[item->number];
    struct sim_side *side = &world->sides[socket->owner];
    struct hws_datagram in = {
        socket->addr, item->source, {item->data, item->len}
    };

    if (!side->started) return;
    note_datagram(side, "recv", &in);
    sim_judge_receive(side, &in);
    world->kind->feed(side, &in);
}

/* ---- Signals: over another way, in order */

void sim_signal(struct sim_side *from, int kind, const char *ufrag, const void *data, size_t len)
{
    struct sim_world *world = from->world;
    struct sim_side *to = &world->sides[1 - from->index];
    const struct sim_weather *weather = &world->plan.weather;
    size_t ufrag_len = strlen(ufrag);
    hws_time at = world->now + weather->signal_delay;
    struct sim_item *item;

    if (weather->signal_jitter > 0)
        at += (hws_time)sim_draw(&world->random, (uint64_t)weather->signal_jitter);
    if (at < to->signal_at) at = to->signal_at;
    to->signal_at = at;
    sim_note(from, "signal", kind);
    item = push(world, SIM_ITEM_SIGNAL, at, to->index, len + 1 + ufrag_len);
    item->signal = kind;
    item->len = len;
    if (len > 0) memcpy(item->data, data, len);
    memcpy(item->data + len + 1, ufrag, ufrag_len);
    item->ufrag = (const char *)item->data + len + 1;
}

/* ---- Life */

/* Interfaces and servers become known one after the other. */
static void tell_addresses(struct sim_side *side)
{
    struct sim_world *world = side->world;
    const struct sim_net *net = &world->plan.net;
    hws_time at = world->now;

    for (size_t i = 0; i < net->socket_count; i++) {
        if (net->sockets[i].owner == 1 - side->index) continue;
        push(world, SIM_ITEM_ADDRESS, at, side->index * SIM_SOCKETS + (int)i, 0);
        at += world->plan.address_gap[side->index];
    }
    push(world, SIM_ITEM_ADDRESSES_END, at, side->index, 0);
}

static void start(struct sim_world *world, int index, bool offers)
{
    struct sim_side *side = &world->sides[index];

    if (side->started) return;
    side->started = true;
    sim_note(side, "start", offers);
    world->kind->start(side, offers);
    tell_addresses(side);
}

static void take_signal(struct sim_world *world, const struct sim_item *item)
{
    struct sim_side *side = &world->sides[item->number];
    bool first = !side->described;

    start(world, item->number, false);
    side->described = true;
    sim_note(side, "told", item->signal);
    world->kind->signal(side, item->signal, item->ufrag, item->data, item->len);
    for (unsigned i = 0; first && i < world->plan.junk[item->number]; i++) {
        world->kind->junk(side, i);
    }
}

static void restart(struct sim_side *side)
{
    if (!side->started || !side->described || side->over) return;
    sim_note(side, "restart", side->restarts);
    side->restarts++;
    side->restarted_at = side->world->now;
    side->world->kind->restart(side);
}

void sim_lost(struct sim_side *side)
{
    struct sim_world *world = side->world;

    side->failed = true;
    if (world->plan.reachable)
        push(world, SIM_ITEM_RESTART, world->now + REPAIR_AFTER, side->index, 0);
}

static void befall(struct sim_world *world, const struct sim_mishap *mishap)
{
    sim_note(&world->sides[0], "mishap", mishap->kind);
    switch (mishap->kind) {
    case SIM_NO_MISHAP:
        break;
    case SIM_RESTART:
        restart(&world->sides[mishap->which]);
        break;
    case SIM_RESTART_BOTH:
        restart(&world->sides[0]);
        restart(&world->sides[1]);
        break;
    case SIM_CUT:
        world->hurt = true;
        world->cut_until = world->now + mishap->length;
        break;
    case SIM_REBIND:
        world->hurt = true;
        sim_nat_forget(&world->plan.net.nats[mishap->which]);
        break;
    }
}

static void happen(struct sim_world *world, const struct sim_item *item)
{
    switch (item->kind) {
    case SIM_ITEM_START:
        start(world, item->number, true);
        break;
    case SIM_ITEM_ADDRESS:
        world->kind->add(&world->sides[item->number / SIM_SOCKETS],
                         &world->plan.net.sockets[item->number % SIM_SOCKETS]);
        break;
    case SIM_ITEM_ADDRESSES_END:
        world->kind->end(&world->sides[item->number]);
        break;
    case SIM_ITEM_DATAGRAM:
        arrive(world, item);
        break;
    case SIM_ITEM_SIGNAL:
        take_signal(world, item);
        break;
    case SIM_ITEM_MISHAP:
        befall(world, &world->plan.mishaps[item->number]);
        break;
    case SIM_ITEM_RESTART:
        if (world->sides[item->number].failed) restart(&world->sides[item->number]);
        break;
    }
}

static hws_time next_time(struct sim_world *world)
{
    hws_time next = world->heap_count > 0 ? world->heap[0]->at : HWS_NEVER;

    for (int i = 0; i < SIM_SIDES; i++) {
        struct sim_side *side = &world->sides[i];
        hws_time due = side->started ? world->kind->deadline(side) : HWS_NEVER;

        if (due < next) next = due;
    }
    return next;
}

static void settle(struct sim_world *world)
{
    bool moved = true;

    for (size_t turns = 0; moved && turns < STEPS_MAX; turns++) {
        moved = false;
        for (int i = 0; i < SIM_SIDES; i++) {
            struct sim_side *side = &world->sides[i];

            if (!side->started) continue;
            if (world->kind->deadline(side) <= world->now) world->kind->tick(side);
            while (world->kind->drain(side)) {
                moved = true;
            }
        }
    }
    if (moved) sim_break(world, "a side does not come to rest");
}

static bool step(struct sim_world *world, hws_time until)
{
    hws_time next = next_time(world);

    if (next > until) {
        world->now = until;
        return false;
    }
    if (next > world->now) {
        world->now = next;
        world->steps_now = 0;
    } else if (++world->steps_now > STEPS_MAX) {
        sim_break(world, "time stands still");
        return false;
    }
    sim_set_clock(world->now);
    if (world->heap_count > 0 && world->heap[0]->at <= world->now) {
        struct sim_item *item = pop(world);

        happen(world, item);
        free(item);
    }
    settle(world);
    sim_judge_step(world);
    return !world->broken[0];
}

static void schedule(struct sim_world *world)
{
    push(world, SIM_ITEM_START, world->now, 0, 0);
    if (world->plan.glare)
        push(world, SIM_ITEM_START, world->now + (hws_time)sim_draw(&world->random, 50000), 1, 0);
    for (int i = 0; i < SIM_MISHAPS; i++) {
        const struct sim_mishap *mishap = &world->plan.mishaps[i];
        hws_time at = world->begun + mishap->at;

        if (mishap->kind == SIM_NO_MISHAP) continue;
        push(world, SIM_ITEM_MISHAP, at, i, 0);
        if (mishap->kind == SIM_CUT) at += mishap->length;
        if (at > world->mishap_end) world->mishap_end = at;
    }
}

/* Until nothing more is to be decided, then a while longer, in which that must stay so. */
static void run(struct sim_world *world)
{
    hws_time end = world->begun + END_OF_ALL;

    while (!(world->now > world->mishap_end && sim_is_settled(world)) && step(world, end)) {
    }
    if (world->broken[0]) return;
    for (int i = 0; i < SIM_SIDES; i++) {
        if (world->kind->quiet) world->kind->quiet(&world->sides[i]);
    }
    for (end = world->now + LIFE_AFTER; step(world, end);) {
    }
    /* Consent may be lost to loss alone, and is then to be repaired; and messages are on the way. */
    for (end = world->now + REPAIR_MAX;
         !(sim_is_settled(world) && world->kind->done(world)) && step(world, end);) {
    }
    if (!world->broken[0]) sim_judge_end(world);
}

static hws_time since(const struct sim_world *world, hws_time a, hws_time b)
{
    if (a < 0 || b < 0) return -1;
    return (a > b ? a : b) - world->begun;
}

void sim_run(const struct sim_plan *plan, const struct sim_kind *kind, FILE *out,
             struct sim_result *result)
{
    static struct sim_world world;
    /* It never goes back: usrsctp is one for the whole process. */
    static hws_time clock = HWS_SEC(1000);
    const struct sim_side *a = &world.sides[0], *b = &world.sides[1];

    memset(&world, 0, sizeof(world));
    world.plan = *plan;
    world.kind = kind;
    world.out = out;
    world.trace = 0xCBF29CE484222325u;
    world.begun = world.now = world.mishap_end = clock;
    world.random = plan->seed * 0xA24BAED4963EE407u + 3;
    sim_set_clock(world.now);
    for (int i = 0; i < SIM_SIDES; i++) {
        struct sim_side *side = &world.sides[i];

        side->world = &world;
        side->index = i;
        side->random = plan->seed * 31 + (uint64_t)i + 7;
        side->first_path_at = side->first_nominated_at = side->first_message_at =
            side->restarted_at = -1;
    }
    schedule(&world);
    run(&world);
    for (int i = 0; i < SIM_SIDES; i++) {
        if (world.sides[i].started) kind->stop(&world.sides[i]);
    }
    while (world.heap_count > 0) {
        free(pop(&world));
    }
    free(world.heap);
    clock = world.now + HWS_SEC(1);
    *result = (struct sim_result){
        .trace = world.trace,
        .connected = a->first_path_at >= 0 && b->first_path_at >= 0,
        .path = since(&world, a->first_path_at, b->first_path_at),
        .nominated = since(&world, a->first_nominated_at, b->first_nominated_at),
        .message = since(&world, a->first_message_at, b->first_message_at),
    };
    memcpy(result->broken, world.broken, sizeof(result->broken));
}
