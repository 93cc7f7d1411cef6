// libdatachannel, through its bindings for Node.
import {createRequire} from 'node:module';
import {installed, run} from './process.mjs';

const require = createRequire(import.meta.url);
const {RTCPeerConnection} = require('node-datachannel/polyfill');
const {getLibraryVersion} = require('node-datachannel');

run({stack: 'libdatachannel through node-datachannel',
  version: `${installed('node-datachannel')} (libdatachannel ${getLibraryVersion()})`, RTCPeerConnection,
  // Its interface does not tell the reliability of an incoming channel, and the answer must not come
  // before its own thread has taken its offer.
  quirks: {settle: 100, untold: true}});
