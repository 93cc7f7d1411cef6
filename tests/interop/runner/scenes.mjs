// What is tried with every peer, in both roles. A check is a cell: it passes, fails with a reason,
// or cannot be done by the peer, for a reason that the peer states.
import {Connection} from './connection.mjs';

export const sizes = [0, 1, 1200, 16384, 65536, 262144];
const ours = 262144; // what Hawser takes by default
const piece = 16384;
const mebibyte = 1 << 20;

const modes = [
  {name: 'ordered', options: {}},
  {name: 'unordered', options: {ordered: false}, feature: 'unordered'},
  {name: 'maxRetransmits 0', options: {maxRetransmits: 0}, feature: 'maxRetransmits', lossy: true},
  {name: 'lifetime 100 ms', options: {maxPacketLifeTime: 100}, feature: 'maxPacketLifeTime', lossy: true},
  {name: 'negotiated', options: {negotiated: true, id: 100}, feature: 'negotiated'},
];

// The rows of one pair of programs in one role.
export class Scene {
  // `peer` and `hawser` are sides. `cannot`: {feature: reason}. `report(cell)` takes each result.
  constructor({peer, hawser, weOffer, cannot, report, quick, onlyTcp}) {
    Object.assign(this, {peer, hawser, weOffer, cannot, report, quick, onlyTcp});
    this.role = weOffer ? 'we offer' : 'they offer';
    this.facts = {};
    this.misses = 0; // checks in a row that failed
    this.deadline = performance.now() + (quick ? 60_000 : 120_000);
  }

  side(isOurs) { return isOurs ? this.hawser : this.peer; }
  get offerer() { return this.side(this.weOffer); }
  get answerer() { return this.side(!this.weOffer); }
  who(side) { return side === this.hawser ? 'we' : 'they'; }

  // One check. `features`: what the peer needs for it.
  async cell(capability, name, features, run) {
    const cell = {role: this.role, capability, name};
    const lacking = features.find((feature) => feature && this.cannot[feature]);
    if (lacking) {
      this.report({...cell, outcome: 'cannot', feature: lacking, reason: String(this.cannot[lacking])});
      return undefined;
    }
    // What does not work at all is not waited for a hundred times.
    const over = this.misses >= 4 ? 'not tried: the four checks before failed' :
      performance.now() > this.deadline ? 'not tried: the time for this role is over' : null;
    if (over) return this.report({...cell, outcome: 'failed', reason: over});
    try {
      const value = await run();
      this.misses = 0;
      this.report({...cell, outcome: 'passed'});
      return value;
    } catch (error) {
      this.misses++;
      this.report({...cell, outcome: 'failed', reason: error.message,
        log: [...this.peer.log.slice(-12), ...this.hawser.log.slice(-12)]});
      return undefined;
    } finally {
      // Errors and late messages of this check are no business of the next.
      for (const side of [this.peer, this.hawser])
        side.clear((event) => ['error', 'message', 'note'].includes(event.event));
    }
  }

  async connect(trickle, channels) {
    this.connection = new Connection(this.offerer, this.answerer, trickle,
      {nudged: this.cannot.handsOutAtOnce && this.peer, onlyTcp: this.onlyTcp});
    const how = trickle ? 'candidates trickled' : 'candidates in the description';
    await this.cell('connect', how, [], async () => {
      await this.connection.open(channels);
      this.up = true;
    });
    return this.up;
  }

  async learn() {
    await this.cell('facts', 'what was negotiated', [], async () => {
      this.hawser.send({cmd: 'stats'});
      const stats = await this.hawser.event('stats');
      this.facts.tls = stats.tls;
      this.facts.suite = stats.suite;
      this.facts.openMs = this.connection.tookMs;
      this.facts.maxMessageSize = this.connection.maxMessageSize(this.peer);
      if (!this.cannot.stats) {
        this.peer.send({cmd: 'stats'});
        const theirs = await this.peer.event('stats');
        this.facts.suite ??= theirs.suite;
        const same = !theirs.tls || theirs.tls === stats.tls;
        if (!same) throw new Error(`${theirs.tls}, ${stats.tls}`);
      }
    });
  }

  // A channel that `opener` opens; resolves when both have it.
  async openChannel(opener, name, options = {}) {
    const other = this.connection.other(opener);
    opener.send({cmd: 'open', name, ...options});
    if (options.negotiated) other.send({cmd: 'open', name, ...options});
    await opener.event('open', {name});
    if (options.negotiated) await other.event('open', {name});
    else this.compare(await other.event('channel', {name}), options);
  }

