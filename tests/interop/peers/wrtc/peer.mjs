// libwebrtc, through its bindings for Node.
import {createRequire} from 'node:module';
import {installed, run} from './process.mjs';

const require = createRequire(import.meta.url);
const {RTCPeerConnection} = require('@roamhq/wrtc');

run({stack: 'libwebrtc through @roamhq/wrtc', version: installed('@roamhq/wrtc'), RTCPeerConnection});
