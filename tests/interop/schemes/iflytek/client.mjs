// Signs for iFlytek, as the platform's documentation says, and checks the answers: WebSocket
// handshakes with npm's `ws`, other requests with Node's http.
//
//     HMAC_KEY_ID=… HMAC_SECRET_KEY=… node client.mjs GATEWAY WEBSOCKET NODE_MODULES
//
// GATEWAY and WEBSOCKET are host:port of the examples gateway and websocket.

import { createHash, createHmac } from 'node:crypto';
import http from 'node:http';
import { createRequire } from 'node:module';

const [gateway, sockets, modules] = process.argv.slice(2);
const { WebSocket } = createRequire(`${modules}/`)('ws');
const { HMAC_KEY_ID: keyId, HMAC_SECRET_KEY: secretKey } = process.env;

const BODY = '{"common":{"app_id":"00000000"}}';
const UNKNOWN = 'HMAC signature cannot be verified';
const MISMATCH = 'HMAC signature does not match';
const LATE = 'HMAC signature cannot be verified, a valid date or x-date header is required for HMAC Authentication';

const httpDate = (age = 0) => new Date(Date.now() - age * 1000).toUTCString();
const utcDate = () => httpDate().replace('GMT', 'UTC');
const digestOf = (body) => `SHA-256=${createHash('sha256').update(body).digest('base64')}`;

/** Returns the text that is the value of Authorization, or whose base64 is in the query. */
function inner(method, host, path, date, options = {}) {
  const { separator = ', ', label = 'api_key', id = keyId, secret = secretKey, digest } = options;
  const lines = [`host: ${host}`, `date: ${date}`, `${method} ${path} HTTP/1.1`, ...(digest ? [`digest: ${digest}`] : [])];
  const signature = createHmac('sha256', secret).update(lines.join('\n')).digest('base64');
  const names = `host date request-line${digest ? ' digest' : ''}`;
  return [`${label}="${id}"`, 'algorithm="hmac-sha256"', `headers="${names}"`, `signature="${signature}"`].join(separator);
}

function expect(name, got, wanted) {
  if (JSON.stringify(got) !== JSON.stringify(wanted)) {
    console.error(`not ok node iflytek ${name}: wanted ${JSON.stringify(wanted)}, got ${JSON.stringify(got)}`);
    process.exit(1);
  }
  console.log(`ok node iflytek ${name}`);
}

const percent = (parameters) => parameters.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&');
const plus = (parameters) => new URLSearchParams(parameters).toString();
// As the platform's sample for browsers: the URL parser escapes spaces only.
const bare = (parameters) => parameters.map(([name, value]) => `${name}=${value}`).join('&');

function query(host, path, options = {}) {
  const { encode = percent, date = httpDate(), sentDate = date, order = (parameters) => parameters } = options;
  const authorization = Buffer.from(inner('GET', host, path, date, options)).toString('base64');
  return encode(order([['authorization', authorization], ['date', sentDate], ['host', host]]));
}

/** Opens a WebSocket, and sends a message that comes back. */
function connect(url) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, { handshakeTimeout: 10_000 });
    const timer = setTimeout(() => reject(new Error('no answer within 10 s')), 10_000);
    socket.on('open', () => socket.send('echo'));
    socket.on('message', (data) => {
      clearTimeout(timer);
      socket.close();
      resolve(data.toString());
    });
    socket.on('unexpected-response', (request, response) => {
      clearTimeout(timer);
      const connection = response.socket;
      let text = '';
      response.setEncoding('utf8').on('data', (data) => (text += data));
      response.on('end', () => {
        // Otherwise it stays open, and the process with it.
        connection.destroy();
        resolve([response.statusCode, JSON.parse(text).message]);
      });
    });
    socket.on('error', reject);
  });
}

async function handshake(name, wanted = 'echo', options = {}) {
  const { signedPath = '/v2/iat', further = '' } = options;
  expect(`query: ${name}`, await connect(`ws://${sockets}/v2/iat?${query(sockets, signedPath, options)}${further}`), wanted);
}

await handshake('percent-encoded');
await handshake('plus signs for spaces', 'echo', { encode: plus });
await handshake('date, host, authorization', 'echo', { order: ([first, ...rest]) => [...rest, first] });
await handshake('only spaces escaped', 'echo', { encode: bare });
await handshake('commas without spaces', 'echo', { separator: ',' });
await handshake('parameters of the application', 'echo', { further: '&appid=1&lang=%E4%B8%AD' });
await handshake('hmac username, date in UTC', 'echo', { label: 'hmac username', date: utcDate() });
await handshake('4 minutes old', 'echo', { date: httpDate(240) });
await handshake('6 minutes old', [403, LATE], { date: httpDate(360) });
await handshake('altered date', [401, MISMATCH], { sentDate: httpDate(-10) });
await handshake('another path', [401, MISMATCH], { signedPath: '/v2/tts' });
await handshake('wrong key', [401, MISMATCH], { secret: `${secretKey}x` });
await handshake('unknown key id', [401, UNKNOWN], { id: `${keyId}x` });

function ask(method, url, headers = {}, body = undefined) {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method, headers, agent: false, timeout: 10_000 }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (data) => (text += data));
      response.on('end', () => resolve([response.statusCode, response.statusCode === 200 ? text : JSON.parse(text).message]));
    });
    request.on('timeout', () => request.destroy(new Error('no answer within 10 s'))).on('error', reject);
    request.end(body);
  });
}

async function send(name, method, host, path, wanted, options = {}) {
  const { date = httpDate(), digest, sentDigest = digest, body } = options;
  const headers = { date, authorization: inner(method, host, path, date, options) };
  if (digest) headers.digest = sentDigest;
  expect(`header: ${name}`, await ask(method, `http://${host}${path}?x=1`, headers, body), wanted);
}

const described = [200, JSON.stringify({ key_id: keyId, signed: ['host', 'date', 'request-line'] })];
expect('query: GET', await ask('GET', `http://${gateway}/v1/a?${query(gateway, '/v1/a')}`), described);
await send('GET', 'GET', gateway, '/v1/a', described);
await send('hmac username, date in UTC', 'GET', gateway, '/v1/a', described, { label: 'hmac username', date: utcDate() });
const post = { body: BODY, digest: digestOf(BODY) };
await send('POST with a digest', 'POST', sockets, '/v2/itr', [200, `${BODY.length} bytes`], post);
await send('POST with an altered digest', 'POST', sockets, '/v2/itr', [401, MISMATCH], { ...post, sentDigest: digestOf('') });
await send('POST without a digest', 'POST', sockets, '/v2/itr', [401, UNKNOWN], { body: BODY });