  // A channel that both opened before the connection.
  opened(name) {
    return Promise.all([this.peer, this.hawser].map((side) => side.event('open', {name})));
  }

  compare(got, options) {
    const want = {ordered: options.ordered ?? true, protocol: options.protocol ?? '',
      maxRetransmits: options.maxRetransmits ?? null,
      maxPacketLifeTime: options.maxPacketLifeTime ?? null};
    for (const [key, value] of Object.entries(want))
      // What the peer's interface does not tell is left out of its event.
      if (got[key] !== undefined && got[key] !== value) throw new Error(`${key} is ${got[key]}, not ${value}`);
  }

  // ---- Messages: modes, sizes and kinds, both ways

  async sizeCell(mode, kind, from, size) {
    const features = [mode.feature, kind === 'text' ? 'text' : null, size === 0 ? 'empty' : null];
    const {connection} = this;
    const large = typeof this.cannot.large === 'number' ? this.cannot.large : Infinity;
    const limit = from === this.hawser ? Math.min(connection.maxMessageSize(this.peer), large) :
      Math.min(ours, large);
    const fit = Math.min(size, limit);
    const note = fit < size ? ` (their limit: ${fit})` : '';
    await this.cell(mode.capability ?? mode.name, `${kind} of ${size}${note}, ${this.who(from)} send`, features, async () => {
      // In a lossy mode the network or the sender may drop one: three in a row are no accident.
      for (let attempt = 1; ; attempt++) {
        try {
          await connection.message(from, mode.name, kind, fit, size + attempt,
            mode.lossy && attempt < 3 ? 2000 : 10_000);
          return;
        } catch (error) {
          if (!mode.lossy || attempt === 3 || !/ no message /.test(error.message)) throw error;
          this.facts.lost = (this.facts.lost ?? 0) + 1;
        }
      }
    });
  }

  async messages() {
    const chosen = this.quick ? [1200, 65536] : sizes;
    for (const mode of modes) {
      this.misses = 0;
      await this.cell(mode.name, `open, by ${this.who(this.offerer)}`, [mode.feature],
        () => mode.options.negotiated ? this.opened(mode.name) :
          this.openChannel(this.offerer, mode.name, mode.options));
      for (const kind of ['text', 'binary'])
        for (const size of chosen)
          for (const from of [this.peer, this.hawser]) await this.sizeCell(mode, kind, from, size);
    }
    await this.cell('limit', 'more than they take is refused here', [], async () => {
      const limit = this.connection.maxMessageSize(this.peer);
      if (limit >= mebibyte) return; // more than Hawser's send buffer takes anyhow
      this.hawser.send({cmd: 'send', name: modes[0].name, kind: 'binary', size: limit + 1, seed: 1});
      await this.hawser.event('error');
    });
  }

  // ---- Streams

  async streams() {
    this.misses = 0;
    const total = (this.quick ? 4 : 64) * mebibyte;
    for (const from of [this.peer, this.hawser]) {
      const rate = await this.cell('stream', `${total / mebibyte} MiB, ${this.who(from)} send`, [],
        () => this.connection.stream(from, 'main', total, piece, 1, 60_000));
      if (rate) this.facts[from === this.hawser ? 'rateOut' : 'rateIn'] = rate;
    }
  }

  async three() {
    this.misses = 0;
    const names = ['three 1', 'three 2', 'three 3'];
    const total = (this.quick ? 1 : 4) * mebibyte;
    await this.cell('three channels', `opened by ${this.who(this.answerer)}, streams both ways`, [],
      async () => {
        await Promise.all(names.map((name) => this.openChannel(this.answerer, name)));
        await Promise.all(names.flatMap((name, i) => [this.offerer, this.answerer].map((from) =>
          this.connection.stream(from, name, total, piece, i, 60_000))));
      });
  }

  // ---- Closing channels

