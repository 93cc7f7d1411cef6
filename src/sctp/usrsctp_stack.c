/* The one usrsctp instance of the process: its settings, its clock, and who is who in it.
 *
 * usrsctp keeps its state in globals and its output function has no argument of ours, so this file
 * owns the one writable global of the core. Time: usrsctp has no "next deadline", it wants to be
 * told how many milliseconds have passed. stack->moved_to is how far it has been told; every input
 * of every association catches up first, so that no timer starts in the past, and whoever has a
 * timer running asks for a tick 10 ms later.
 */
#include "base/limits.h"
#include "sctp/sctp_internal.h"

#include <hawser/peer.h>

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <usrsctp.h>

enum { PORT_FIRST = 1024, PORT_LAST = 65535, ENTRIES_FIRST = 16 };

_Static_assert(HWS_SCTP_ASSOCIATIONS_MAX <= PORT_LAST - PORT_FIRST, "each gets a port");

/* What usrsctp's output function works on; NULL when there is no stack. */
static struct hws_sctp_stack *the_stack;
/* usrsctp_finish() did not succeed, so the next stack takes the instance over as it is. */
static bool instance_left;

static size_t find_entry(const struct hws_sctp_stack *stack, uint64_t token)
{
    size_t low = 0, high = stack->entry_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (stack->entries[middle].token < token) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < stack->entry_count && stack->entries[low].token == token ? low : SIZE_MAX;
}

/* usrsctp wants a packet sent. The address is a token: nobody behind it means that the association
 * is gone, and so is the packet. */
static int output(void *address, void *packet, size_t len, uint8_t tos, uint8_t dont_fragment)
{
    size_t index;

    (void)tos;
    (void)dont_fragment;
    if (!the_stack) return 0;
    index = find_entry(the_stack, (uintptr_t)address);
    if (index == SIZE_MAX) return 0;
    return hws_sctp_take_output(the_stack->entries[index].sctp, packet, len);
}

static void apply_settings(void)
{
    /* We fill in the checksum of what goes out, and DTLS protects what comes in. */
    usrsctp_enable_crc32c_offload();

    /* Not used by data channels, or with known holes in this usrsctp. */
    (void)usrsctp_sysctl_set_sctp_ecn_enable(0);
    (void)usrsctp_sysctl_set_sctp_auth_enable(0);
    (void)usrsctp_sysctl_set_sctp_asconf_enable(0);
    (void)usrsctp_sysctl_set_sctp_auto_asconf(0);
    (void)usrsctp_sysctl_set_sctp_nrsack_enable(0);
    (void)usrsctp_sysctl_set_sctp_pktdrop_enable(0);
    (void)usrsctp_sysctl_set_sctp_blackhole(2); /* no answer to what belongs to nobody */

    /* RFC 6928 section 2: ten packets to begin with. HSTCP climbs back fastest after a loss. */
    (void)usrsctp_sysctl_set_sctp_initial_cwnd(10);
    (void)usrsctp_sysctl_set_sctp_default_cc_module(SCTP_CC_HSTCP);
    (void)usrsctp_sysctl_set_sctp_delayed_sack_time_default(20);
    (void)usrsctp_sysctl_set_sctp_max_chunks_on_queue(100000);

    /* A path that comes back is used within 2 s, and one that loses a third is not waited for. */
    (void)usrsctp_sysctl_set_sctp_rto_min_default(HWS_SCTP_RTO_MIN_MS);
    (void)usrsctp_sysctl_set_sctp_rto_initial_default(HWS_SCTP_RTO_INITIAL_MS);
    (void)usrsctp_sysctl_set_sctp_rto_max_default(2000);
    /* usrsctp counts timeouts, also those of probes that the peer answers because its window is
     * shut. So it must not give up; we do, when nothing at all has been heard (SILENCE_TIME). One
     * path, so its limit is the limit of the association. */
    (void)usrsctp_sysctl_set_sctp_assoc_rtx_max_default(60000);
    (void)usrsctp_sysctl_set_sctp_path_rtx_max_default(60000);
    /* Set-up: 0.5 s or what the path needs, doubled to 1 s and no further, for half a minute: a few
     * bytes on a path that ICE proved are no load, and each of four packets may be lost. */
    (void)usrsctp_sysctl_set_sctp_init_rto_max_default(1000);
    (void)usrsctp_sysctl_set_sctp_init_rtx_max_default(32);
}

