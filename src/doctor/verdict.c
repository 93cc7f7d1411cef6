#include "doctor/verdict.h"

#include "base/address.h"
#include "base/writer.h"

/* ---- One family */

/* Servers may be on different paths; what hinders most is what counts. */
static enum hws_nat_rule stricter(enum hws_nat_rule a, enum hws_nat_rule b)
{
    return a > b ? a : b;
}

/* The same socket, seen by two servers at different addresses: one mapping or two? */
static void compare(struct hws_family_facts *facts, const struct hws_address *mapped)
{
    facts->by_comparison = true;
    facts->mapping = stricter(facts->mapping, hws_address_equal(&facts->mapped, mapped)
                                                  ? HWS_NAT_ENDPOINT_INDEPENDENT
                                                  : HWS_NAT_ADDRESS_DEPENDENT);
}

void hws_family_facts_add(struct hws_family_facts *facts, const struct hws_address *server,
                          const struct hws_behaviour_result *result)
{
    bool another = facts->mapped.family != HWS_FAMILY_NONE &&
                   result->mapped.family != HWS_FAMILY_NONE &&
                   !hws_address_same_ip(server, &facts->first);

    facts->asked++;
    if (!result->reachable) return;
    facts->answered++;
    if (result->mapping != HWS_NAT_RULE_UNKNOWN)
        facts->by_comparison = false;
    else if (another && (facts->mapping == HWS_NAT_RULE_UNKNOWN || facts->by_comparison))
        compare(facts, &result->mapped);
    if (facts->mapped.family == HWS_FAMILY_NONE) {
        facts->mapped = result->mapped;
        facts->first = *server;
    }
    if (result->nat > facts->nat) facts->nat = result->nat;
    facts->mapping = stricter(facts->mapping, result->mapping);
    facts->filtering = stricter(facts->filtering, result->filtering);
    if (result->hairpinning > facts->hairpinning) facts->hairpinning = result->hairpinning;
}

/* ---- All of it */

const char *hws_verdict_name(enum hws_verdict verdict)
{
    static const char *const names[] = {
        [HWS_VERDICT_UNKNOWN] = "unknown",
        [HWS_VERDICT_DIRECT] = "direct",
        [HWS_VERDICT_RELAY] = "relay",
        [HWS_VERDICT_IMPOSSIBLE] = "impossible",
    };

    return names[verdict];
}

static bool is_direct(const struct hws_family_facts *facts)
{
    return facts->answered > 0 && facts->mapping == HWS_NAT_ENDPOINT_INDEPENDENT;
}

static bool is_dependent(const struct hws_family_facts *facts)
{
    return facts->answered > 0 && facts->mapping > HWS_NAT_ENDPOINT_INDEPENDENT;
}

static void say_relay(const struct hws_doctor_facts *facts, struct hws_writer *out)
{
    if (facts->relays_granted > 0)
        hws_write_text(out, " A TURN server grants us a relay%s, so every peer can be reached.",
                       facts->relay_by_udp ? "" : " over TCP or TLS");
    else if (facts->relays_asked > 0)
        hws_write_text(out, " No TURN server that was asked grants us one.");
    else
        hws_write_text(out, " No TURN server was given to ask for one.");
}

static enum hws_verdict direct(const struct hws_doctor_facts *facts, bool ip6,
                               struct hws_writer *out)
{
    const struct hws_family_facts *family = &facts->families[ip6];
    const char *name = ip6 ? "IPv6" : "IPv4";

