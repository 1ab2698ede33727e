// Signs as the vendor's sample in JavaScript: node old.mjs URL
import { createHmac } from 'node:crypto';

const secretId = process.env.SECRET_ID;
const secretKey = process.env.SECRET_KEY;
const source = 'xxxxxx';
const nowDate = new Date();
const dateTime = nowDate.toGMTString();
const auth = `hmac id="${secretId}", algorithm="hmac-sha1", headers="x-date source", signature="`;
const signStr = `x-date: ${dateTime}\nsource: ${source}`;
const sign = createHmac('sha1', secretKey).update(signStr).digest('base64');
const headers = { Source: source, 'X-Date': dateTime, Authorization: `${auth}${sign}"` };
const answer = await fetch(process.argv[2], { headers, signal: AbortSignal.timeout(10_000) });
console.log(answer.status, await answer.text());
