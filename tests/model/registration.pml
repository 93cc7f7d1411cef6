/*
 * Registrations of one worker that take over from each other by their epochs: the rule of
 * src/distributor/member.c (tests/model/compare holds WINS against it), and the seats of
 * src/distributor/router_worker.c, which end with their registration.
 *
 * Each incarnation of the worker registers once, over a connection of its own: so claims, and the
 * news that a connection broke, come in any order among them. An incarnation may die at any moment.
 *
 * MUTANT_...: broken on purpose, to show that the checks can fail.
 */
#define INCARNATIONS 3
#define MESSAGES 3 /* of the client, in one session */

#ifdef MUTANT_ANY_CLAIM_WINS
#define WINS(held, new) (new != held)
#else
#define WINS(held, new) (new > held)
#endif

mtype = { CLAIM, GONE, SAID }; /* to the distributor */
mtype = { CONFIRMED, REFUSED, SUPERSEDED, RELAYED };

/* Indices are epochs, from 1. */
chan up[INCARNATIONS + 1] = [3] of { mtype };
chan down[INCARNATIONS + 1] = [MESSAGES + 2] of { mtype };
chan asked = [1] of { byte }; /* a message of the client */
chan told = [1] of { bool };  /* it was relayed, or not */

byte held;    /* epoch in force; 0 = none */
byte seat;    /* the epoch that the client's session is bound to; 0 = no session */
bool over[INCARNATIONS + 1];  /* superseded or refused: it must get nothing any more */
bool alive[INCARNATIONS + 1];
bool heard[INCARNATIONS + 1]; /* the distributor has taken the claim */
bool served; /* the client has an outcome for each message */

inline supersede(old)
{
    if
    :: old != 0 ->
        over[old] = true;
        down[old]!SUPERSEDED;
#ifndef MUTANT_SEATS_STAY
        if
        :: seat == old -> seat = 0
        :: else
        fi
#endif
    :: else
    fi
}

inline claim(epoch)
{
    heard[epoch] = true;
    if
    :: WINS(held, epoch) ->
        assert(epoch > held); /* an older one never takes over */
        supersede(held);
        held = epoch;
        down[epoch]!CONFIRMED
    :: else ->
        over[epoch] = true;
        down[epoch]!REFUSED
    fi
}

inline gone(epoch)
{
    if
#ifdef MUTANT_ANY_END_RELEASES
    :: true ->
#else
    :: held == epoch ->
#endif
        held = 0
#ifndef MUTANT_ANY_END_RELEASES
    :: else
#endif
    fi;
    if
    :: seat == epoch -> seat = 0
    :: else
    fi
}

/* The first message opens the session with whoever is registered; the later ones go there. */
inline relay(number)
{
    if
    :: number == 1 && held != 0 -> seat = held
    :: else
    fi;
    if
    :: seat != 0 ->
        assert(seat == held);  /* only to the registration in force */
        assert(!over[seat]);
        down[seat]!RELAYED;
        told!true
    :: else -> told!false
    fi
}

active proctype distributor()
{
    byte epoch, number;

    do
    :: atomic { asked?number -> relay(number); number = 0 }
    :: atomic {
            if
            :: nempty(up[1]) -> epoch = 1
            :: nempty(up[2]) -> epoch = 2
            :: nempty(up[3]) -> epoch = 3
            fi;
            if
            :: up[epoch]?CLAIM -> claim(epoch)
            :: up[epoch]?GONE -> gone(epoch)
            :: up[epoch]?SAID -> /* an answer of the worker */
                if
                :: seat == epoch -> assert(!over[epoch])
                :: else /* dropped */
                fi
            fi;
            epoch = 0 }
    od
}

proctype worker(byte epoch)
{
    bool ended, said;

    up[epoch]!CLAIM;
    do
    :: atomic { !ended && down[epoch]?[CONFIRMED] -> down[epoch]?CONFIRMED }
    :: atomic { !ended && down[epoch]?[RELAYED] -> down[epoch]?RELAYED ->
            if
            :: !said -> said = true; up[epoch]!SAID
            :: else
            fi }
    :: atomic { !ended && down[epoch]?[REFUSED] -> down[epoch]?REFUSED -> ended = true; alive[epoch] = false }
    :: atomic { !ended && down[epoch]?[SUPERSEDED] -> down[epoch]?SUPERSEDED -> ended = true; alive[epoch] = false }
    :: atomic { !ended -> /* it dies; its connection breaks some time later */
            ended = true;
            alive[epoch] = false;
            up[epoch]!GONE }
    :: atomic { ended && nempty(down[epoch]) -> down[epoch]?_ }
    od
}

active proctype client()
{
    byte number;

    do
    :: atomic { number < MESSAGES -> number++; asked!number }
        told?_
    :: number == MESSAGES -> break
    od;
    served = true
}

init
{
    atomic {
        alive[1] = true; run worker(1);
        alive[2] = true; run worker(2);
        alive[3] = true; run worker(3)
    }
}

/* Who is the newest of those that the distributor has heard of, and lives, is registered. */
#define right(e) (!alive[e] || !heard[e] || held == e)

/* Whoever it is, in the end there is one answer: the one alive, or nobody; and no client waits. */
ltl settles { <>[] (served && right(1) && right(2) && right(3)) }
