/*
 * Perfect negotiation between the client (side 0, impolite) and the worker (side 1, polite): the
 * machine of src/fsm/negotiation.c, what src/peer/describe.c does when both offer at once, and the
 * numbers of src/signal/sessions.c. tests/model/run checks it; tests/model/compare holds each
 * MOVE against the table that is compiled in.
 *
 * OFFERS   how often each side begins an exchange of its own, of an ICE restart or not
 * FAULTS   how many signals are lost, doubled or put behind the others; without it signals keep
 *          their order
 * EARLY    deadlines may pass at any moment, not only when nothing else can happen
 *
 * A message carries, for the assertions alone, which offer it is or answers: nobody decides by it,
 * for descriptions do not say.
 *
 * MUTANT_...: broken on purpose, to show that the checks can fail.
 */
#ifndef OFFERS
#define OFFERS 2
#endif
#define ROOM 10 /* signals under way in one direction; sending into a full queue would block */

mtype = { STABLE, HAVE_LOCAL_OFFER, HAVE_REMOTE_OFFER, HAVE_LOCAL_PRANSWER, HAVE_REMOTE_PRANSWER,
          CLOSED };
mtype = { OFFER, ANSWER, PRANSWER };

/* An arrow of the table: its guard, and its step. */
#define MOVE(i, from, input, to) state[i] == from -> state[i] = to

/* kind, which offer, is that one of an ICE restart, number in this direction */
chan to[2] = [ROOM] of { mtype, byte, bool, byte };

mtype state[2] = STABLE;
byte offers[2];       /* begun so far */
byte last_id;         /* of all offers */
byte mine[2];         /* our offer that waits for its answer; 0 = none */
bool mine_restarts[2];
byte theirs[2];       /* the offer that we have to answer */
bool theirs_restarts[2];
byte agreed[2];       /* the offer of the last exchange that is complete on this side */
bool wants[2];        /* a restart was asked for on this side, and none has come since */
byte sent[2], taken[2];

#define other (1 - me)
#if defined(MUTANT_BOTH_POLITE)
#define is_polite true
#elif defined(MUTANT_NOBODY_POLITE)
#define is_polite false
#else
#define is_polite (me == 1)
#endif

inline send(kind, id, restart)
{
    assert(nfull(to[other]));
    sent[me]++;
    to[other]!kind, id, restart, sent[me]
}

inline close()
{
    if
    :: MOVE(me, STABLE, CLOSE, CLOSED)
    :: MOVE(me, HAVE_LOCAL_OFFER, CLOSE, CLOSED)
    :: MOVE(me, HAVE_REMOTE_OFFER, CLOSE, CLOSED)
    :: MOVE(me, HAVE_LOCAL_PRANSWER, CLOSE, CLOSED)
    :: MOVE(me, HAVE_REMOTE_PRANSWER, CLOSE, CLOSED)
    :: MOVE(me, CLOSED, CLOSE, CLOSED)
    fi;
    mine[me] = 0;
    theirs[me] = 0;
    wants[me] = false
}

inline offer(restart)
{
    MOVE(me, STABLE, SEND_OFFER, HAVE_LOCAL_OFFER);
    last_id++;
    mine[me] = last_id;
    mine_restarts[me] = restart;
    wants[me] = wants[me] || restart;
    send(OFFER, last_id, restart)
}

/* An exchange is complete on this side. */
inline settle(id, restart)
{
    agreed[me] = id;
    if
    :: restart -> wants[me] = false
    :: else
    fi
}

/* The polite side's own offer goes; one of a restart is owed then, unless theirs is one as well. */
inline give_way()
{
    owed = false;
    if
    :: MOVE(me, HAVE_LOCAL_OFFER, ROLLBACK, STABLE);
#ifndef MUTANT_FORGET_RESTART
        owed = mine_restarts[me] && !restarts;
#endif
        mine[me] = 0
    :: else
    fi
}

inline take_offer()
{
    if
    :: state[me] == STABLE || (state[me] == HAVE_LOCAL_OFFER && is_polite) ->
        give_way();
        MOVE(me, STABLE, RECV_OFFER, HAVE_REMOTE_OFFER);
        theirs[me] = id;
        theirs_restarts[me] = restarts
#ifdef MUTANT_BOTH_ANSWER
    :: state[me] == HAVE_LOCAL_OFFER && !is_polite -> send(ANSWER, id, restarts)
#endif
    :: else /* refused; it is the other side that gives way */
    fi
}