    hws_write_text(out, "Direct connections are likely: ");
    if (family->nat == HWS_KNOWN_NO)
        hws_write_text(out, "no NAT is on the way over %s", name);
    else
        hws_write_text(out, "the NAT shows one and the same %s address and port to everybody",
                       name);
    if (family->filtering == HWS_NAT_ENDPOINT_INDEPENDENT)
        hws_write_text(out, ", and lets everybody in.");
    else if (family->filtering == HWS_NAT_RULE_UNKNOWN)
        hws_write_text(out, ".");
    else
        hws_write_text(out, "; it lets in only those that we have written to, as peers do when "
                            "both try at once.");
    if (is_dependent(&facts->families[!ip6]))
        hws_write_text(out,
                       " Over %s a NAT shows each peer another port, so peers that have only "
                       "that may need a relay.",
                       ip6 ? "IPv4" : "IPv6");
    if (facts->relays_granted > 0)
        hws_write_text(out, " Peers behind a stricter NAT are reached by the relay that a TURN "
                            "server grants us.");
    else
        hws_write_text(out, " Peers behind a NAT that shows each of us another port may still need "
                            "a relay (a TURN server).");
    return HWS_VERDICT_DIRECT;
}

static enum hws_verdict dependent(const struct hws_doctor_facts *facts, struct hws_writer *out)
{
    hws_write_text(out, "Many connections need a relay: the NAT shows each peer another port, so a "
                        "peer cannot know where to answer. Direct ones succeed only with peers "
                        "that have a public address, or a NAT that lets any port of ours in.");
    say_relay(facts, out);
    return HWS_VERDICT_RELAY;
}

static enum hws_verdict unanswered(const struct hws_doctor_facts *facts, size_t asked,
                                   struct hws_writer *out)
{
    const char *why = asked > 0 ? "no STUN server answers over UDP, so it seems to be blocked"
                                : "no STUN server was given, so nothing is known of direct ones";

    if (facts->relays_granted > 0) {
        hws_write_text(out, "Connections need a relay: %s.", why);
        say_relay(facts, out);
        return HWS_VERDICT_RELAY;
    }
    hws_write_text(out, "Connections beyond this network are impossible: %s.",
                   asked > 0 ? why : "no server that was given answers");
    say_relay(facts, out);
    return HWS_VERDICT_IMPOSSIBLE;
}

static enum hws_verdict unknown(const struct hws_doctor_facts *facts, bool asked,
                                struct hws_writer *out)
{
    if (!asked) {
        hws_write_text(out, "Nothing is known of what lies beyond this network, since no server "
                            "was asked: give one with --ice-server. Peers on the same network can "
                            "be reached.");
        return HWS_VERDICT_UNKNOWN;
    }
    hws_write_text(out, "Direct connections are possible: UDP goes out and answers come back. What "
                        "the NAT shows to others is not known, as the server cannot tell and there "
                        "is no second one to compare with: give another --ice-server.");
    if (facts->relays_granted > 0) say_relay(facts, out);
    return HWS_VERDICT_UNKNOWN;
}

static enum hws_verdict judge(const struct hws_doctor_facts *facts, struct hws_writer *out)
{
    const struct hws_family_facts *ip4 = &facts->families[0], *ip6 = &facts->families[1];
    size_t asked = ip4->asked + ip6->asked;

    if (!ip4->has_address && !ip6->has_address && ip4->answered + ip6->answered == 0) {
        hws_write_text(out, "Connections are impossible: this machine has no network address "
                            "besides its own loopback.");
        return HWS_VERDICT_IMPOSSIBLE;
    }
    if (facts->servers_given == 0) return unknown(facts, false, out);
    if (is_direct(ip4) || is_direct(ip6)) return direct(facts, !is_direct(ip4), out);
    if (is_dependent(ip4) || is_dependent(ip6)) return dependent(facts, out);
    if (ip4->answered + ip6->answered > 0) return unknown(facts, true, out);
    return unanswered(facts, asked, out);
}

enum hws_verdict hws_verdict(const struct hws_doctor_facts *facts, char out[HWS_VERDICT_TEXT_MAX])
{
    struct hws_writer text = hws_writer_over((uint8_t *)out, HWS_VERDICT_TEXT_MAX);
    enum hws_verdict verdict = judge(facts, &text);

    hws_write_u8(&text, '\0');
    if (text.failed) out[0] = '\0';
    return verdict;
}
