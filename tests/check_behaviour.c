/* What a NAT does, found out against NATs of every kind, in virtual time; and the verdict on it. */
#include "base/address.h"
#include "base/bytes.h"
#include "doctor/behaviour.h"
#include "doctor/verdict.h"
#include "stun/stun_reader.h"
#include "stun/stun_writer.h"

#include "support/check_main.h"

#include <string.h>

enum { MAPPINGS = 16, SENT = 32 };
#define RTT HWS_MS(40)

static uint8_t drawn;

static void draw(void *user, uint8_t *out, size_t len)
{
    (void)user;
    memset(out, 0x5A, len);
    out[0] = ++drawn;
}

static struct hws_address address(const char *text, uint16_t port)
{
    struct hws_address addr;

    ck_assert_int_eq(hws_address_read(hws_bytes_of(text), &addr), HWS_OK);
    addr.port = port;
    return addr;
}

/* ---- A NAT, a server behind it, and a line that takes half a round trip each way */

static struct nat {
    enum hws_nat_rule mapping, filtering;
    bool none, hairpins, dead, one_address, deaf; /* deaf: CHANGE-REQUEST is ignored */
    uint16_t error;
    unsigned drop; /* each so many-th packet from us is lost; 0 = none */
} nat;

static struct mapping {
    enum hws_behaviour_end end;
    struct hws_address to[SENT]; /* whom it was written to, the first decides */
    size_t to_count;
    uint16_t port;
} mappings[MAPPINGS];
static size_t mapping_count, sent_count;
static struct hws_behaviour *behaviour;
static struct hws_address server, other;
static hws_time now;

static bool same(enum hws_nat_rule rule, const struct hws_address *a, const struct hws_address *b)
{
    if (rule == HWS_NAT_ENDPOINT_INDEPENDENT) return true;
    if (rule == HWS_NAT_ADDRESS_DEPENDENT) return hws_address_same_ip(a, b);
    return hws_address_equal(a, b);
}

static struct mapping *map(enum hws_behaviour_end end, const struct hws_address *to)
{
    struct mapping *it;

    for (size_t i = 0; i < mapping_count; i++) {
        it = &mappings[i];
        if (it->end != end || !same(nat.mapping, &it->to[0], to)) continue;
        if (it->to_count < SENT) it->to[it->to_count++] = *to;
        return it;
    }
    ck_assert_uint_lt(mapping_count, MAPPINGS);
    it = &mappings[mapping_count];
    *it = (struct mapping){.end = end, .to = {*to}, .to_count = 1};
    it->port = (uint16_t)(40000 + mapping_count++);
    return it;
}

static struct hws_address outside(const struct mapping *mapping)
{
    if (nat.none) return address("192.0.2.7", (uint16_t)(1000 + mapping->end));
    return address("192.0.2.1", mapping->port);
}

static bool lets_in(const struct mapping *mapping, const struct hws_address *from)
{
    for (size_t i = 0; i < mapping->to_count; i++) {
        if (same(nat.filtering, &mapping->to[i], from)) return true;
    }
    return false;
}

static void come_in(const struct mapping *mapping, const struct hws_address *from,
                    struct hws_bytes bytes)
{
    if (!lets_in(mapping, from)) return;
    ck_assert_int_eq(hws_behaviour_feed(behaviour, mapping->end, from, bytes, now), HWS_OK);
}

static void hairpin(const struct mapping *from, const struct hws_behaviour_packet *packet)
{
    struct hws_address source = outside(from);

    for (size_t i = 0; nat.hairpins && i < mapping_count; i++) {
        struct hws_address to = outside(&mappings[i]);

        if (hws_address_equal(&to, &packet->to) && lets_in(&mappings[i], &source)) {
            (void)!hws_behaviour_feed(behaviour, mappings[i].end, &source,
                                      (struct hws_bytes){packet->data, packet->len}, now);
        }
    }
}

