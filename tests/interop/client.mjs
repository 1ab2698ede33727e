#!/usr/bin/env node
// Signs requests with Node's built-in fetch, as the gateway's documentation says, and checks the
// answers.
//
//     HMAC_KEY_ID=… HMAC_SECRET_KEY=… client.mjs http://127.0.0.1:8080
//
// Browsers do not let a script set Date, so a page must sign X-Date. Node's fetch sends Date as it
// is set. It always takes Host from the URL, so a signed host must be the URL's.

import { createHmac } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';

const UNSIGNED = 'HMAC signature cannot be verified, a validate authorization header is required';
const LATE = 'HMAC signature cannot be verified, the x-date header is out of date for HMAC Authentication.';
const UNKNOWN = 'HMAC signature cannot be verified.';
const MISMATCH = 'HMAC signature does not match.';
const SIGNS = 'a b, "c"; d=e/f%20+&<>\'\\';
const BEYOND_ASCII = 'café ✓ 你';

const baseUrl = process.argv[2];
const keyPair = { keyId: process.env.HMAC_KEY_ID, secretKey: process.env.HMAC_SECRET_KEY };
let passed = 0;

const httpDate = (age) => new Date(Date.now() - age * 1000).toUTCString();

/** Returns the value of Authorization. `headers` are signed in their order. */
function authorization(headers, { keyId, secretKey, algorithm, separator }) {
  const signingString = headers.map(([name, value]) => `${name}: ${value}`).join('\n');
  const signature = createHmac(algorithm.replace('hmac-', ''), secretKey).update(signingString, 'utf8').digest('base64');
  const names = headers.map(([name]) => name).join(' ');
  const parameters = { id: keyId, algorithm, headers: names, signature };
  const quoted = Object.entries(parameters).map(([name, value]) => `${name}="${value}"`);
  return `hmac ${quoted.join(separator)}`;
}

/**
 * Returns the headers with one character for each byte, as fetch takes them. The signature is over
 * UTF-8, so UTF-8 must be sent.
 */
const asBytes = (headers) => headers.map(([name, value]) => [name, Buffer.from(value, 'utf8').toString('latin1')]);

/**
 * Sends one request. It must be refused with the text in `refused`, or accepted if there is none.
 */
async function check(what, dateHeader, options = {}) {
  const { source = 'interop', age = 0, further = [], algorithm = 'hmac-sha1', body, signed = true } = options;
  const { keyId, secretKey, sentSource, refused } = { ...keyPair, ...options };
  const { zone = 'GMT', separator = ', ' } = options;
  const name = `${dateHeader} ${what}`;
  const headers = [[dateHeader, httpDate(age).replace('GMT', zone)], ['source', source], ...further];
  const sent = new Headers(asBytes(headers));
  if (signed) sent.set('authorization', authorization(headers, { keyId, secretKey, algorithm, separator }));
  if (sentSource !== undefined) sent.set('source', sentSource);

  const response = await fetch(`${baseUrl}/v1/orders?x=1`, {
    method: body ? 'POST' : 'GET',
    headers: sent,
    body,
    redirect: 'manual',
    signal: AbortSignal.timeout(10_000),
  });
  const text = await response.text();
  let json = text;
  try {
    json = JSON.parse(text);
  } catch {
    // Not JSON: the text is compared and printed as it is.
  }
  const got = [response.status, json];
  const wanted = refused
    ? [401, { message: refused }]
    : [200, { key_id: keyId, signed: headers.map(([header]) => header) }];
  if (!isDeepStrictEqual(got, wanted)) {
    console.error(`not ok node ${name}: wanted ${JSON.stringify(wanted)}, got ${JSON.stringify(got)}`);
    process.exit(1);
  }
  console.log(`ok node ${name}`);
  passed += 1;
}

for (const dateHeader of ['date', 'x-date']) {
  await check('plain source', dateHeader);
  await check('empty source', dateHeader, { source: '' });
  await check('source with signs', dateHeader, { source: SIGNS });
  await check('source beyond ASCII', dateHeader, { source: BEYOND_ASCII });
  await check('hmac-sha256', dateHeader, { algorithm: 'hmac-sha256' });
  await check('POST with a body', dateHeader, { body: '{"hello":"world"}' });
  await check('zone that is not spelled GMT', dateHeader, { zone: 'UTC' });
  await check('two spaces after each comma', dateHeader, { separator: ',  ' });
  await check('wrong key', dateHeader, { secretKey: `${keyPair.secretKey}x`, refused: MISMATCH });
  await check('altered source', dateHeader, { sentSource: 'altered', refused: MISMATCH });
  await check('unknown key id', dateHeader, { keyId: `${keyPair.keyId}x`, refused: UNKNOWN });
  await check('unsigned', dateHeader, { signed: false, refused: UNSIGNED });
}

// The gateway checks the age of X-Date, but not that of Date.
await check('two days old', 'date', { age: 2 * 24 * 3600 });
await check('14 minutes old', 'x-date', { age: 14 * 60 });
await check('16 minutes old', 'x-date', { age: 16 * 60, refused: LATE });
// A proxy may change or drop these.
await check('with a signed host', 'x-date', { further: [['host', new URL(baseUrl).host]] });
await check('with a signed header that has an underscore', 'x-date', { further: [['x_tenant', 'blue']] });
console.log(`node: ${passed} cases`);