  async closing() {
    this.misses = 0;
    for (const closer of [this.peer, this.hawser]) {
      const feature = closer === this.peer ? 'close' : null;
      const name = `closed by ${this.who(closer)}`;
      const other = this.connection.other(closer);
      const end = async (channel) => {
        closer.send({cmd: 'close', name: channel});
        await Promise.all([other.event('closed', {name: channel}),
          closer.event('closed', {name: channel})]);
      };
      await this.cell('close', `${name}: both hear it`, [feature], async () => {
        await this.openChannel(this.offerer, name);
        await this.connection.message(other, name, 'text', 1, 1);
        await end(name);
      });
      const last = `last words, ${name}`;
      const hears = closer === this.peer ? 'sendsLastWords' : 'lastWords';
      await this.cell('close', `${name}: what was sent comes first`, [feature, hears], async () => {
        await this.openChannel(this.offerer, last);
        await this.connection.message(other, last, 'text', 1, 1);
        closer.send({cmd: 'send', name: last, kind: 'binary', size: 60000, seed: 3});
        await Promise.all([other.event('message', {name: last, size: 60000}), end(last)]);
      });
      await this.cell('id again', `after a close by ${this.who(closer)}`, [feature, 'negotiated', 'negotiatedLate'], async () => {
        const again = `again, ${name}`;
        const options = {negotiated: true, id: 102};
        for (const round of [1, 2]) {
          await this.openChannel(closer, again, options);
          await this.connection.message(closer, again, 'text', 10, round);
          await this.connection.message(other, again, 'binary', 10, round);
          closer.send({cmd: 'close', name: again});
          await Promise.all([other.event('closed', {name: again}),
            closer.event('closed', {name: again})]);
        }
      });
    }
  }

  // ---- ICE restarts

  async restarts() {
    this.misses = 0;
    for (const side of [this.peer, this.hawser]) {
      await this.cell('restart', `by ${this.who(side)}, data before, during and after`, ['restart'],
        () => this.restart(side));
    }
  }

  async restart(side) {
    const {connection} = this;
    const ufrag = (who) => connection.descriptions.get(who)?.sdp.match(/a=ice-ufrag:(\S+)/)?.[1];
    const before = [this.peer, this.hawser].map(ufrag);
    const both = async (size, seed) => {
      await connection.message(this.peer, 'main', 'binary', size, seed);
      await connection.message(this.hawser, 'main', 'binary', size, seed);
    };
    await both(1200, 1);
    const during = connection.stream(connection.other(side), 'main', 8 * mebibyte, piece, 5, 30_000);
    during.catch(() => {});
    const answered = new Promise((resolve) => {
      connection.onDescription = (from, event) => event.type === 'answer' && resolve();
    });
    side.send({cmd: 'restart'});
    await Promise.race([answered, side.wait(() => false, 'answer to a restart', 10_000),
      connection.other(side).wait(() => false, 'answer to a restart', 10_000)]);
    await during;
    const after = [this.peer, this.hawser].map(ufrag);
    if (after.some((text, i) => text === before[i])) throw new Error('the credentials are the old ones');
    await both(1201, 2);
    await both(65536, 3);
  }

  // ---- The end of the connection

  async hangup(side) {
    const other = this.connection.other(side);
    await this.cell('hang up', `by ${this.who(side)}, the other side hears it`, ['hangup'], async () => {
      const begin = performance.now();
      side.send({cmd: 'hangup'});
      await other.wait((event) => event.event === 'state' ?
        ['closed', 'failed', 'disconnected'].includes(event.state) :
        event.event === 'closed' && event.name === 'main', 'end of the connection', 35_000);
      this.facts[side === this.hawser ? 'theyHearMs' : 'weHearMs'] = performance.now() - begin;
    });
  }

  // Two connections: all of it over the first, whose candidates trickle; the second has them inside
  // its descriptions, and ends from the other side.
  async full(renew) {
    const early = this.cannot.negotiated ? [] :
      modes.filter(({options}) => options.negotiated).map(({name, options}) => ({name, ...options}));
    if (await this.connect(true, [{name: 'main', protocol: 'interop'}, ...early])) {
      await this.cell('label', 'label and protocol arrive', [], async () => {
        const {label, protocol} = this.connection.first;
        if (label !== 'main' || protocol !== 'interop') throw new Error(`"${label}", "${protocol}"`);
      });
      await this.learn();
      await this.messages();
      await this.three();
      await this.closing();
      await this.streams();
      await this.restarts();
      await this.hangup(this.peer);
    }
    this.up = false;
    this.misses = 0;
    [this.peer, this.hawser] = await renew();
    if (await this.connect(false, [{name: 'main'}])) {
      await this.short();
      await this.hangup(this.hawser);
    }
  }

  // For variants: connected, a few messages each way, closed.
  async short() {
    for (const kind of ['text', 'binary'])
      for (const size of [1, 1200, 65536])
        for (const from of [this.peer, this.hawser])
          await this.sizeCell({name: 'main', capability: 'short', options: {}}, kind, from, size);
  }

  async variant(trickle) {
    if (!await this.connect(trickle, [{name: 'main'}])) return;
    await this.learn();
    await this.short();
    await this.hangup(this.weOffer ? this.peer : this.hawser);
  }
}