/* The server answers, from where it was asked to. */
static void answer(const struct mapping *mapping, const struct hws_behaviour_packet *packet)
{
    struct hws_stun_message request;
    struct hws_bytes change, bytes;
    struct hws_address from = packet->to, seen = outside(mapping);
    struct hws_stun_writer msg;
    uint8_t buffer[256];

    ck_assert_int_eq(hws_stun_read((struct hws_bytes){packet->data, packet->len}, &request, NULL),
                     HWS_OK);
    if (hws_stun_find(&request, HWS_STUN_CHANGE_REQUEST, &change) && !nat.deaf) {
        ck_assert_uint_eq(change.len, 4);
        if (change.data[3] & HWS_STUN_CHANGE_IP) from = other;
        from.port = other.port;
    }
    msg = hws_stun_begin(buffer, sizeof(buffer), nat.error ? HWS_STUN_ERROR : HWS_STUN_SUCCESS,
                         HWS_STUN_BINDING, request.transaction);
    if (nat.error) hws_stun_add_error(&msg, nat.error, "no");
    if (!nat.error) hws_stun_add_xor_address(&msg, HWS_STUN_XOR_MAPPED_ADDRESS, &seen);
    if (!nat.one_address) hws_stun_add_address(&msg, HWS_STUN_OTHER_ADDRESS, &other);
    ck_assert_int_eq(hws_stun_end(&msg, &bytes), HWS_OK);
    now += RTT;
    come_in(mapping, &from, bytes);
}

static struct hws_behaviour_result run(const struct nat *kind)
{
    struct hws_behaviour_config config = {
        .random = {.fill = draw},
        .local = { address("192.0.2.7", 1000), address("192.0.2.7", 1001)},
    };
    struct hws_behaviour_packet packet;
    struct hws_behaviour_result result;

    nat = *kind;
    mapping_count = sent_count = 0;
    now = HWS_SEC(1);
    config.server = server = address("198.51.100.1", 3478);
    other = address("198.51.100.2", 3479);
    ck_assert_int_eq(hws_behaviour_new(&config, &behaviour), HWS_OK);
    hws_behaviour_start(behaviour, now);
    while (!hws_behaviour_is_done(behaviour)) {
        while (hws_behaviour_next_packet(behaviour, &packet)) {
            struct mapping *mapping = map(packet.end, &packet.to);

            if (nat.dead || (nat.drop && ++sent_count % nat.drop == 0)) continue;
            if (packet.to.ip[0] == 192)
                hairpin(mapping, &packet);
            else
                answer(mapping, &packet);
        }
        if (hws_behaviour_deadline(behaviour) > now &&
            hws_behaviour_deadline(behaviour) != HWS_NEVER)
            now = hws_behaviour_deadline(behaviour);
        hws_behaviour_tick(behaviour, now);
    }
    result = hws_behaviour_result(behaviour);
    hws_behaviour_free(behaviour);
    return result;
}

START_TEST(every_mapping_and_filtering_is_named)
{
    for (int mapping = 1; mapping <= 3; mapping++) {
        for (int filtering = 1; filtering <= 3; filtering++) {
            for (unsigned drop = 0; drop <= 3; drop += 3) {
                struct nat kind = {.mapping = (enum hws_nat_rule)mapping,
                                   .filtering = (enum hws_nat_rule)filtering,
                                   .drop = drop};
                struct hws_behaviour_result result = run(&kind);

                ck_assert(result.reachable);
                ck_assert_int_eq(result.nat, HWS_KNOWN_YES);
                ck_assert_int_eq((int)result.mapping, mapping);
                ck_assert_int_eq((int)result.filtering, filtering);
                ck_assert_int_eq(result.hairpinning, HWS_KNOWN_NO);
            }
        }
    }
}
END_TEST

