// Signs for Tencent's application authentication with Node's fetch, as its documentation says, and
// checks the answers. Then computes what the example sign signs.
//
//     HMAC_KEY_ID=… HMAC_SECRET_KEY=… node client.mjs GATEWAY STAGE SIGN BODY
//
// GATEWAY is the URL of the example gateway, STAGE that of one whose paths begin with /release. BODY
// is a file to write.

import { execFileSync } from 'node:child_process';
import { createHash, createHmac } from 'node:crypto';
import { writeFileSync } from 'node:fs';

const [gateway, stage, tool, bodyFile] = process.argv.slice(2);
const { HMAC_KEY_ID: keyId, HMAC_SECRET_KEY: secretKey } = process.env;

const BODY = '{"sn":"SN001"}';
const MISMATCH = 'HMAC signature does not match.';
const UNKNOWN = 'HMAC signature cannot be verified.';
const LATE = 'HMAC signature cannot be verified, the x-date header is out of date for HMAC Authentication.';
const MALFORMED = 'HMAC authorization format error.';
const UNSIGNED = 'HMAC signature cannot be verified, a validate authorization header is required';

const httpDate = (age = 0) => new Date(Date.now() - age * 1000).toUTCString();
const contentMd5 = (body) => Buffer.from(createHash('md5').update(body).digest('hex')).toString('base64');

/** Returns the last line: the path, and the decoded parameters of the query and the form. */
function pathAndParameters(target, form = '') {
  const { pathname, searchParams } = new URL(target, 'http://localhost');
  const parameters = [...searchParams, ...new URLSearchParams(form)].sort(([one], [other]) => (one < other ? -1 : 1));
  const texts = parameters.map(([name, value]) => (value ? `${name}=${value}` : name));
  return texts.length ? `${pathname}?${texts.join('&')}` : pathname;
}

function authorization({ method, target, headers, form, hash = 'sha1', id = keyId, secret = secretKey }) {
  const names = ['source', 'x-date'].filter((name) => name in headers);
  const others = ['accept', 'content-type', 'content-md5'].map((name) => headers[name] ?? '');
  const lines = [...names.map((name) => `${name}: ${headers[name]}`), method, ...others, pathAndParameters(target, form)];
  const signature = createHmac(hash, secret).update(lines.join('\n')).digest('base64');
  return `hmac id="${id}", algorithm="hmac-${hash}", headers="${names.join(' ')}", signature="${signature}"`;
}

function expect(name, got, wanted) {
  if (got !== wanted) {
    console.error(`not ok node tencent-app ${name}: wanted ${wanted}, got ${got}`);
    process.exit(1);
  }
  console.log(`ok node tencent-app ${name}`);
}

/** Signs a request, and sends it with what is in `altered` instead. */
async function check(name, wanted, signed = {}, altered = {}, change = (text) => text) {
  const headers = { 'x-date': httpDate(), accept: 'application/json', ...signed.headers };
  const request = { base: gateway, method: 'GET', target: '/a?b=2&a=1', ...signed, headers };
  const sent = { ...request, ...altered, headers: { ...headers, ...altered.headers } };
  const text = change(authorization(request));
  if (text) sent.headers.authorization = text;
  // Node sends this one by itself.
  if (signed.ownAccept) delete sent.headers.accept;
  const { method, body } = sent;
  const options = { method, headers: sent.headers, body, signal: AbortSignal.timeout(10_000) };
  const answer = await fetch(sent.base + sent.target, options);
  const { message, key_id: id, signed: names = [] } = await answer.json();
  // What is signed without being listed comes after the listed names.
  const listed = 'source' in headers ? names.slice(0, 2) : names.slice(0, 1);
  expect(name, message ? `${answer.status} ${message}` : `${answer.status} ${id} ${listed.join(' ')}`, wanted);
}

const accepted = `200 ${keyId} x-date`;
const withSource = `200 ${keyId} source x-date`;
const refused = (message) => `401 ${message}`;
const values = new URLSearchParams({ q: 'a b/c', city: '北京', sum: '1+1=2', '你': '' });
const post = (body = BODY) => ({
  method: 'POST',
  body,
  headers: { 'content-type': 'application/json', 'content-md5': contentMd5(body) },
});
const source = { headers: { source: 'billing app' } };

