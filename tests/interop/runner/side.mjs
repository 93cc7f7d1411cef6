// One side of a pair as the runner sees it: commands go in, events come out, and whoever expects
// something waits for it within a limit. A process or a page of a browser is behind it.
import {spawn} from 'node:child_process';
import {createInterface} from 'node:readline';

export class Side {
  constructor(name) {
    this.name = name;
    this.events = []; // not yet waited for
    this.waiting = [];
    this.log = []; // everything, for a failure's report
    this.gone = null; // why nothing can come any more
  }

  // What came from the peer.
  take(event) {
    this.log.push(`${this.name} > ${JSON.stringify(event).slice(0, 300)}`);
    if (this.onEvent?.(event)) return;
    const at = this.waiting.findIndex(({match}) => match(event));
    if (at >= 0) this.waiting.splice(at, 1)[0].resolve(event);
    else if (event.event === 'error') this.refuse(new Error(`${this.name}: ${event.text}`));
    else this.events.push(event);
  }

  refuse(error) {
    this.waiting.splice(0).forEach(({reject}) => reject(error));
  }

  end(why) {
    this.gone ??= new Error(`${this.name}: ${why}`);
    this.refuse(this.gone);
  }

  send(command) {
    this.log.push(`${this.name} < ${JSON.stringify(command).slice(0, 300)}`);
    this.write(command);
  }

  // The first event that matches, of those that came already or come within `limit` ms.
  wait(match, what, limit = 10_000) {
    const at = this.events.findIndex(match);
    if (at >= 0) return Promise.resolve(this.events.splice(at, 1)[0]);
    if (this.gone) return Promise.reject(this.gone);
    return new Promise((resolve, reject) => {
      const entry = {match};
      const timer = setTimeout(() => {
        this.waiting = this.waiting.filter((other) => other !== entry);
        reject(new Error(`${this.name}: no ${what} within ${limit / 1000} s`));
      }, limit);
      entry.resolve = (event) => { clearTimeout(timer); resolve(event); };
      entry.reject = (error) => { clearTimeout(timer); reject(error); };
      this.waiting.push(entry);
    });
  }

  event(name, fields = {}, limit) {
    return this.wait((event) => event.event === name &&
      Object.entries(fields).every(([key, value]) => event[key] === value),
    `${name} ${JSON.stringify(fields)}`, limit);
  }

  // Drop what came and nobody waited for.
  clear(match = () => true) {
    this.events = this.events.filter((event) => !match(event));
  }
}

export class ProcessSide extends Side {
  constructor(name, command, options = {}) {
    super(name);
    this.complaints = '';
    this.child = spawn(command[0], command.slice(1), {stdio: ['pipe', 'pipe', 'pipe'], ...options});
    this.ended = new Promise((resolve) => this.child.on('close', (code, signal) => {
      this.code = code ?? signal;
      this.end(`the process ended (${this.code}): ${this.complaints.slice(-2000)}`);
      resolve();
    }));
    this.child.on('error', (error) => this.end(error.message));
    this.child.stdin.on('error', () => {});
    this.child.stderr.on('data', (data) => {
      this.complaints = (this.complaints + data).slice(-20_000);
    });
    createInterface({input: this.child.stdout}).on('line', (line) => {
      let event;
      try {
        event = JSON.parse(line);
      } catch {
        this.log.push(`${this.name} > ${line.slice(0, 300)}`); // what a library prints
        return;
      }
      this.take(event);
    });
  }

  write(command) {
    if (!this.gone) this.child.stdin.write(`${JSON.stringify(command)}\n`);
  }

  // Ask it to end; take it down when it does not.
  async stop() {
    if (this.child.exitCode === null && this.child.pid !== undefined) {
      const timer = setTimeout(() => this.child.kill('SIGKILL'), 5000);
      this.write({cmd: 'quit'});
      this.child.stdin.end();
      await this.ended;
      clearTimeout(timer);
    }
    if (/ERROR: \w+Sanitizer|runtime error/.test(this.complaints)) throw new Error(this.complaints);
  }
}