inline take_answer()
{
    if
    :: state[me] == HAVE_LOCAL_OFFER || state[me] == HAVE_REMOTE_PRANSWER ->
        assert(id == mine[me]); /* no answer is applied to another offer */
        if
        :: kind == ANSWER && MOVE(me, HAVE_LOCAL_OFFER, RECV_ANSWER, STABLE)
        :: kind == ANSWER && MOVE(me, HAVE_REMOTE_PRANSWER, RECV_ANSWER, STABLE)
        :: kind == PRANSWER && MOVE(me, HAVE_LOCAL_OFFER, RECV_PRANSWER, HAVE_REMOTE_PRANSWER)
        :: kind == PRANSWER && MOVE(me, HAVE_REMOTE_PRANSWER, RECV_PRANSWER, HAVE_REMOTE_PRANSWER)
        fi;
        if
        :: kind == ANSWER ->
            settle(mine[me], mine_restarts[me]);
            mine[me] = 0
        :: else
        fi
    :: else
    fi
}

/* Numbered from 1 in each direction: once, in order, or the session is over. */
inline take()
{
    if
#ifndef MUTANT_NO_NUMBERS
    :: number <= taken[me]
    :: number > taken[me] + 1 -> goto over
    :: number == taken[me] + 1 ->
        taken[me] = number;
#else
    :: true ->
#endif
        if
        :: kind == OFFER -> take_offer()
        :: else -> take_answer()
        fi
    fi
}

inline answer()
{
    send(ANSWER, theirs[me], theirs_restarts[me]);
    settle(theirs[me], theirs_restarts[me]);
    theirs[me] = 0;
    if
    :: owed -> owed = false; offer(true)
    :: else
    fi
}

proctype side(byte me)
{
    mtype kind;
    byte id, number;
    bool restarts, owed;
    bool provisional; /* answered so twice, which is enough */

on:
    do
    :: atomic { offers[me] < OFFERS && state[me] == STABLE ->
            offers[me]++;
            if
            :: offer(false)
            :: offer(true)
            fi }
    :: atomic { state[me] != CLOSED && nempty(to[me]) ->
            to[me]?kind, id, restarts, number;
            take();
            kind = OFFER; id = 0; restarts = false; number = 0 }
    :: atomic { state[me] == CLOSED && nempty(to[me]) -> to[me]?_, _, _, _ } /* nobody is there any more */
    :: atomic { MOVE(me, HAVE_REMOTE_OFFER, SEND_ANSWER, STABLE); answer() }
    :: atomic { MOVE(me, HAVE_LOCAL_PRANSWER, SEND_ANSWER, STABLE); answer() }
    :: atomic { !provisional && MOVE(me, HAVE_REMOTE_OFFER, SEND_PRANSWER, HAVE_LOCAL_PRANSWER);
            send(PRANSWER, theirs[me], theirs_restarts[me]) }
    :: atomic { !provisional && MOVE(me, HAVE_LOCAL_PRANSWER, SEND_PRANSWER, HAVE_LOCAL_PRANSWER);
            provisional = true;
            send(PRANSWER, theirs[me], theirs_restarts[me]) }
        /* The session is told over, or consent expires: the other side is gone. */
    :: state[other] == CLOSED && state[me] != CLOSED -> goto over
#ifndef MUTANT_NO_DEADLINE
        /* No state but STABLE and CLOSED waits for ever. */
    :: atomic {
#ifndef EARLY
            timeout &&
#endif
            (state[me] == HAVE_LOCAL_OFFER || state[me] == HAVE_REMOTE_PRANSWER) ->
#ifdef MUTANT_DEADLINE_ROLLS_BACK
            if
            :: MOVE(me, HAVE_LOCAL_OFFER, ROLLBACK, STABLE); mine[me] = 0; wants[me] = false
            :: state[me] == HAVE_REMOTE_PRANSWER -> goto over
            fi
#else
            goto over
#endif
            }
#endif
    od;
over:
    atomic { close(); kind = OFFER; id = 0; restarts = false; number = 0; goto on }
}

#ifdef FAULTS
proctype network()
{
    mtype kind;
    byte id, number, faults, at;
    bool restarts;

    do
    :: atomic { faults < FAULTS ->
            faults++;
            if
            :: at = 0
            :: at = 1
            fi;
            if
            :: to[at]?_, _, _, _ /* lost */
            :: to[at]?kind, id, restarts, number -> /* behind the others */
                to[at]!kind, id, restarts, number
            :: nempty(to[at]) && nfull(to[at]) -> /* twice */
                to[at]?<kind, id, restarts, number>;
                to[at]!kind, id, restarts, number
            :: faults = FAULTS /* enough */
            fi;
            kind = OFFER; id = 0; restarts = false; number = 0; at = 0 }
    od
}
#endif

init
{
    atomic {
        run side(0);
        run side(1);
#ifdef FAULTS
        run network()
#endif
    }
}

#define both_closed (state[0] == CLOSED && state[1] == CLOSED)
#define both_agree (state[0] == STABLE && state[1] == STABLE && agreed[0] == agreed[1] && \
                    !wants[0] && !wants[1] && len(to[0]) == 0 && len(to[1]) == 0)

/* Never wedged: it ends in agreement, with the restarts that were asked for, or closed. */
ltl settles { <>[] (both_agree || both_closed) }
/* Over signalling that keeps the order nothing need ever be given up. */
ltl agrees { <>[] both_agree }
