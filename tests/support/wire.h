/*
 * A client or worker on raw gRPC C core calls, blocking, for tests of the distributor: it sends
 * what no decent program would. Every wait has a deadline and fails the test when it passes.
 */
#ifndef HWS_TESTS_WIRE_H
#define HWS_TESTS_WIRE_H

#include "signal/envelope.h"

#define WIRE_CLIENT      "/hawser.v1.ClientService/NegotiatePeerConnection"
#define WIRE_WORKER      "/hawser.v1.WorkerService/NegotiatePeerConnection"
#define WIRE_CLIENT_BARE "/ClientService/NegotiatePeerConnection"
#define WIRE_WORKER_BARE "/WorkerService/NegotiatePeerConnection"

struct wire;

/** A stream on a connection of its own. */
struct wire *wire_open(const char *target, const char *method);
/** Cancels the call; does not wait for anything. */
void wire_close(struct wire *wire);

/** Fails quietly when the stream has ended: wire_status() tells. */
void wire_send(struct wire *wire, const struct hws_envelope *envelope);
void wire_send_bytes(struct wire *wire, struct hws_bytes packed);
void wire_half_close(struct wire *wire);

/** The next message; its payload lives until the next call. False when the stream has ended. */
bool wire_receive(struct wire *wire, struct hws_envelope *out);
/** Wait for the end, dropping messages; the gRPC status code, and the text if wanted. */
int wire_status(struct wire *wire, const char **out_text);

#endif /* HWS_TESTS_WIRE_H */
