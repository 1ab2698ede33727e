// Tests draft-cavage with npm's `http-signature`: what it signs goes to the example gateway, and
// what the example sign signs goes to a server that verifies with it.
//
//     HMAC_KEY_ID=… HMAC_SECRET_KEY=… \
//         node cavage.mjs http://127.0.0.1:8080 target/debug/examples/sign NODE_MODULES BODY

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import http from "node:http";
import { createRequire } from "node:module";

const [gateway, tool, modules, body] = process.argv.slice(2);
const httpSignature = createRequire(modules + "/")("http-signature");
const { HMAC_KEY_ID: keyId, HMAC_SECRET_KEY: key } = process.env;
const DATA = '{"hello":"world"}';
const DIGEST = "SHA-256=" + createHash("sha256").update(DATA).digest("base64");
writeFileSync(body, DATA);

function ask(base, { method = "GET", path = "/a", headers = {}, data, sign }) {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(base);
    const request = http.request({ hostname, port, method, path, headers, timeout: 10_000, agent: false });
    sign?.(request);
    request.on("timeout", () => request.destroy(new Error("no answer within 10 s")));
    request.on("error", reject);
    request.on("response", (response) => {
      let text = "";
      response.on("data", (chunk) => (text += chunk));
      response.on("end", () => resolve({ status: response.statusCode, text }));
    });
    request.end(data);
  });
}

function expect(name, got, wanted) {
  if (got !== wanted) {
    console.error(`not ok node ${name}: wanted ${wanted}, got ${got}`);
    process.exit(1);
  }
  console.log(`ok node ${name}`);
}

// The library signs, the gateway verifies.
const names = ["(request-target)", "host", "date"];
const signWith = (options) => (request) =>
  httpSignature.sign(request, { keyId, key, algorithm: "hmac-sha256", headers: names, ...options });
const theirs = {
  "signs GET, sha256": [200, { path: "/v1/a%20b?x=1&y=%E4%BD%A0", sign: signWith({}) }],
  "signs GET, sha512": [200, { path: "/a?", sign: signWith({ algorithm: "hmac-sha512" }) }],
  "signs the date alone": [200, { sign: signWith({ headers: undefined }) }],
  "signs further headers": [
    200,
    { headers: { "x-multi": "a, b" }, sign: signWith({ headers: [...names, "x-multi"] }) },
  ],
  "signs POST with a digest": [
    200,
    { method: "POST", data: DATA, headers: { digest: DIGEST }, sign: signWith({ headers: [...names, "digest"] }) },
  ],
  "signs GET, with a parameter `opaque`": [200, { sign: signWith({ opaque: "a, b" }) }],
  "signs with another key": [401, { sign: signWith({ key: key + "x" }) }],
  "signs another target": [
    401,
    {
      sign: (request) => {
        signWith({})(request);
        request.path = "/b";
      },
    },
  ],
};
for (const [name, [status, options]] of Object.entries(theirs)) {
  expect(name, (await ask(gateway, options)).status, status);
}

// The tool signs, the library verifies.
const server = http.createServer((request, response) => {
  let status = 401;
  try {
    const parsed = httpSignature.parseRequest(request, { headers: names });
    if (parsed.keyId === keyId && httpSignature.verifyHMAC(parsed, key)) status = 200;
  } catch (error) {
    status = error.name === "ExpiredRequestError" ? 408 : 400;
  }
  response.writeHead(status).end();
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const base = `http://127.0.0.1:${server.address().port}`;

function signed(path, ...options) {
  const lines = execFileSync(tool, ["--scheme", "cavage", ...options, base + path], { encoding: "utf8" });
  return Object.fromEntries(
    lines.trimEnd().split("\n").map((line) => [line.slice(0, line.indexOf(": ")), line.slice(line.indexOf(": ") + 2)]),
  );
}

const ours = {
  "verifies GET, sha256": [200, "/v1/a%20b?x=1&y=%E4%BD%A0", []],
  "verifies GET, sha512": [200, "/?q", ["--algorithm", "hmac-sha512"]],
  "verifies a source and further headers": [
    200,
    "/a",
    ["--source", "billing", "--header", "X-Multi: a, b", "--sign", "x-multi"],
  ],
  "verifies POST with a digest": [200, "/items", ["--data", body], { method: "POST", data: DATA }],
  "finds another target": [401, "/a", [], { path: "/b" }],
  "finds an old date": [408, "/a", ["--date", "Fri, 09 Oct 2015 00:00:00 GMT"]],
};
for (const [name, [status, path, options, changed]] of Object.entries(ours)) {
  const headers = signed(path, ...options);
  expect(name, (await ask(base, { path, headers, ...changed })).status, status);
}
server.close();