await check('two parameters', accepted);
await check('parameters in another order', accepted, {}, { target: '/a?a=1&b=2' });
await check('an empty parameter', accepted, { target: '/a?b=&a=1' });
await check("the library's own escapes", accepted, { target: `/a?${values}` });
await check('spaces as %20', accepted, { target: `/a?${values}`.replaceAll('+', '%20') });
await check('an escaped path', accepted, { target: '/v1/caf%C3%A9%20b?x=1' });
await check('no parameters', accepted, { target: '/' });
await check("the library's own Accept", accepted, { ownAccept: true, headers: { accept: '*/*' } });
await check('hmac-sha256', accepted, { hash: 'sha256' });
await check('a source', withSource, source);
await check('zone that is not spelled GMT', accepted, { headers: { 'x-date': httpDate().replace('GMT', 'UTC') } });
await check('14 minutes old', accepted, { headers: { 'x-date': httpDate(14 * 60) } });
await check('POST with Content-MD5', accepted, post());
await check('credentials in another order', accepted, {}, {},
  (text) => text.replace(/hmac (id="[^"]*"), (algorithm="[^"]*")/, 'hmac $2, $1'));
await check('a stage before the path', accepted, {}, { base: stage, target: '/release/a?b=2&a=1' });
await check('another stage before the path', refused(UNKNOWN), {}, { base: stage, target: '/test/a?b=2&a=1' });
await check('another parameter', refused(MISMATCH), {}, { target: '/a?b=2&a=2' });
await check('one parameter more', refused(MISMATCH), {}, { target: '/a?b=2&a=1&c' });
await check('a parameter twice', refused(UNKNOWN), {}, { target: '/a?b=2&a=1&a=1' });
await check('another path', refused(MISMATCH), {}, { target: '/b?b=2&a=1' });
await check('another method', refused(MISMATCH), {}, { method: 'DELETE' });
await check('another Accept', refused(MISMATCH), {}, { headers: { accept: 'text/html' } });
await check('another Content-Type', refused(MISMATCH), post(), { headers: { 'content-type': 'text/plain' } });
await check('another Content-MD5', refused(MISMATCH), post(), post('{}'));
await check('another source', refused(MISMATCH), source, { headers: { source: 'other' } });
await check('another date', refused(MISMATCH), {}, { headers: { 'x-date': httpDate(30) } });
await check('16 minutes old', refused(LATE), { headers: { 'x-date': httpDate(16 * 60) } });
await check('altered signature', refused(MISMATCH), {}, {}, (text) => text.replace(/signature="...../, 'signature="AAAAA'));
await check('wrong key', refused(MISMATCH), { secret: `${secretKey}x` });
await check('unknown key id', refused(UNKNOWN), { id: `${keyId}x` });
await check('a parameter of the credentials that is unknown', refused(MALFORMED), {}, {}, (text) => `${text}, opaque="a"`);
await check('unsigned', refused(UNSIGNED), {}, {}, () => '');

/** Computes what the tool signs. */
function ours(name, { method = 'GET', hash = 'sha1', body = '', form, md5, options = [] } = {}) {
  writeFileSync(bodyFile, body);
  const data = body ? ['--data', bodyFile] : [];
  const url = 'https://app.example/v1/items?b=2&a=%20';
  const output = execFileSync(tool,
    ['--scheme', 'tencent-app', '--algorithm', `hmac-${hash}`, ...data, ...options, url], { encoding: 'utf8', timeout: 10_000 });
  const headers = Object.fromEntries(output.trimEnd().split('\n').map((line) => {
    const [, header, value] = /^([^:]*): (.*)$/.exec(line);
    return [header.toLowerCase(), value];
  }));
  const expected = authorization({ method, target: '/v1/items?b=2&a=%20', headers, form, hash });
  expect(`the tool: ${name}`, `${headers['content-md5']} ${headers.authorization}`, `${md5} ${expected}`);
}

const form = new URLSearchParams({ name: 'Jörg K', age: '' }).toString();
ours('GET');
ours('hmac-sha256', { hash: 'sha256' });
ours('a source', { options: ['--source', 'billing app'] });
ours('POST with Content-MD5', {
  method: 'POST', body: BODY, md5: contentMd5(BODY), options: ['--header', 'content-type: application/json'],
});
ours('a form', {
  method: 'POST', body: form, form, options: ['--header', 'content-type: application/x-www-form-urlencoded'],
});
