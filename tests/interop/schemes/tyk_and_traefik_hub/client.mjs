// Signs for Tyk and Traefik Hub with Node's fetch, as their documentation says, and checks the
// answers. Then computes what the example sign signs.
//
//     HMAC_KEY_ID=… HMAC_SECRET_KEY=… node client.mjs tyk|traefik-hub GATEWAY SIGN
//
// GATEWAY is the URL of the example gateway.

import { execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';

const [scheme, gateway, tool] = process.argv.slice(2);
const { HMAC_KEY_ID: keyId, HMAC_SECRET_KEY: secretKey } = process.env;
const isTyk = scheme === 'tyk';

const TARGETS = {
  'a plain target': '/a', 'a query': '/v1/orders?x=1&y=%E4%BD%A0', 'an escaped path': '/v1/caf%C3%A9%20b?x=1', 'the root': '/',
};
const HASHES = ['sha1', 'sha256', 'sha384', 'sha512'];
const NAMES = isTyk ? ['(request-target)', 'date'] : ['(request-target)', '(created)', '(expires)'];
// Traefik Hub's documentation has no texts.
const REFUSED = isTyk ? '400 Authorization field missing, malformed or invalid' : '401';

const httpDate = (age = 0) => new Date(Date.now() - age * 1000).toUTCString();
const seconds = (age = 0) => Math.floor(Date.now() / 1000) - age;

function line(name, { method, target, headers, times }) {
  // Tyk signs the decoded path, without the query.
  if (name === '(request-target)') {
    return `${name}: ${method.toLowerCase()} ${isTyk ? decodeURIComponent(target.split('?')[0]) : target}`;
  }
  const read = isTyk && name === 'date' && headers['x-aux-date'] ? 'x-aux-date' : name;
  return `${read}: ${times[name] ?? headers[read] ?? ''}`;
}

function authorization(request) {
  const { names, times, hash = 'sha256', id = keyId, secret = secretKey } = request;
  const lines = (names ?? (isTyk ? ['date'] : NAMES)).map((name) => line(name, request));
  const mac = createHmac(hash, secret).update(lines.join('\n')).digest('base64');
  const parameters = {
    keyId: id, algorithm: `hmac-${hash}`, headers: names?.join(' '), created: times['(created)'], expires: times['(expires)'],
    signature: isTyk ? encodeURIComponent(mac) : mac,
  };
  const texts = Object.entries(parameters).filter(([, value]) => value).map(([name, value]) => `${name}="${value}"`);
  return `${isTyk ? 'Signature' : 'Hmac'} ${texts.join(',')}`;
}

function expect(name, got, wanted) {
  if (!isDeepStrictEqual(got, wanted)) {
    console.error(`not ok node ${scheme} ${name}: wanted ${JSON.stringify(wanted)}, got ${JSON.stringify(got)}`);
    process.exit(1);
  }
  console.log(`ok node ${scheme} ${name}`);
}

/** Signs a request, and sends it with what is in `altered` instead. */
async function check(name, wanted, signed = {}, altered = {}, change = (text) => text) {
  const usual = isTyk ? { date: httpDate() } : {};
  const headers = { host: new URL(gateway).host, ...(signed.headers ?? usual) };
  const request = {
    method: 'GET', target: '/a', names: NAMES, times: isTyk ? {} : { '(created)': seconds(), '(expires)': seconds(-10) }, ...signed,
    headers,
  };
  const sent = { ...request, ...altered };
  // Node sends Host by itself.
  const { host, ...others } = { ...headers, ...altered.headers };
  const text = change(authorization(request));
  if (text) others.authorization = text;
  const answer = await fetch(gateway + sent.target, { method: sent.method, headers: others, signal: AbortSignal.timeout(10_000) });
  const { error, key_id: id } = await answer.json();
  expect(name, [answer.status, error ?? id].filter(Boolean).join(' '), wanted);
}

const accepted = `200 ${keyId}`;
const further = () => ({ names: [...NAMES, 'x-test-1'], headers: { 'x-test-1': 'hello', ...(isTyk ? { date: httpDate() } : {}) } });

for (const [name, target] of Object.entries(TARGETS)) await check(name, accepted, { target });
for (const hash of HASHES) await check(hash, accepted, { hash });
await check('a further header', accepted, further());
await check('parameters in another order', accepted, {}, {},
  (text) => text.replace(/(keyId="[^"]*"),(algorithm="[^"]*")/, '$2, $1'));
await check('another path', REFUSED, {}, { target: '/b' });
await check('another method', REFUSED, {}, { method: 'DELETE' });
await check('another value', REFUSED, further(), { headers: { 'x-test-1': 'hullo' } });
await check('another list', REFUSED, further(), {}, (text) => text.replace(' x-test-1"', '"'));
// Tyk would accept it: see the guide's page gateway_differences.
await check('a missing header', REFUSED, { names: [...NAMES, 'x-test-1'] });
await check('an altered signature', REFUSED, {}, {}, (text) => text.replace(/signature="...../, 'signature="AAAAA'));
await check('wrong key', REFUSED, { secret: `${secretKey}x` });
await check('unknown key id', REFUSED, { id: `${keyId}x` });
await check('unsigned', REFUSED, {}, {}, () => '');
if (isTyk) {
  await check('another query', accepted, { target: '/a?x=1' }, { target: '/a?x=2' });
  await check('zone that is not spelled GMT', accepted, { headers: { date: httpDate().replace('GMT', 'UTC') } });
  await check('the date alone, without a list', accepted, { names: undefined });
  await check('x-aux-date as the date', accepted, { headers: { 'x-aux-date': httpDate() } });
  await check('4 minutes old', accepted, { headers: { date: httpDate(240) } });
  await check('6 minutes old', REFUSED, { headers: { date: httpDate(360) } });
  await check('another date', REFUSED, {}, { headers: { date: httpDate(30) } });
  await check('an unknown parameter', REFUSED, {}, {}, (text) => `${text},opaque="a"`);
  await check('created', REFUSED, {}, {}, (text) => `${text},created="${seconds()}"`);
} else {
  await check('another query', REFUSED, { target: '/a?x=1' }, { target: '/a?x=2' });
  await check('no list', accepted, { names: undefined });
  await check('host as well', accepted, { names: [...NAMES, 'host'] });
  await check('an unknown parameter', accepted, {}, {}, (text) => `${text},opaque="a"`);
  await check('expired', REFUSED, { times: { '(created)': seconds(70), '(expires)': seconds(60) } });
  await check('expires an hour later', REFUSED, {}, {}, (text) => text.replace(/expires="\d+"/, `expires="${seconds(-3600)}"`));
  await check('created in a minute', REFUSED, { times: { '(created)': seconds(-60), '(expires)': seconds(-120) } });
}

const parameters = (text) => ({
  word: text.split(' ')[0],
  ...Object.fromEntries([...text.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value])),
});

/** Computes what the tool signs. The order of the parameters is not fixed. */
function ours(name, { target = '/a', hash = 'sha256', names = NAMES, options = [] }) {
  const output = execFileSync(tool, ['--scheme', scheme, '--algorithm', `hmac-${hash}`, ...options, `http://api.example.com${target}`],
    { encoding: 'utf8', timeout: 10_000 });
  const headers = Object.fromEntries(output.trimEnd().split('\n').map((line) => {
    const [, header, value] = /^([^:]*): (.*)$/.exec(line);
    return [header.toLowerCase(), value];
  }));
  const found = parameters(headers.authorization);
  const times = { '(created)': found.created, '(expires)': found.expires };
  expect(`the tool: ${name}`, found, parameters(authorization({ method: 'GET', target, headers, names, times, hash })));
}

for (const [name, target] of Object.entries(TARGETS)) ours(name, { target });
for (const hash of HASHES) ours(hash, { hash });
ours('a further header', { names: [...NAMES, 'x-test-1'], options: ['--header', 'X-Test-1: hello', '--sign', 'x-test-1'] });