enum hws_err hws_sctp_stack_new(hws_time now, struct hws_sctp_stack **out)
{
    static uint64_t last_token; /* outlives stacks: a token is not used twice in a process */
    struct hws_sctp_stack *stack;

    if (the_stack) return HWS_ERR_STATE;
    stack = calloc(1, sizeof(*stack));
    if (!stack) return HWS_ERR_NO_MEMORY;
    stack->moved_to = now;
    stack->last_port = PORT_FIRST;
    stack->last_token = &last_token;
    if (!instance_left) usrsctp_init_nothreads(0, output, NULL);
    instance_left = false;
    apply_settings();
    the_stack = stack;
    *out = stack;
    return HWS_OK;
}

/* usrsctp's helper thread may hold a reference for a moment; a timer then finishes the work. */
static bool finish_instance(void)
{
    enum { TRIES = 200, STEP_MS = 100 };

    for (int i = 0; i < TRIES; i++) {
        if (usrsctp_finish() == 0) return true;
        usrsctp_handle_timers(STEP_MS);
        sched_yield();
    }
    return false;
}

void hws_sctp_stack_free(struct hws_sctp_stack *stack)
{
    if (!stack) return;
    assert(stack == the_stack && stack->entry_count == 0);
    the_stack = NULL;
    instance_left = !finish_instance();
    free(stack->entries);
    free(stack);
}

static bool is_port_used(const struct hws_sctp_stack *stack, uint16_t port)
{
    return (stack->port_used[port / 8] >> port % 8 & 1) != 0;
}

static bool grow_entries(struct hws_sctp_stack *stack)
{
    size_t cap = stack->entry_cap == 0 ? ENTRIES_FIRST : 2 * stack->entry_cap;
    struct hws_sctp_entry *entries;

    if (stack->entry_count < stack->entry_cap) return true;
    entries = calloc(cap, sizeof(*entries));
    if (!entries) return false;
    if (stack->entry_count > 0) {
        memcpy(entries, stack->entries, stack->entry_count * sizeof(*entries));
    }
    free(stack->entries);
    stack->entries = entries;
    stack->entry_cap = cap;
    return true;
}

enum hws_err hws_sctp_stack_add(struct hws_sctp_stack *stack, struct hws_sctp *sctp)
{
    if (stack->entry_count == HWS_SCTP_ASSOCIATIONS_MAX) return HWS_ERR_FULL;
    if (!grow_entries(stack)) return HWS_ERR_NO_MEMORY;
    do { /* ends: there are more ports than associations */
        stack->last_port =
            stack->last_port == PORT_LAST ? PORT_FIRST : (uint16_t)(stack->last_port + 1);
    } while (is_port_used(stack, stack->last_port));
    stack->port_used[stack->last_port / 8] |= (uint8_t)(1 << stack->last_port % 8);
    sctp->port = stack->last_port;
    sctp->token = ++*stack->last_token;
    stack->entries[stack->entry_count++] = (struct hws_sctp_entry){sctp->token, sctp};
    return HWS_OK;
}

void hws_sctp_stack_remove(struct hws_sctp_stack *stack, const struct hws_sctp *sctp)
{
    size_t index = find_entry(stack, sctp->token);

    assert(index != SIZE_MAX);
    memmove(&stack->entries[index], &stack->entries[index + 1],
            (stack->entry_count - index - 1) * sizeof(stack->entries[0]));
    stack->entry_count--;
    stack->port_used[sctp->port / 8] &= (uint8_t) ~(1 << sctp->port % 8);
}

void hws_sctp_stack_move(struct hws_sctp_stack *stack, hws_time now)
{
    enum { STEP_MAX_MS = 1 << 24 }; /* usrsctp compares its times modulo 2^32 ms */

    if (now - stack->moved_to < HWS_SCTP_TICK) return;
    while (now - stack->moved_to >= 1000) {
        hws_time ms = (now - stack->moved_to) / 1000;

        if (ms > STEP_MAX_MS) ms = STEP_MAX_MS;
        stack->moved_to += ms * 1000;
        usrsctp_handle_timers((uint32_t)ms);
    }
}
