// Signs for Tencent Cloud Market with Node's fetch, as the market's samples do, and checks the
// answers.
//
//     HMAC_KEY_ID=… HMAC_SECRET_KEY=… node client.mjs http://127.0.0.1:8080

import { createHmac, randomUUID } from 'node:crypto';

const baseUrl = process.argv[2];
const { HMAC_KEY_ID: keyId, HMAC_SECRET_KEY: secretKey } = process.env;

const signature = (date, secret = secretKey) => createHmac('sha1', secret).update(`x-date: ${date}`).digest('base64');
const httpDate = (age = 0) => new Date(Date.now() - age * 1000).toUTCString();

/** Returns a date, some seconds old, whose signature has a slash. */
function dateWithSlash() {
  for (let age = 0; age < 600; age += 1) {
    if (signature(httpDate(age)).includes('/')) return httpDate(age);
  }
  throw new Error('no signature has a slash');
}

const sample = ({ id, 'x-date': date, signature }) => `{"id":"${id}", "x-date":"${date}", "signature":"${signature}"}`;
// JSON.stringify writes no spaces.
const spaced = (members) => JSON.stringify(members, null, 1).replace(/\n\s*/g, ' ');

async function check(name, status = 200, options = {}) {
  const { spelling = JSON.stringify, date = httpDate(), signedDate = date, id = keyId, secret = secretKey } = options;
  const headers = { ...options.further?.(date) };
  if (options.signed ?? true) {
    headers.authorization = spelling({ id, 'x-date': date, signature: signature(signedDate, secret) });
  }
  const method = options.body ? 'POST' : 'GET';
  const answer = await fetch(`${baseUrl}/service-1/a?x=1`,
    { method, headers, body: options.body, signal: AbortSignal.timeout(10_000) });
  const text = await answer.text();
  const wanted = JSON.stringify({ key_id: id, signed: ['x-date'] });
  if (answer.status !== status || (status === 200 && text !== wanted)) {
    console.error(`not ok node tencent-market ${name}: wanted ${status}, got ${answer.status} ${text}`);
    process.exit(1);
  }
  console.log(`ok node tencent-market ${name}`);
}

await check("the language's own JSON");
await check("the sample's spelling", 200, { spelling: sample });
await check('compact', 200, { spelling: (members) => JSON.stringify(members) });
await check('members in another order', 200, {
  spelling: ({ id, 'x-date': date, signature }) => JSON.stringify({ id, signature, 'x-date': date }),
});
await check('a space before each comma', 200, { spelling: (members) => spaced(members).replaceAll('",', '" ,') });
await check('a slash in the signature', 200, { date: dateWithSlash() });
await check('a slash that is escaped', 200, {
  date: dateWithSlash(),
  spelling: (members) => JSON.stringify(members).replaceAll('/', '\\/'),
});
await check('X-Date and request-id beside it', 200, {
  further: (date) => ({ 'x-date': date, 'request-id': randomUUID() }),
});
await check('POST with a body', 200, { body: '{"hello":"world"}' });
await check('14 minutes old', 200, { date: httpDate(14 * 60) });
await check('16 minutes old', 403, { date: httpDate(16 * 60) });
await check('altered date', 401, { signedDate: httpDate(30) });
await check('wrong key', 401, { secret: `${secretKey}x` });
await check('unknown key id', 401, { id: `${keyId}x` });
await check('unsigned', 401, { signed: false });
await check('a member that is no part of it', 401, {
  spelling: (members) => JSON.stringify({ ...members, algorithm: 'none' }),
});
