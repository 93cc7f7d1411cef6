/* hawser doctor --json. Times are microseconds, sizes bytes, which the names say. What is not known
 * is "unknown", or left out where it is an address or a number. */
#include "cli/doctor.h"
#include "cli/json.h"

#include "base/address.h"
#include "base/bytes.h"

static void text(struct hws_json *json, const char *key, const char *value)
{
    hws_json_text(json, key, hws_bytes_of(value));
}

static void endpoint(struct hws_json *json, const char *key, const struct hws_address *addr)
{
    char out[HWS_ENDPOINT_TEXT_MAX];

    if (addr->family != HWS_FAMILY_NONE) text(json, key, hws_endpoint_text(addr, out));
}

static void family(struct hws_json *json, const struct hws_address *addr)
{
    hws_json_number(json, "family", addr->family == HWS_FAMILY_IP6 ? 6 : 4);
}

static void interfaces(struct hws_json *json, const struct hws_diagnosis *diagnosis)
{
    hws_json_open(json, "interfaces", '[');
    for (size_t i = 0; i < diagnosis->address_count; i++) {
        const struct hws_host_address *host = &diagnosis->addresses[i];
        char out[HWS_ADDRESS_TEXT_MAX];

        hws_json_open(json, NULL, '{');
        text(json, "name", host->interface);
        text(json, "address", hws_address_text(&host->addr, out));
        family(json, &host->addr);
        text(json, "kind", hws_host_address_kind(&host->addr));
        hws_json_bool(json, "default_route", host->is_default);
        hws_json_close(json, '}');
    }
    hws_json_close(json, ']');
}

static void buffers(struct hws_json *json, const struct hws_host_buffers *buffers)
{
    hws_json_open(json, "udp_buffers", '{');
    hws_json_number(json, "asked_bytes", buffers->asked);
    hws_json_number(json, "receive_bytes", buffers->receive);
    hws_json_number(json, "send_bytes", buffers->send);
    if (buffers->receive_max) hws_json_number(json, "rmem_max_bytes", buffers->receive_max);
    if (buffers->send_max) hws_json_number(json, "wmem_max_bytes", buffers->send_max);
    hws_json_bool(json, "suffice", hws_buffers_suffice(buffers));
    hws_json_close(json, '}');
}

static void mdns(struct hws_json *json, const bool works[2])
{
    hws_json_open(json, "mdns", '{');
    hws_json_bool(json, "usable", works[0] || works[1]);
    hws_json_bool(json, "ip4", works[0]);
    hws_json_bool(json, "ip6", works[1]);
    hws_json_close(json, '}');
}

static void behaviour(struct hws_json *json, const struct hws_behaviour_result *result)
{
    endpoint(json, "other_address", &result->other);
    hws_json_bool(json, "rfc5780", result->other.family != HWS_FAMILY_NONE);
    text(json, "nat", hws_known_name(result->nat));
    text(json, "mapping", hws_nat_rule_name(result->mapping));
    text(json, "filtering", hws_nat_rule_name(result->filtering));
    text(json, "hairpinning", hws_known_name(result->hairpinning));
}

static void answer(struct hws_json *json, const struct hws_ice_url *url,
                   const struct hws_inquiry_answer *answer)
{
    hws_json_open(json, NULL, '{');
    endpoint(json, "address", &answer->server);
    family(json, &answer->server);
    hws_json_bool(json, "works", answer->works);
    if (!answer->works) text(json, "reason", answer->reason);
    if (answer->code) hws_json_number(json, "error_code", answer->code);
    endpoint(json, "local", &answer->local);
    if (answer->rtt)
        hws_json_number(json, url->is_turn ? "allocated_us" : "rtt_us", (uint64_t)answer->rtt);
    endpoint(json, "mapped", &answer->mapped);
    if (url->is_turn && answer->works) {
        hws_json_open(json, "relayed", '[');
        for (size_t i = 0; i < 2; i++) {
            endpoint(json, NULL, &answer->relayed[i]);
        }
        hws_json_close(json, ']');
    }
    if (!url->is_turn && answer->works && url->transport == HWS_TRANSPORT_UDP)
        behaviour(json, &answer->stun);
    hws_json_close(json, '}');
}

static void servers(struct hws_json *json, const struct hws_inquiry_report *report)
{
    hws_json_open(json, "servers", '[');
    for (size_t i = 0; i < report->server_count; i++) {
        const struct hws_inquiry_server *server = &report->servers[i];

        hws_json_open(json, NULL, '{');
        text(json, "url", server->text);
        text(json, "kind", server->url.is_turn ? "turn" : "stun");
        text(json, "transport", hws_transport_name(server->url.transport));
        hws_json_bool(json, "resolved", server->answer_count > 0);
        hws_json_open(json, "addresses", '[');
        for (size_t k = 0; k < server->answer_count; k++) {
            answer(json, &server->url, &server->answers[k]);
        }
        hws_json_close(json, ']');
        hws_json_close(json, '}');
    }
    hws_json_close(json, ']');
}

static void nat(struct hws_json *json, const char *key, const struct hws_family_facts *facts)
{
    if (facts->asked == 0) return;
    hws_json_open(json, key, '{');
    hws_json_number(json, "asked", facts->asked);
    hws_json_number(json, "answered", facts->answered);
    endpoint(json, "mapped", &facts->mapped);
    text(json, "nat", hws_known_name(facts->nat));
    text(json, "mapping", hws_nat_rule_name(facts->mapping));
    hws_json_bool(json, "mapping_by_comparison", facts->by_comparison);
    text(json, "filtering", hws_nat_rule_name(facts->filtering));
    text(json, "hairpinning", hws_known_name(facts->hairpinning));
    hws_json_close(json, '}');
}

void hws_diagnosis_print_json(const struct hws_diagnosis *diagnosis)
{
    struct hws_json json = {.out = stdout};

    hws_json_open(&json, NULL, '{');
    interfaces(&json, diagnosis);
    buffers(&json, &diagnosis->buffers);
    mdns(&json, diagnosis->report.mdns);
    servers(&json, &diagnosis->report);
    hws_json_open(&json, "nat", '{');
    nat(&json, "ip4", &diagnosis->facts.families[0]);
    nat(&json, "ip6", &diagnosis->facts.families[1]);
    hws_json_close(&json, '}');
    text(&json, "verdict", hws_verdict_name(diagnosis->verdict));
    hws_json_bool(&json, "can_connect", diagnosis->verdict != HWS_VERDICT_IMPOSSIBLE);
    text(&json, "text", diagnosis->text);
    hws_json_close(&json, '}');
    putchar('\n');
}
