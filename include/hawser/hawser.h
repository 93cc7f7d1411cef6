/**
 * @file
 * The core of libhawser in one include. hawser/loop.h and hawser/session.h, which a minimal build
 * leaves out, are included by those who use them.
 */
#ifndef HAWSER_HAWSER_H
#define HAWSER_HAWSER_H

#include <hawser/cause.h>
#include <hawser/err.h>
#include <hawser/event.h>
#include <hawser/peer.h>
#include <hawser/stats.h>
#include <hawser/types.h>

#endif /* HAWSER_HAWSER_H */