START_TEST(hairpinning_is_seen_through_every_filter)
{
    for (int filtering = 1; filtering <= 3; filtering++) {
        struct nat kind = {.mapping = HWS_NAT_ENDPOINT_INDEPENDENT,
                           .filtering = (enum hws_nat_rule)filtering,
                           .hairpins = true};

        ck_assert_int_eq(run(&kind).hairpinning, HWS_KNOWN_YES);
    }
}
END_TEST

START_TEST(no_nat_and_servers_that_tell_less)
{
    struct nat kind = {.none = true, .mapping = 1, .filtering = 3};
    struct hws_behaviour_result result = run(&kind);

    ck_assert_int_eq(result.nat, HWS_KNOWN_NO);
    ck_assert_int_eq(result.mapping, HWS_NAT_ENDPOINT_INDEPENDENT);
    ck_assert_int_eq(result.filtering, HWS_NAT_ADDRESS_AND_PORT_DEPENDENT);
    ck_assert_int_eq(result.hairpinning, HWS_KNOWN_NOT);

    result = run(&(struct nat){.mapping = 3, .filtering = 3, .one_address = true});
    ck_assert(result.reachable);
    ck_assert_int_eq(result.mapping, HWS_NAT_RULE_UNKNOWN);
    ck_assert_int_eq(result.filtering, HWS_NAT_RULE_UNKNOWN);

    result = run(&(struct nat){.mapping = 1, .filtering = 1, .deaf = true});
    ck_assert_int_eq(result.mapping, HWS_NAT_ENDPOINT_INDEPENDENT);
    ck_assert_int_eq(result.filtering, HWS_NAT_RULE_UNKNOWN);

    result = run(&(struct nat){.mapping = 1, .filtering = 1, .error = 400});
    ck_assert(result.reachable);
    ck_assert_uint_eq(result.error_code, 400);
    ck_assert_int_eq(result.mapping, HWS_NAT_RULE_UNKNOWN);
}
END_TEST

START_TEST(a_dead_server_ends_in_time)
{
    struct hws_behaviour_result result =
        run(&(struct nat){.mapping = 1, .filtering = 1, .dead = 1});

    ck_assert(!result.reachable);
    ck_assert_int_eq(now, HWS_SEC(1) + HWS_BEHAVIOUR_PATIENCE);
}
END_TEST

START_TEST(strangers_change_nothing)
{
    struct hws_behaviour_config config = {.random = {.fill = draw},
                                          .server = address("198.51.100.1", 3478)};
    struct hws_address stranger = address("203.0.113.5", 3478), mapped = address("192.0.2.1", 9);
    struct hws_behaviour_packet packet;
    struct hws_stun_writer msg;
    struct hws_bytes bytes;
    uint8_t buffer[128];

    ck_assert_int_eq(hws_behaviour_new(&config, &behaviour), HWS_OK);
    hws_behaviour_start(behaviour, 1);
    ck_assert(hws_behaviour_next_packet(behaviour, &packet));
    msg =
        hws_stun_begin(buffer, sizeof(buffer), HWS_STUN_SUCCESS, HWS_STUN_BINDING, packet.data + 8);
    hws_stun_add_xor_address(&msg, HWS_STUN_XOR_MAPPED_ADDRESS, &mapped);
    ck_assert_int_eq(hws_stun_end(&msg, &bytes), HWS_OK);
    ck_assert_int_eq(hws_behaviour_feed(behaviour, packet.end, &stranger, bytes, 2),
                     HWS_ERR_UNEXPECTED);
    ck_assert_int_eq(hws_behaviour_feed(behaviour, HWS_BEHAVIOUR_OWN, &config.server, bytes, 2),
                     HWS_ERR_UNEXPECTED);
    bytes.len--;
    ck_assert_int_eq(hws_behaviour_feed(behaviour, packet.end, &config.server, bytes, 2),
                     HWS_ERR_TRUNCATED);
    ck_assert(!hws_behaviour_result(behaviour).reachable);
    bytes.len++;
    ck_assert_int_eq(hws_behaviour_feed(behaviour, packet.end, &config.server, bytes, 2), HWS_OK);
    ck_assert(hws_behaviour_result(behaviour).reachable);
    hws_behaviour_free(behaviour);
    config.server.port = 0;
    ck_assert_int_eq(hws_behaviour_new(&config, &behaviour), HWS_ERR_ARGUMENT);
}
END_TEST

