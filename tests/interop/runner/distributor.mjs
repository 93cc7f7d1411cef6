// The paths that lead through the real distributor: programs of the earlier system, and a browser
// with `hawser worker`. The signalling is done by an ordinary gRPC client of another language, from
// src/signal/hawser.proto.
import {join} from 'node:path';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';
import {hashOf} from './connection.mjs';
import {program, stop, within} from './programs.mjs';

function services(source) {
  const definition = loader.loadSync(join(source, 'src/signal/hawser.proto'),
    {enums: String, longs: String, keepCase: true, defaults: true});
  return grpc.loadPackageDefinition(definition).hawser.v1;
}

// Programs of the earlier system: bare service names, no session, no numbers; and a call that
// nobody serves. Payloads are not looked into, so any text does.
function bare(service, name) {
  const method = {...service.service.NegotiatePeerConnection,
    path: `/${name}/NegotiatePeerConnection`};
  return grpc.makeGenericClientConstructor({NegotiatePeerConnection: method}, name);
}

// A stream with its messages as a queue to wait on.
function listen(stream) {
  const queue = [], waiting = [];
  const put = (item) => waiting.length ? waiting.shift()(item) : queue.push(item);
  stream.on('data', put);
  stream.on('error', (error) => put({error}));
  stream.on('end', () => {});
  return (what) => within(queue.length ? Promise.resolve(queue.shift()) :
    new Promise((resolve) => waiting.push(resolve)), what);
}

async function expectEvent(next, event, text, what) {
  const got = await next(what);
  if (got.error) throw got.error;
  if (got.event !== event || (text !== null && got.message.toString() !== text))
    throw new Error(`${what}: got ${got.event} "${got.message}"`);
  return got;
}

async function calls(proto, url) {
  const plain = grpc.credentials.createInsecure();
  const Worker = bare(proto.WorkerService, 'WorkerService');
  const Client = bare(proto.ClientService, 'ClientService');
  const Nobody = bare(proto.ClientService, 'NoSuchService');
  const stubs = [new Worker(url, plain), new Client(url, plain), new Nobody(url, plain)];
  const [worker, client, nobody] = stubs.map((stub) => stub.NegotiatePeerConnection());
  const [fromWorker, fromClient, fromNobody] = [worker, client, nobody].map(listen);
  const send = (stream, event, message) =>
    stream.write({worker_machine_id: '7', event, message: Buffer.from(message)});
  send(worker, 'BLANK', '');
  await expectEvent(fromWorker, 'BLANK', '', 'registration');
  send(client, 'OFFER', 'offer');
  await expectEvent(fromWorker, 'OFFER', 'offer', 'the offer');
  send(worker, 'ANSWER', 'answer');
  send(worker, 'LOCAL_ICE_CANDIDATE', 'candidate');
  await expectEvent(fromClient, 'ANSWER', 'answer', 'the answer');
  await expectEvent(fromClient, 'ICE_CANDIDATE', 'candidate', "the worker's candidate");
  send(client, 'ICE_CANDIDATE', 'another');
  await expectEvent(fromWorker, 'ICE_CANDIDATE', 'another', "the client's candidate");
  send(nobody, 'PING', '');
  const refused = await fromNobody('an unknown service');
  if (refused.error?.code !== grpc.status.UNIMPLEMENTED)
    throw new Error(`an unknown service: ${refused.error ?? JSON.stringify(refused)}`);
  worker.cancel();
  const over = await fromClient('the end of the session');
  if (over.error?.code !== grpc.status.UNAVAILABLE)
    throw new Error(`a worker that leaves: ${over.error ?? JSON.stringify(over)}`);
  stubs.forEach((stub) => stub.close());
}

async function withDistributor(build, run) {
  const distributor = program(build, 'hawser-distributor', ['--listen', '127.0.0.1:0'],
    /listening on (\S+)/);
  try {
    await run((await distributor.ready)[1]);
  } catch (error) {
    error.message += `\n${distributor.child.text}`;
    throw error;
  } finally {
    await stop(distributor.child);
  }
}

export const earlierSystem = ({build, source}) =>
  withDistributor(build, (url) => calls(services(source), url));

// Carries a page's signals through the distributor, until its channel is open.
async function negotiate(page, stream, worker) {
  const send = (event, message) =>
    stream.write({worker_machine_id: worker, event, message: Buffer.from(message)});
  const held = [];
  let answered = false;
  page.onEvent = ({event, ...rest}) => {
    if (event === 'description') {
      send('OFFER', JSON.stringify(rest));
    } else if (event === 'candidate') {
      const text = JSON.stringify(rest);
      if (answered) send('ICE_CANDIDATE', text); else held.push(text);
    }
    return event === 'description' || event === 'candidate';
  };
  stream.on('data', ({event, message}) => {
    if (event === 'ANSWER') {
      answered = true;
      page.send({cmd: 'description', ...JSON.parse(message.toString())});
      send('ACCEPT_ANSWER', '');
      held.splice(0).forEach((candidate) => send('ICE_CANDIDATE', candidate));
    } else if (event === 'ICE_CANDIDATE') {
      page.send({cmd: 'candidate', ...JSON.parse(message.toString())});
    }
  });
  stream.on('error', (error) => page.refuse(error));
  page.send({cmd: 'create'});
  page.send({cmd: 'open', name: 'interop'});
  page.send({cmd: 'offer'});
  await page.event('open', {name: 'interop'}, 20_000);
}

async function exchange(page, sizes) {
  for (const kind of ['text', 'binary']) {
    for (const size of sizes) {
      page.send({cmd: 'send', name: 'interop', kind, size, seed: size});
      const back = await page.event('message', {name: 'interop', size});
      if (back.kind !== kind || back.hash !== hashOf(kind, size, size))
        throw new Error(`${kind} of ${size} did not come back as it went`);
    }
  }
  page.send({cmd: 'close', name: 'interop'});
  await page.event('closed', {name: 'interop'});
}

// A page and `hawser worker --echo`.
export async function browserWithWorker({build, source}, page, sizes) {
  await withDistributor(build, async (url) => {
    const worker = program(build, 'hawser', ['worker', '--id', '42', '--echo', '--distributor', url, '-v'],
      /registered/);
    const stub = new (services(source).ClientService)(url, grpc.credentials.createInsecure());
    const stream = stub.NegotiatePeerConnection();
    try {
      await worker.ready;
      await negotiate(page, stream, '42');
      await exchange(page, sizes);
      if (/ERROR: \w+Sanitizer|runtime error/.test(worker.child.text)) throw new Error('sanitizer');
    } catch (error) {
      error.message += `\n${worker.child.text.slice(-4000)}`;
      throw error;
    } finally {
      stream.cancel();
      stub.close();
      await stop(worker.child);
    }
  });
}
