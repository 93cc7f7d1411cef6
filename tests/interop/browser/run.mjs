// A real browser opens a channel to `hawser worker` and gets its messages back. The signalling is
// done here, by an ordinary gRPC client of another language, from src/signal/hawser.proto.
//
//     node run.mjs BUILD_DIR SOURCE_DIR
//
// Closes with 'N passed, N failed'.
import {spawn} from 'node:child_process';
import {createServer} from 'node:http';
import {readFileSync, mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join, dirname} from 'node:path';
import {fileURLToPath} from 'node:url';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';
import {chromium} from 'playwright-core';

const [build, source] = process.argv.slice(2);
const here = dirname(fileURLToPath(import.meta.url));
const limit = 60_000;

const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync'];

const variants = [
  {name: 'addresses shown', args: ['--disable-features=WebRtcHideLocalIpsWithMdns']},
  {name: 'addresses hidden behind mDNS names', args: []},
  {name: 'without a post-quantum share',
    args: ['--disable-features=WebRtcHideLocalIpsWithMdns,WebRtcPqcForDtls,PostQuantumKyber']},
];

function within(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${limit / 1000} s`)), limit);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

// Start one of our programs and wait for a line of its output.
function program(name, args, pattern) {
  const child = spawn(join(build, name), args, {stdio: ['ignore', 'pipe', 'pipe']});
  child.text = '';
  child.ended = new Promise((resolve) => child.on('exit', resolve));
  const said = new Promise((resolve, reject) => {
    const look = (data) => {
      child.text += data;
      const found = child.text.match(pattern);
      if (found) resolve(found);
    };
    child.stdout.on('data', look);
    child.stderr.on('data', look);
    child.on('exit', (code) => reject(new Error(`${name} ended (${code}): ${child.text}`)));
    child.on('error', reject);
  });
  said.catch(() => {});
  return {child, ready: within(said, `${name} ${pattern}`)};
}

async function stop(child) {
  if (child.exitCode === null) child.kill('SIGTERM');
  await within(child.ended, 'ending a program');
}

const definition = loader.loadSync(join(source, 'src/signal/hawser.proto'),
  {enums: String, longs: String, keepCase: true, defaults: true});
const proto = grpc.loadPackageDefinition(definition).hawser.v1;

// One negotiation of the page with a worker; resolves when the channel is open.
async function negotiate(page, url, worker) {
  const stub = new proto.ClientService(url, grpc.credentials.createInsecure());
  const stream = stub.NegotiatePeerConnection();
  const send = (event, message) =>
    stream.write({worker_machine_id: worker, event, message: Buffer.from(message)});
  const held = [];
  let answered = false;

  await page.exposeFunction('localCandidate', (candidate) => {
    const text = JSON.stringify(candidate ?? {candidate: '', sdpMid: '0', sdpMLineIndex: 0,
      usernameFragment: null});
    if (answered) send('ICE_CANDIDATE', text); else held.push(text);
  });
  stream.on('data', async (message) => {
    const text = message.message.toString();
    if (message.event === 'ANSWER') {
      await page.evaluate((answer) => peer.setRemoteDescription(answer), JSON.parse(text));
      answered = true;
      send('ACCEPT_ANSWER', '');
      held.splice(0).forEach((candidate) => send('ICE_CANDIDATE', candidate));
    } else if (message.event === 'ICE_CANDIDATE') {
      await page.evaluate((candidate) => peer.addIceCandidate(candidate), JSON.parse(text));
    }
  });
  const broken = new Promise((_, reject) => stream.on('error', reject));
  broken.catch(() => {});
  await page.evaluate(() => start('interop'));
  const begin = performance.now();
  send('OFFER', JSON.stringify(await page.evaluate(() => makeOffer())));
  await within(Promise.race([page.evaluate(() => opened()), broken]), 'opening the channel');
  console.log(`  open after ${(performance.now() - begin).toFixed(1)} ms, ` +
    JSON.stringify(await page.evaluate(() => facts())));
  return {stub, stream};
}

async function check(what, promise) {
  if (!await within(promise, what)) throw new Error(`${what} did not come back as it went`);
}

async function exchange(page) {
  for (const text of ['', 'hello', 'grüße, 世界, 🦀', 'x'.repeat(100_000)])
    await check(`text of ${text.length}`, page.evaluate((t) => echoText(t), text));
  for (const size of [0, 1, 1200, 16384, 65536, 262144])
    await check(`binary of ${size}`, page.evaluate((n) => echoBinary(n), size));
  await within(page.evaluate(() => closed()), 'closing the channel');
}

async function scene(variant, pageUrl) {
  const profile = mkdtempSync(join(tmpdir(), 'hawser-chromium-'));
  const distributor = program('hawser-distributor', ['--listen', '127.0.0.1:0'],
    /listening on (\S+)/);
  const running = [distributor.child];
  let context, signalling;
  try {
    const url = (await distributor.ready)[1];
    const worker = program('hawser', ['worker', '--id', '42', '--echo', '--distributor', url, '-v'],
      /registered/);
    running.push(worker.child);
    await worker.ready;
    context = await chromium.launchPersistentContext(profile,
      {executablePath: '/usr/bin/chromium', headless: true, args: [...flags, ...variant.args]});
    console.log(`  Chromium ${context.browser()?.version() ?? ''}`);
    const page = await context.newPage();
    page.on('pageerror', (error) => console.log(`  page: ${error}`));
    await page.goto(pageUrl);
    signalling = await negotiate(page, url, '42');
    await exchange(page);
    if (/ERROR: \w+Sanitizer|runtime error/.test(worker.child.text)) throw new Error(worker.child.text);
  } catch (error) {
    for (const child of running) console.log(child.text);
    throw error;
  } finally {
    signalling?.stream.cancel();
    signalling?.stub.close();
    await context?.close();
    for (const child of running) await stop(child);
    rmSync(profile, {recursive: true, force: true});
  }
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

async function earlier() {
  const distributor = program('hawser-distributor', ['--listen', '127.0.0.1:0'],
    /listening on (\S+)/);
  try {
    const url = (await distributor.ready)[1];
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
  } catch (error) {
    console.log(distributor.child.text);
    throw error;
  } finally {
    await stop(distributor.child);
  }
}

const html = readFileSync(join(here, 'page.html'));
const server = createServer((_, response) => {
  response.setHeader('Content-Type', 'text/html');
  response.end(html);
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
let passed = 0, failed = 0;
async function attempt(name, run) {
  console.log(name);
  try {
    await run();
    passed++;
  } catch (error) {
    console.log(`  FAILED: ${error.stack ?? error}`);
    failed++;
  }
}
await attempt('programs of the earlier system', earlier);
for (const variant of variants) {
  await attempt(`browser: Chromium, ${variant.name}`,
    () => scene(variant, `http://127.0.0.1:${server.address().port}/`));
}
server.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed || !passed ? 1 : 0);
