// werift: WebRTC in TypeScript.
import {createRequire} from 'node:module';
import {installed, run} from './process.mjs';

const require = createRequire(import.meta.url);
const {RTCPeerConnection} = require('werift');

run({stack: 'werift', version: installed('werift'), RTCPeerConnection,
  quirks: {outgoing: (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)}});
