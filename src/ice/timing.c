/* When a request that was not answered is sent again (RFC 8445 section 14.3, RFC 8489 section
 * 6.2.1). */
#include "ice/ice_internal.h"

static hws_time clamp(hws_time value, hws_time least, hws_time most)
{
    if (value < least) return least;
    return value < most ? value : most;
}

/* Half a round trip more than the last one, and a little for a machine that is busy. */
hws_time hws_ice_rto(hws_time rtt)
{
    if (rtt <= 0) return HWS_ICE_RTO_DEFAULT;
    return clamp(rtt + rtt / 2 + HWS_ICE_RTO_SLACK, HWS_ICE_RTO_MIN, HWS_ICE_RTO_MAX);
}

/* The nearest thing that we know: the pair itself, another pair of the peer, a server. */
hws_time hws_ice_guess_rtt(const struct hws_ice *ice, hws_time own)
{
    if (own > 0) return own;
    return ice->peer_rtt > 0 ? ice->peer_rtt : ice->server_rtt;
}

/*
 * RFC 8445 section 14.3 asks for at least Ta for each pair that is being checked, and for at least
 * 500 ms. The first is what bounds our rate: with N pairs, one request leaves in Ta, however often
 * each is repeated. The second is for paths slower than that, which we would load with a few
 * requests in vain; it makes everybody else wait half a second for a request that a NAT dropped
 * because its own side had not sent yet, which is the rule and not the exception.
 */
uint32_t hws_ice_check_rto(const struct hws_ice *ice, hws_time own_rtt)
{
    hws_time rto = hws_ice_rto(hws_ice_guess_rtt(ice, own_rtt)), least = 0;

    for (size_t i = 0; i < ice->pair_count; i++) {
        if (ice->pairs[i].state == HWS_ICE_PAIR_WAITING ||
            ice->pairs[i].state == HWS_ICE_PAIR_IN_PROGRESS)
            least += ice->pacing;
    }
    if (rto < least) rto = least;
    /* Ta is the program's and may be absurd. */
    return rto < HWS_SEC(100) ? (uint32_t)rto : (uint32_t)HWS_SEC(100);
}

hws_time hws_ice_backoff(hws_time rto, unsigned sends, hws_time most)
{
    hws_time wait = rto;
    for (unsigned i = 1; i < sends && wait < most; i++) {
        wait *= 2;
    }
    return wait < most ? wait : most;
}
