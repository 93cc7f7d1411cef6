// Two sides, introduced to each other by the runner, and what checks need of them.
import {crc32, fill, hex} from '../w3c/bytes.mjs';

const hashes = new Map();
export function hashOf(kind, size, seed) {
  const key = `${kind} ${size} ${seed}`;
  if (!hashes.has(key)) hashes.set(key, hex(crc32(0, fill(kind, size, seed))));
  return hashes.get(key);
}

export function hashOfStream(total, piece, seed) {
  const key = `stream ${total} ${piece} ${seed}`;
  if (!hashes.has(key)) {
    let crc = 0;
    for (let sent = 0, n = 0; sent < total; sent += piece, n++)
      crc = crc32(crc, fill('binary', Math.min(piece, total - sent), seed + n));
    hashes.set(key, hex(crc));
  }
  return hashes.get(key);
}

const isDescription = (event) => event.event === 'description';
const isCandidate = (event) => event.event === 'candidate';

const isUdp = /^candidate:\S+ \d+ udp /i;
const udpLines = /^a=candidate:\S+ \d+ udp .*\r\n/gim;

// The description with the candidates that followed it.
function joined(description, candidates) {
  const lines = candidates.filter((text) => text && !description.sdp.includes(text))
    .map((text) => `a=${text}\r\n`);
  const sdp = description.sdp.replace(/a=end-of-candidates\r\n/g, '');
  return {...description, sdp: `${sdp}${lines.join('')}a=end-of-candidates\r\n`};
}

export class Connection {
  // `offerer` and `answerer` are sides; `trickle`: candidates go by themselves, or else inside the
  // description; `nudged`: a side that hands out the last messages only when one more comes;
  // `onlyTcp`: UDP candidates are left out.
  constructor(offerer, answerer, trickle, {nudged, onlyTcp} = {}) {
    Object.assign(this, {offerer, answerer, trickle, nudged, onlyTcp, descriptions: new Map()});
    this.carry(offerer, answerer);
    this.carry(answerer, offerer);
  }

  other(side) { return side === this.offerer ? this.answerer : this.offerer; }

  // Carries what `from` signals to `to`.
  carry(from, to) {
    let held = null, candidates = [];
    const pass = ({event, ...rest}) => to.send({cmd: event, ...rest});
    from.onEvent = (event) => {
      if (this.onlyTcp && isCandidate(event) && isUdp.test(event.candidate)) return true;
      if (this.onlyTcp && isDescription(event))
        event = {...event, sdp: event.sdp.replace(udpLines, '')};
      if (isDescription(event)) {
        this.descriptions.set(from, event);
        this.told ??= performance.now(); // the first offer is made
        if (this.trickle) pass(event); else [held, candidates] = [event, []];
        if (held && /a=end-of-candidates/.test(event.sdp)) {
          pass(held);
          held = null;
        }
        this.onDescription?.(from, event);
        return true;
      }
      if (isCandidate(event)) {
        if (held && event.candidate) {
          candidates.push(event.candidate);
        } else if (held) {
          pass(joined(held, candidates));
          held = null;
        } else if (this.trickle) {
          pass(event);
        }
        return true;
      }
      return false;
    };
  }

  async open(channels) {
    for (const side of [this.offerer, this.answerer]) side.send({cmd: 'create'});
    for (const channel of channels) {
      this.offerer.send({cmd: 'open', ...channel});
      if (channel.negotiated) this.answerer.send({cmd: 'open', ...channel});
    }
    this.offerer.send({cmd: 'offer'});
    await this.offerer.event('open', {name: channels[0].name}, 20_000);
    this.tookMs = performance.now() - this.told;
    const first = channels[0];
    this.first = await this.answerer.event('channel', {name: first.name});
  }

  // What the description of a side says it takes (RFC 8841 section 6: 64 KiB where it says nothing).
  maxMessageSize(side) {
    const said = this.descriptions.get(side)?.sdp.match(/a=max-message-size:(\d+)/)?.[1];
    return said === undefined ? 65536 : Number(said) || Infinity;
  }

  // One message from one side to the other.
  async message(from, name, kind, size, seed, limit) {
    const to = this.other(from);
    from.send({cmd: 'send', name, kind, size, seed});
    const got = await to.event('message', {name, size}, limit);
    if (got.kind !== kind) throw new Error(`${kind} of ${size} bytes came as ${got.kind}`);
    if (got.hash !== hashOf(kind, size, seed)) throw new Error(`${kind} of ${size} bytes came damaged`);
  }

  // The end of a stream. A side that needs to be nudged gets another small message every second once
  // all of it was sent.
  async endOfStream(from, to, name, limit) {
    const end = to.event('streaming', {name}, limit);
    end.catch(() => {});
    await from.event('streamed', {name}, limit);
    if (to !== this.nudged) return end;
    const nudge = () => from.send({cmd: 'send', name, kind: 'text', size: 1, seed: 1});
    const timer = setInterval(nudge, 1000);
    return end.finally(() => clearInterval(timer));
  }

  // A stream of binary messages; resolves to MB/s.
  async stream(from, name, total, piece, seed, limit) {
    const to = this.other(from);
    to.send({cmd: 'expect', name, total});
    await to.event('expecting', {name}); // or the first messages might be there before the command
    const begin = performance.now();
    from.send({cmd: 'stream', name, total, piece, seed});
    const got = await this.endOfStream(from, to, name, limit);
    const took = performance.now() - begin;
    if (got.bytes !== total) throw new Error(`${got.bytes} of ${total} bytes came`);
    if (got.hash !== hashOfStream(total, piece, seed)) throw new Error('the stream came damaged');
    return total / 1000 / took;
  }
}
