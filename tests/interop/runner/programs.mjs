// Programs of ours that are started and waited for.
import {spawn} from 'node:child_process';
import {join} from 'node:path';

const limit = 60_000;

export function within(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${limit / 1000} s`)), limit);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

// Start a program and wait for a line of its output.
export function program(build, name, args, pattern) {
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

export async function stop(child) {
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
  await within(child.ended, 'ending a program');
}
