// Runs a W3C-like stack of Node as a peer of the runner: lines of JSON in and out.
import {readFileSync} from 'node:fs';
import {createInterface} from 'node:readline';
import {makePeer} from './w3c.mjs';

// The version of a package as it is installed; its "exports" may hide its package.json.
export const installed = (name) => JSON.parse(readFileSync(
  new URL(`node_modules/${name}/package.json`, import.meta.url), 'utf8')).version;

export function run({stack, version, features = {}, RTCPeerConnection, quirks}) {
  const tell = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);
  const command = makePeer({RTCPeerConnection, tell, quirks});
  const input = createInterface({input: process.stdin});
  input.on('line', (line) => {
    const parsed = JSON.parse(line);
    if (parsed.cmd === 'quit') process.exit(0);
    command(parsed);
  });
  input.on('close', () => process.exit(0));
  process.on('uncaughtException', (error) =>
    tell({event: 'error', text: `uncaught: ${error?.stack ?? error}`}));
  process.on('unhandledRejection', (error) =>
    tell({event: 'error', text: `unhandled: ${error?.stack ?? error}`}));
  tell({event: 'hello', stack, version, features});
}
