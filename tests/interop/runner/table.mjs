// doc/interop.md: the results of a whole run as tables.

const capabilities = ['connect', 'label', 'ordered', 'unordered', 'maxRetransmits 0', 'lifetime 100 ms',
  'negotiated', 'limit', 'three channels', 'close', 'id again', 'stream', 'restart', 'hang up'];

const row = (cells) => `| ${cells.join(' | ')} |`;
const head = (cells) => [row(cells), row(cells.map(() => '---'))];
const ms = (value) => value === undefined ? '-' : `${Math.round(value)} ms`;
const rate = (value) => value === undefined ? '-' : `${value.toFixed(value < 10 ? 1 : 0)} MB/s`;

// "12/12", or with what the peer cannot do: "10/10, 2 cannot".
function summary(cells) {
  if (cells.length === 0) return '-';
  const cannot = cells.filter(({outcome}) => outcome === 'cannot').length;
  const passed = cells.filter(({outcome}) => outcome === 'passed').length;
  const tried = cells.length - cannot;
  if (tried === 0) return 'cannot';
  const text = passed === tried ? `${passed}/${tried}` : `**${passed}/${tried}**`;
  return cannot ? `${text}, ${cannot} cannot` : text;
}

function capabilityTable(runs) {
  const lines = head(['peer', 'role', ...capabilities]);
  for (const {peer, scenes} of runs) {
    for (const {role, cells} of scenes) {
      lines.push(row([peer, role, ...capabilities.map((capability) =>
        summary(cells.filter((cell) => cell.capability === capability)))]));
    }
  }
  return lines;
}

function factTable(runs) {
  const lines = head(['peer', 'version', 'role', 'DTLS', 'suite', 'their max-message-size',
    'offer to open', '64 MiB to us', '64 MiB from us', 'we hear their end', 'they hear ours']);
  for (const {peer, version, scenes} of runs) {
    for (const {role, facts} of scenes) {
      lines.push(row([peer, version, role, facts.tls ?? '-', facts.suite ?? '-',
        facts.maxMessageSize ?? '-', ms(facts.openMs), rate(facts.rateIn), rate(facts.rateOut),
        ms(facts.weHearMs), ms(facts.theyHearMs)]));
    }
  }
  return lines;
}

function variantTable(runs) {
  const lines = head(['browser', 'variant', 'role', 'checks', 'DTLS', 'suite', 'offer to open']);
  for (const {peer, variant, scenes} of runs) {
    for (const {role, cells, facts} of scenes) {
      lines.push(row([peer, variant, role, summary(cells), facts.tls ?? '-', facts.suite ?? '-',
        ms(facts.openMs)]));
    }
  }
  return lines;
}

function reasons(runs) {
  const lines = [];
  for (const {peer, scenes} of runs) {
    const said = new Map();
    for (const {cells} of scenes)
      for (const {outcome, feature, reason} of cells) if (outcome === 'cannot') said.set(feature, reason);
    for (const [feature, reason] of said) lines.push(`- ${peer}, ${feature}: ${reason}`);
  }
  return lines.length ? lines : ['Nothing that was tried.'];
}

function failures(runs, others) {
  const lines = [];
  for (const {peer, variant, scenes} of runs)
    for (const {role, cells} of scenes)
      for (const {outcome, capability, name, reason} of cells)
        if (outcome === 'failed')
          lines.push(`- ${peer}${variant ? `, ${variant}` : ''}, ${role}, ${capability}, ${name}: ` +
            reason.split('\n')[0]);
  for (const {name, outcome, reason} of others)
    if (outcome === 'failed') lines.push(`- ${name}: ${reason.split('\n')[0]}`);
  return lines.length ? lines : ['None.'];
}

// `runs`: [{peer, version, variant?, scenes: [{role, cells, facts}]}]; `others`: single checks.
export function table(runs, others) {
  const whole = runs.filter(({variant}) => !variant);
  const variants = runs.filter(({variant}) => variant);
  return [
    '# Interop',
    '',
    'Hawser against the peers of others. This file is written by `tests/interop/run`; what is checked, and',
    'how, is told in `tests/interop/README.md`. "They offer" and "we offer" are the two roles. A field such',
    'as 12/12 counts checks that passed and checks that were made; "cannot" counts those that the peer has',
    'no means for, for a reason in the list below. Times and rates are of one run on one machine.',
    '',
    '## What was negotiated',
    '',
    ...factTable(whole),
    '',
    '## What was checked',
    '',
    ...capabilityTable(whole),
    '',
    '## Variants of browsers',
    '',
    ...variantTable(variants),
    '',
    '## What a peer cannot do',
    '',
    ...reasons(runs),
    '',
    '## Through the distributor',
    '',
    ...others.map(({name, outcome}) => `- ${name}: ${outcome}`),
    '',
    '## Failures',
    '',
    ...failures(runs, others),
    '',
  ].join('\n');
}
