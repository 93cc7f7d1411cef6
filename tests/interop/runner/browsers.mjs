// Browsers as peers: one program for each variant, one page for each connection.
import {createServer} from 'node:http';
import {mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join, basename} from 'node:path';
import {fileURLToPath} from 'node:url';
import puppeteer from 'puppeteer-core';
import {Side} from './side.mjs';

const chromiumFlags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync'];
const firefoxPrefs = {
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
};
const shown = '--disable-features=WebRtcHideLocalIpsWithMdns';
const trials = (names) => `--force-fieldtrials=${names.map((name) => `${name}/Enabled/`).join('')}`;

// `hawser`: options of interop-peer. `onlyTcp`: no candidate of UDP is carried. The first variant of a browser gets the whole matrix.
export const browsers = [
  {name: 'Chromium', browser: 'chrome', path: '/usr/bin/chromium', variants: [
    {name: 'addresses shown', args: [shown]},
    {name: 'addresses hidden behind mDNS names', args: []},
    {name: 'without a post-quantum share',
      args: ['--disable-features=WebRtcHideLocalIpsWithMdns,WebRtcPqcForDtls,PostQuantumKyber']},
    {name: 'we offer a post-quantum share', args: [shown], hawser: ['--post-quantum']},
    {name: 'DTLS 1.2', args: [shown], hawser: ['--dtls', '1.2'], tls: 'DTLSv1.2'},
    {name: 'DTLS 1.3', args: [shown], hawser: ['--dtls', '1.3'], tls: 'DTLSv1.3'},
    {name: 'SNAP and SPED on', args: [shown, trials(['WebRTC-IceHandshakeDtls', 'WebRTC-Sctp-Snap'])]},
    {name: 'ICE-TCP', args: [shown], hawser: ['--ice-tcp'], onlyTcp: true},
    {name: 'I-DATA on', args: [shown, trials(['WebRTC-DataChannelMessageInterleaving'])]},
  ]},
  {name: 'Firefox ESR', browser: 'firefox', path: '/usr/bin/firefox-esr', variants: [
    {name: 'addresses shown', prefs: {'media.peerconnection.ice.obfuscate_host_addresses': false}},
    {name: 'addresses hidden behind mDNS names', prefs: {}},
    {name: 'DTLS 1.2', prefs: {'media.peerconnection.ice.obfuscate_host_addresses': false},
      hawser: ['--dtls', '1.2'], tls: 'DTLSv1.2'},
    {name: 'DTLS 1.3', prefs: {'media.peerconnection.ice.obfuscate_host_addresses': false},
      hawser: ['--dtls', '1.3'], tls: 'DTLSv1.3'},
  ]},
];

// Serves the page and the modules that it imports.
export async function servePage() {
  const folder = fileURLToPath(new URL('..', import.meta.url));
  const files = {'/': ['browser/page.html', 'text/html'],
    '/w3c.mjs': ['w3c/w3c.mjs', 'text/javascript'], '/bytes.mjs': ['w3c/bytes.mjs', 'text/javascript']};
  const server = createServer(({url}, response) => {
    const [file, type] = files[url] ?? [];
    response.writeHead(file ? 200 : 404, {'Content-Type': type ?? 'text/plain'});
    response.end(file ? readFileSync(join(folder, file)) : '');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {url: `http://127.0.0.1:${server.address().port}/`, close: () => server.close()};
}

export async function launch({browser, path, name}, variant) {
  const profile = mkdtempSync(join(tmpdir(), `hawser-${basename(path)}-`));
  const program = await puppeteer.launch({
    browser, executablePath: path, headless: true, userDataDir: profile,
    ...(browser === 'chrome' ? {args: [...chromiumFlags, ...variant.args]} :
      {extraPrefsFirefox: {...firefoxPrefs, ...variant.prefs}}),
  });
  const version = (await program.version()).replace(/^.*\//, '');
  return {
    version,
    page: async (url) => {
      // A page that is made while another one ends is sometimes taken along.
      for (let attempt = 1; ; attempt++) {
        const side = new PageSide(name, await program.newPage());
        try {
          await side.start(url);
          return side;
        } catch (error) {
          if (attempt === 3) throw error;
        }
      }
    },
    close: async () => {
      await program.close();
      rmSync(profile, {recursive: true, force: true});
    },
  };
}

class PageSide extends Side {
  constructor(name, page) {
    super(name);
    this.page = page;
    this.early = new Map(); // calls of the page may overtake each other on their way
    this.serial = 0;
  }

  async start(url) {
    this.page.on('pageerror', (error) => this.log.push(`${this.name} > ${error}`));
    await this.page.exposeFunction('tellRunner', (serial, text) => {
      this.early.set(serial, JSON.parse(text));
      for (let event; (event = this.early.get(this.serial)); this.serial++) {
        this.early.delete(this.serial);
        this.take(event);
      }
    });
    await this.page.goto(url);
    await this.page.waitForFunction('window.ready === true');
  }

  write(command) {
    if (this.gone) return;
    this.page.evaluate((text) => { window.command(JSON.parse(text)); }, JSON.stringify(command))
      .catch((error) => this.end(error.message));
  }

  async stop() {
    this.end('the page was closed');
    await this.page.close();
  }
}