/* ---- The verdict */

#define HAS .has_address = true, .asked = 1

static const struct {
    struct hws_doctor_facts facts;
    enum hws_verdict verdict;
    const char *says;
} verdicts[] = {
    {{.servers_given = 0},                                                              HWS_VERDICT_IMPOSSIBLE, "no network address"            },
    {{.families = {{.has_address = true}}},                                             HWS_VERDICT_UNKNOWN,    "no server was asked"           },
    {{.families = {{HAS}}, .servers_given = 1},                                         HWS_VERDICT_IMPOSSIBLE, "blocked"                       },
    {{.families = {{HAS}}, .servers_given = 2, .relays_asked = 1, .relays_granted = 1},
     HWS_VERDICT_RELAY,                                                                                         "over TCP or TLS"               },
    {{.families = {{HAS, .answered = 1}}, .servers_given = 1},                          HWS_VERDICT_UNKNOWN,    "second one"                    },
    {{.families = {{HAS, .answered = 1, .mapping = 1}}, .servers_given = 1},
     HWS_VERDICT_DIRECT,                                                                                        "likely"                        },
    {{.families = {{HAS, .answered = 1, .mapping = 3}}, .servers_given = 1},
     HWS_VERDICT_RELAY,                                                                                         "No TURN server was given"      },
    {{.families = {{HAS, .answered = 1, .mapping = 3},
                   {HAS, .answered = 1, .nat = 1, .mapping = 1}},
      .servers_given = 2},
     HWS_VERDICT_DIRECT,                                                                                        "no NAT is on the way over IPv6"},
};

START_TEST(verdicts_follow_the_facts)
{
    char text[HWS_VERDICT_TEXT_MAX];

    ck_assert_int_eq(hws_verdict(&verdicts[_i].facts, text), verdicts[_i].verdict);
    ck_assert_msg(strstr(text, verdicts[_i].says) != NULL, "%s", text);
}
END_TEST

START_TEST(servers_are_compared)
{
    struct hws_address a = address("198.51.100.1", 1), b = address("198.51.100.2", 1);
    struct hws_behaviour_result one = {.reachable = true, .mapped = address("192.0.2.1", 1)};
    struct hws_behaviour_result two = {.reachable = true, .mapped = address("192.0.2.1", 2)};
    struct hws_family_facts facts = {0};

    hws_family_facts_add(&facts, &a, &one);
    hws_family_facts_add(&facts, &a, &one); /* the same one again says nothing new */
    ck_assert_int_eq(facts.mapping, HWS_NAT_RULE_UNKNOWN);
    hws_family_facts_add(&facts, &b, &one);
    ck_assert_int_eq(facts.mapping, HWS_NAT_ENDPOINT_INDEPENDENT);
    ck_assert(facts.by_comparison);
    hws_family_facts_add(&facts, &b, &two);
    ck_assert_int_eq(facts.mapping, HWS_NAT_ADDRESS_DEPENDENT);
    ck_assert_uint_eq(facts.answered, 4);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("behaviour");

    tcase_add_test(tc, every_mapping_and_filtering_is_named);
    tcase_add_test(tc, hairpinning_is_seen_through_every_filter);
    tcase_add_test(tc, no_nat_and_servers_that_tell_less);
    tcase_add_test(tc, a_dead_server_ends_in_time);
    tcase_add_test(tc, strangers_change_nothing);
    tcase_add_loop_test(tc, verdicts_follow_the_facts, 0, ROWS(verdicts));
    tcase_add_test(tc, servers_are_compared);
    return run_case("behaviour", tc);
}
