#!/usr/bin/env node
// Sends large unsigned uploads with Node's built-in clients. Each must get the refusal, not a
// connection error.
//
//     uploads.mjs http://127.0.0.1:8080/api/v1/orders

import { request } from 'node:http';

const UNSIGNED = '{"message":"HMAC signature cannot be verified, a validate authorization header is required"}';
const TRIES = 10;

const url = process.argv[2];

async function withFetch(body) {
  const answer = await fetch(url, { method: 'POST', body, signal: AbortSignal.timeout(60_000) });
  return [answer.status, await answer.text()];
}

async function streamed(body) {
  const stream = new ReadableStream({
    start(controller) {
      for (let start = 0; start < body.length; start += 65_536) controller.enqueue(body.subarray(start, start + 65_536));
      controller.close();
    },
  });
  const options = { method: 'POST', body: stream, duplex: 'half', signal: AbortSignal.timeout(60_000) };
  const answer = await fetch(url, options);
  return [answer.status, await answer.text()];
}

const withHttp = (body) =>
  new Promise((resolve, reject) => {
    const post = request(url, { method: 'POST', timeout: 60_000 }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (data) => (text += data));
      answer.on('end', () => resolve([answer.statusCode, text])).on('error', reject);
    });
    post.on('error', reject).on('timeout', () => post.destroy(new Error('no answer within 60 s')));
    post.end(body);
  });

for (const megabytes of [5, 20]) {
  const body = new Uint8Array(megabytes * 1_000_000).fill(97);
  for (const [name, send] of [['fetch', withFetch], ['fetch of a stream', streamed], ['http.request', withHttp]]) {
    for (let number = 1; number <= TRIES; number += 1) {
      const what = `node ${name}, ${megabytes} MB, try ${number}`;
      let answer;
      try {
        answer = await send(body);
      } catch (error) {
        console.log(`FAIL ${what}: ${error} ${error.cause ?? ''}`);
        process.exit(1);
      }
      if (answer[0] !== 401 || answer[1] !== UNSIGNED) {
        console.log(`FAIL ${what}: ${answer}`);
        process.exit(1);
      }
    }
    console.log(`ok node ${name}, ${megabytes} MB: 401 in ${TRIES} of ${TRIES} tries`);
  }
}
