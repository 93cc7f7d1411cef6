/**
 * @file
 * Everything of libhawser that this build has, in one include.
 */
#ifndef HAWSER_HAWSER_H
#define HAWSER_HAWSER_H

#include <hawser/err.h>
#include <hawser/event.h>
#include <hawser/peer.h>
#include <hawser/types.h>

#endif /* HAWSER_HAWSER_H */
