// The runner: see run, which starts it twice.
//
//     node run.mjs setup SOURCE BUILD [--peer NAME]... [--quick]    brings what peers need
//     node run.mjs scenes SOURCE BUILD [--peer NAME]... [--quick]   runs the scenes
import {spawnSync} from 'node:child_process';
import {existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {parseArgs} from 'node:util';
import {browsers, launch, servePage} from './runner/browsers.mjs';
import {browserWithWorker, earlierSystem} from './runner/distributor.mjs';
import {Scene} from './runner/scenes.mjs';
import {ProcessSide} from './runner/side.mjs';
import {table} from './runner/table.mjs';

const {positionals: [phase, source, build], values} = parseArgs({
  allowPositionals: true,
  args: process.argv.slice(2),
  options: {peer: {type: 'string', multiple: true, default: []}, quick: {type: 'boolean'}},
});
const interopPeer = join(build, 'tests/interop/interop-peer');

// ---- The peers

const folder = join(source, 'tests/interop/peers');
const programs = readdirSync(folder).sort()
  .filter((name) => existsSync(join(folder, name, 'peer.json')))
  .map((name) => {
    const peer = {...JSON.parse(readFileSync(join(folder, name, 'peer.json'), 'utf8')),
      folder: join(folder, name), build: join(build, 'interop', name)};
    const place = (text) => text.replaceAll('{build}', peer.build).replaceAll('{peer}', peer.folder);
    return {...peer, command: peer.command.map(place), missing: join(build, 'interop', `${name}.missing`)};
  });
const wanted = (name) => values.peer.length === 0 || values.peer.includes(name);
const known = [...programs, ...browsers].map(({name}) => name).concat('distributor');
for (const name of values.peer) {
  if (known.includes(name)) continue;
  console.error(`interop: no peer '${name}'; there are: ${known.join(', ')}`);
  console.log('0 passed, 1 failed');
  process.exit(2);
}

function setUp(peer) {
  mkdirSync(peer.build, {recursive: true});
  const done = spawnSync(join(peer.folder, peer.setup), [peer.build],
    {stdio: ['ignore', 'inherit', 'pipe'], encoding: 'utf8', timeout: 600_000});
  if (done.status === 0) return rmSync(peer.missing, {force: true});
  const reason = done.error?.message ?? done.stderr.trim();
  return writeFileSync(peer.missing, reason || `setup ended with ${done.status ?? done.signal}`);
}

if (phase === 'setup') {
  programs.filter(({name}) => wanted(name)).forEach(setUp);
  process.exit(0);
}

// ---- The count

let passed = 0, failed = 0, cannot = 0;
const runs = [], others = [];

function count(outcome) {
  if (outcome === 'passed') passed++;
  else if (outcome === 'failed') failed++;
  else cannot++;
}

// Results of one role, told as they come: failures at once, the rest in one line at the end.
function ledger(title, role) {
  const scene = {role, cells: [], facts: {}};
  const begin = performance.now();
  return {
    scene,
    report: (cell) => {
      scene.cells.push(cell);
      count(cell.outcome);
      if (cell.outcome !== 'failed') return;
      console.log(`FAILED: ${title}, ${role}, ${cell.capability}, ${cell.name}: ${cell.reason}`);
      cell.log?.forEach((line) => console.log(`    | ${line}`));
    },
    close: () => {
      const number = (outcome) => scene.cells.filter((cell) => cell.outcome === outcome).length;
      const {tls, suite, openMs, rateIn, rateOut} = scene.facts;
      console.log(`${title}, ${role}: ${number('passed')} passed, ${number('failed')} failed, ` +
        `${number('cannot')} cannot; ${tls} ${suite ?? ''}, open after ${openMs?.toFixed(0)} ms` +
        `${rateIn ? `, ${rateIn.toFixed(1)} MB/s in` : ''}` +
        `${rateOut ? `, ${rateOut.toFixed(1)} MB/s out` : ''}; ` +
        `${((performance.now() - begin) / 1000).toFixed(1)} s`);
    },
  };
}

function missing(run, title, reason, optional) {
  const book = ledger(title, 'both roles');
  if (optional) console.log(`${title}: optional, and missing: ${reason}`);
  else book.report({capability: 'connect', name: 'missing', outcome: 'failed', reason: `missing: ${reason}`});
  if (!optional) run.scenes.push(book.scene);
}

async function single(name, run) {
  try {
    await run();
    count('passed');
    others.push({name, outcome: 'passed'});
    console.log(`${name}: passed`);
  } catch (error) {
    count('failed');
    others.push({name, outcome: 'failed', reason: error.message});
    console.log(`FAILED: ${name}: ${error.stack ?? error}`);
  }
}

// ---- One role with one peer

// `fresh()` makes the peer's side anew for each connection.
async function inRole(run, title, weOffer, {fresh, cannotOf, hawserOptions = [], variant, expectTls,
  onlyTcp}) {
  const book = ledger(title, weOffer ? 'we offer' : 'they offer');
  const sides = [];
  const renew = async () => {
    for (const side of sides.splice(0)) await side.stop();
    const hawser = new ProcessSide('hawser', [interopPeer, ...hawserOptions]);
    sides.push(hawser);
    const peer = await fresh();
    sides.push(peer);
    await hawser.event('hello');
    return [peer, hawser];
  };
  try {
    const [peer, hawser] = await renew();
    const cannotDo = await cannotOf(peer);
    const scene = new Scene({peer, hawser, weOffer, cannot: cannotDo, report: book.report,
      quick: values.quick, onlyTcp});
    book.scene.facts = scene.facts;
    if (variant) await scene.variant(weOffer); else await scene.full(renew);
    if (expectTls) {
      await scene.cell('facts', `it was ${expectTls}`, [], () => {
        if (scene.facts.tls !== expectTls) throw new Error(`it was ${scene.facts.tls}`);
      });
    }
    for (const side of sides.splice(0)) await side.stop();
  } catch (error) {
    book.report({capability: 'connect', name: 'the scene', outcome: 'failed', reason: error.stack ?? `${error}`});
  } finally {
    for (const side of sides) await side.stop().catch(() => {});
  }
  run.scenes.push(book.scene);
  book.close();
}

async function withProgram(peer) {
  const run = {peer: peer.name, version: '', scenes: []};
  runs.push(run);
  if (existsSync(peer.missing)) {
    missing(run, peer.name, readFileSync(peer.missing, 'utf8'), peer.optional);
    if (peer.optional) runs.pop();
    return;
  }
  const cannotOf = async (side) => {
    const hello = await side.event('hello', {}, 20_000);
    run.version = hello.version;
    return {...peer.cannot, ...hello.features};
  };
  for (const weOffer of [false, true]) {
    await inRole(run, peer.name, weOffer,
      {fresh: () => new ProcessSide(peer.name, peer.command, {cwd: peer.build}), cannotOf});
  }
}

async function withBrowser(browser, page) {
  const chosen = values.quick ? browser.variants.slice(0, 2) : browser.variants;
  for (const [i, variant] of chosen.entries()) {
    const run = {peer: browser.name, version: '', variant: i > 0 ? variant.name : undefined, scenes: []};
    const title = `${browser.name}, ${variant.name}`;
    runs.push(run);
    let program;
    try {
      program = await launch(browser, variant);
    } catch (error) {
      missing(run, title, error.message, false);
      continue;
    }
    run.version = program.version;
    for (const weOffer of [false, true]) {
      await inRole(run, title, weOffer, {fresh: () => program.page(page.url), variant: i > 0,
        cannotOf: () => ({}), hawserOptions: variant.hawser, expectTls: variant.tls,
        onlyTcp: variant.onlyTcp});
    }
    if (i === 0 && browser.browser === 'chrome') {
      await single('Chromium and hawser worker, through hawser-distributor', async () => {
        const side = await program.page(page.url);
        await browserWithWorker({build, source}, side, [0, 1, 1200, 16384, 65536, 262144]);
        await side.stop();
      });
    }
    await program.close();
  }
}

// ---- The run

const page = await servePage();
if (wanted('distributor'))
  await single('programs of the earlier system', () => earlierSystem({build, source}));
for (const peer of programs) if (wanted(peer.name)) await withProgram(peer);
for (const browser of browsers) if (wanted(browser.name)) await withBrowser(browser, page);
page.close();

writeFileSync(join(build, 'interop/results.json'), JSON.stringify({runs, others}, null, 1));
const text = table(runs, others);
if (values.peer.length === 0 && !values.quick) writeFileSync(join(source, 'doc/interop.md'), text);
else if (values.peer.length > 0) console.log(`\n${text}`);
if (cannot > 0) console.log(`${cannot} that a peer cannot do`);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);
