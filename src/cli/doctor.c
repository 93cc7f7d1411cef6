/* hawser doctor: what this machine's network is, and what that means for connecting. */
#include "cli/doctor.h"
#include "cli/commands.h"

#include "base/address.h"

#include <stdio.h>
#include <stdlib.h>

const char *hws_transport_name(enum hws_transport transport)
{
    static const char *const names[] = {
        [HWS_TRANSPORT_UDP] = "udp", [HWS_TRANSPORT_TCP] = "tcp", [HWS_TRANSPORT_TLS] = "tls"};

    return names[transport];
}

bool hws_buffers_suffice(const struct hws_host_buffers *buffers)
{
    return buffers->receive >= buffers->asked && buffers->send >= buffers->asked;
}

/* ---- Facts */

static bool is_beyond_link(const struct hws_address *addr)
{
    return !hws_address_is_loopback(addr) && !hws_address_is_link_local(addr);
}

static void add_answer(struct hws_doctor_facts *facts, const struct hws_ice_url *url,
                       const struct hws_inquiry_answer *answer)
{
    bool ip6 = answer->server.family == HWS_FAMILY_IP6;

    if (url->is_turn) {
        if (answer->works) facts->relays_granted++;
        if (answer->works && url->transport == HWS_TRANSPORT_UDP) facts->relay_by_udp = true;
    } else if (url->transport == HWS_TRANSPORT_UDP &&
               answer->local.family != HWS_FAMILY_NONE) { /* no route: it was not asked */
        hws_family_facts_add(&facts->families[ip6], &answer->server, &answer->stun);
    }
}

static void collect(struct hws_diagnosis *diagnosis)
{
    struct hws_doctor_facts *facts = &diagnosis->facts;

    for (size_t i = 0; i < diagnosis->address_count; i++) {
        const struct hws_address *addr = &diagnosis->addresses[i].addr;

        if (is_beyond_link(addr))
            facts->families[addr->family == HWS_FAMILY_IP6].has_address = true;
    }
    for (size_t i = 0; i < diagnosis->report.server_count; i++) {
        const struct hws_inquiry_server *server = &diagnosis->report.servers[i];

        facts->servers_given++;
        if (server->url.is_turn) facts->relays_asked++;
        for (size_t k = 0; k < server->answer_count; k++) {
            add_answer(facts, &server->url, &server->answers[k]);
        }
    }
    diagnosis->verdict = hws_verdict(facts, diagnosis->text);
}

/* ---- The command */

static int diagnose(const struct hws_options *options, struct hws_diagnosis *diagnosis)
{
    struct hws_inquiry_config config = {
        .servers = options->servers,
        .server_count = options->server_count,
        .ca_file = options->ice_ca_file,
        .patience = options->timeout,
    };
    const char *reason;
    enum hws_err err;

    diagnosis->address_count = hws_host_addresses(diagnosis->addresses, HWS_HOST_ADDRESSES_MAX);
    if (hws_host_buffers(&diagnosis->buffers))
        fprintf(stderr, "hawser doctor: no UDP socket can be had\n");
    err = hws_inquiry(&config, &diagnosis->report, &reason);
    if (err) {
        fprintf(stderr, "hawser doctor: %s: %s\n", hws_strerror(err), reason);
        return err == HWS_ERR_ARGUMENT ? HWS_EXIT_USAGE : HWS_EXIT_FAILED;
    }
    collect(diagnosis);
    if (options->json)
        hws_diagnosis_print_json(diagnosis);
    else
        hws_diagnosis_print(diagnosis);
    return diagnosis->verdict == HWS_VERDICT_IMPOSSIBLE ? HWS_EXIT_FAILED : HWS_EXIT_OK;
}

int hws_command_doctor(int argc, char **argv)
{
    struct hws_options options;
    struct hws_diagnosis *diagnosis;
    int status = hws_options_read(HWS_COMMAND_DOCTOR, argc, argv, &options);

    if (status != HWS_EXIT_OK) return status < 0 ? HWS_EXIT_OK : status;
    diagnosis = calloc(1, sizeof(*diagnosis));
    if (!diagnosis) {
        fprintf(stderr, "hawser doctor: out of memory\n");
        return HWS_EXIT_FAILED;
    }
    status = diagnose(&options, diagnosis);
    free(diagnosis);
    return status;
}
