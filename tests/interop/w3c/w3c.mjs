// A peer of the interop runner over the W3C's RTCPeerConnection: browsers run it in a page, Node's
// stacks in a process (process.mjs). The language is in README.md beside this folder.
import {crc32, hex, fill} from './bytes.mjs';

const highWater = 1 << 20, lowWater = 1 << 18;
const encoder = new TextEncoder();
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// `quirks`: what a stack wants otherwise, see the peers that set them.
export function makePeer({RTCPeerConnection, tell, quirks = {}}) {
  let peer, channels, held, echo = false;

  const bytesOf = async (data) => {
    if (typeof data === 'string') return encoder.encode(data);
    if (data instanceof ArrayBuffer) return new Uint8Array(data);
    if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    return new Uint8Array(await data.arrayBuffer());
  };

  function take(name, channel, data, bytes) {
    const kind = typeof data === 'string' ? 'text' : 'binary';
    if (echo) return channel.send(data);
    const stream = channel.expected;
    if (!stream) {
      return tell({event: 'message', name, kind, size: bytes.length, hash: hex(crc32(0, bytes))});
    }
    stream.messages++;
    stream.bytes += bytes.length;
    stream.crc = crc32(stream.crc, bytes);
    if (stream.bytes < stream.total) return undefined;
    channel.expected = null;
    return tell({event: 'streaming', name, messages: stream.messages, bytes: stream.bytes,
      hash: hex(stream.crc)});
  }

  function adopt(name, channel, isOurs) {
    let over = false;
    channels.set(name, channel);
    channel.binaryType = 'arraybuffer';
    const opened = () => tell({event: 'open', name, id: channel.id});
    channel.onopen = isOurs ? opened : null;
    // Only a Blob would need to be waited for, and 'arraybuffer' rules it out.
    channel.onmessage = ({data}) => {
      const bytes = typeof data === 'string' || data instanceof ArrayBuffer || ArrayBuffer.isView(data);
      if (!bytes) return bytesOf(data).then((read) => take(name, channel, data, read));
      return take(name, channel, data, typeof data === 'string' ? encoder.encode(data) :
        data instanceof ArrayBuffer ? new Uint8Array(data) :
          new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    };
    channel.onclose = () => {
      if (over) return;
      over = true;
      if (channels.get(name) === channel) channels.delete(name);
      tell({event: 'closed', name});
    };
    channel.onerror = ({error}) => tell({event: 'note', text: `${name}: ${error?.message ?? error}`});
  }

  // libwebrtc's older binding says 65535 for "not set".
  const number = (value) => value === 65535 ? null : value ?? null;

  function create() {
    peer?.close();
    peer = new RTCPeerConnection({iceServers: [], ...quirks.configuration});
    channels = new Map();
    held = [];
    let ended = false;
    const say = (candidate) => {
      const text = candidate?.candidate ?? '';
      if (!text && ended) return;
      ended = !text;
      const told = {event: 'candidate', candidate: text.replace(/^a=/, ''),
        sdpMid: candidate?.sdpMid ?? '0', sdpMLineIndex: candidate?.sdpMLineIndex ?? 0,
        usernameFragment: candidate?.usernameFragment ?? null};
      if (held) held.push(told); else tell(told);
    };
    peer.onicecandidate = ({candidate}) => say(candidate);
    // Not every stack says null at the end.
    peer.onicegatheringstatechange = async () => {
      if (peer.iceGatheringState !== 'complete') return;
      await pause(quirks.settle ?? 0);
      say(null);
    };
    peer.onconnectionstatechange = () => tell({event: 'state', state: peer.connectionState});
    peer.ondatachannel = ({channel}) => {
      const {label, protocol, ordered, maxRetransmits, maxPacketLifeTime, id} = channel;
      adopt(label, channel, false);
      tell({event: 'channel', name: label, label, protocol, id, ...(quirks.untold ? {} : {ordered,
        maxRetransmits: number(maxRetransmits), maxPacketLifeTime: number(maxPacketLifeTime)})});
    };
  }

  // Candidates must not overtake the description that they belong to.
  async function describe(description) {
    await peer.setLocalDescription(description);
    await pause(quirks.settle ?? 0);
    tell({event: 'description', type: peer.localDescription.type, sdp: peer.localDescription.sdp});
    held?.splice(0).forEach(tell);
    held = null;
  }

  async function takeDescription({type, sdp}) {
    if (type === 'offer') held ??= [];
    await peer.setRemoteDescription({type, sdp});
    if (type === 'offer') await describe(await peer.createAnswer());
  }

  async function takeCandidate({candidate, sdpMid, sdpMLineIndex, usernameFragment}) {
    if (!candidate && quirks.noEnd) return;
    await peer.addIceCandidate({candidate, sdpMid, sdpMLineIndex,
      ...(usernameFragment && !quirks.noFragment ? {usernameFragment} : {})});
  }

  function open({name, label, cmd, priority, ...options}) {
    adopt(name, peer.createDataChannel(label ?? name, options), true);
    if (channels.get(name).readyState === 'open') {
      // Events that are due may come still; one that is open already says so by itself.
      const channel = channels.get(name);
      channel.onopen = null;
      tell({event: 'open', name, id: channel.id});
    }
  }

  const find = (name) => {
    const channel = channels.get(name);
    if (!channel) throw new Error(`no channel '${name}'`);
    return channel;
  };

  const decode = (bytes) => new TextDecoder().decode(bytes);

  function send({name, kind, size, seed}) {
    const bytes = fill(kind, size, seed);
    find(name).send(kind === 'text' ? decode(bytes) : quirks.outgoing?.(bytes) ?? bytes);
  }

  async function stream({name, total, piece, seed}) {
    const channel = find(name);
    channel.bufferedAmountLowThreshold = lowWater;
    for (let sent = 0, n = 0; sent < total; sent += piece, n++) {
      while (channel.bufferedAmount > highWater) {
        // The pause is for an event that came before it was waited for.
        await Promise.race([pause(50),
          new Promise((resolve) => { channel.onbufferedamountlow = resolve; })]);
        if (channel.readyState !== 'open') throw new Error(`${name} closed under a stream`);
      }
      const bytes = fill('binary', Math.min(piece, total - sent), seed + n);
      channel.send(quirks.outgoing?.(bytes) ?? bytes);
    }
    tell({event: 'streamed', name});
  }

  async function stats() {
    const out = {event: 'stats'};
    const versions = {FEFC: 'DTLSv1.3', FEFD: 'DTLSv1.2'};
    (await peer.getStats()).forEach?.((row) => {
      if (row.type !== 'transport') return;
      out.tls = versions[row.tlsVersion] ?? row.tlsVersion?.replace('DTLS 1', 'DTLSv1');
      out.suite = row.dtlsCipher;
    });
    tell(out);
  }

  const commands = {
    create, open, send, stats,
    offer: async () => describe(await peer.createOffer()),
    restart: async () => {
      held ??= [];
      await describe(await peer.createOffer({iceRestart: true}));
    },
    description: takeDescription,
    candidate: takeCandidate,
    // Other commands go on while a stream is under way.
    stream: (command) => { stream(command).catch(fail(command)); },
    expect: ({name, total}) => {
      find(name).expected = {total, messages: 0, bytes: 0, crc: 0};
      tell({event: 'expecting', name});
    },
    echo: ({on}) => { echo = on; },
    close: ({name}) => find(name).close(),
    hangup: () => {
      peer.close();
      tell({event: 'state', state: 'closed'});
    },
  };

  const fail = ({cmd, name}) => (error) =>
    tell({event: 'error', text: `${cmd}${name ? ` ${name}` : ''}: ${error?.message ?? error}`});

  // Commands are carried out in order, each when the one before is done.
  let last = Promise.resolve();
  return (command) => {
    last = last.then(() => {
      if (!commands[command.cmd]) throw new Error('unknown command');
      return commands[command.cmd](command);
    }).catch(fail(command));
    return last;
  };
}
