// An HTTP server on its own port, with faults that a test can switch on by path.

import { createServer } from "node:http";

const faults = {
  // Never answers.
  silent() {},
  // Sends a byte now and then, forever.
  endless(response) {
    response.writeHead(200, { "content-type": "application/json" });
    const timer = setInterval(() => response.write(" "), 200);
    response.on("close", () => clearInterval(timer));
  },
  html: (response) => response.setHeader("content-type", "text/html").end("<!doctype html><h1>It works!</h1>"),
  truncated: (response) => response.setHeader("content-type", "application/json").end('{"access_token": "abc", "id_tok'),
  // Announces more bytes than it sends.
  cut(response) {
    response.writeHead(200, { "content-type": "application/json", "content-length": 1000 });
    response.write('{"access_token": "abc"', () => response.destroy());
  },
  // 64 MiB of white space before the JSON begins.
  async giant(response) {
    const part = Buffer.alloc(1024 * 1024, " ");
    response.writeHead(200, { "content-type": "application/json" });
    for (let n = 0; n < 64 && !response.destroyed; n++) {
      await new Promise((sent) => response.write(part, sent));
    }
    response.end("{}");
  },
  deep: (response) => response.setHeader("content-type", "application/json").end("[".repeat(100_000)),
  binary: (response) => response.setHeader("content-type", "application/json").end(Buffer.from([0, 255, 254, 128])),
  list: (response) => response.setHeader("content-type", "application/json").end("[1, null]"),
  types: (response) =>
    response.setHeader("content-type", "application/json").end('{"access_token": 7, "id_token": {}, "keys": "none"}'),
  empty: (response) => response.end(),
  error: (response) => response.writeHead(500).end("out of order"),
  redirect: (response) => response.writeHead(302, { location: "/elsewhere" }).end(),
  reset: (response) => response.socket.resetAndDestroy(),
};

export class ProviderServer {
  // The number of requests by path.
  requests = {};
  // Everything issued so far.
  codes = [];
  tokens = [];
  // Set by `configure`: `account` logs in (with `sub`), `deny` refuses consent, `faults` by path; each kind of provider adds more.
  behaviour = { faults: {} };
  rotate = () => {};

  static async open() {
    const server = new ProviderServer();
    server.listener = createServer((request, response) => server.answer(request, response));
    await new Promise((listening) => server.listener.listen(0, "127.0.0.1", listening));
    server.url = `http://127.0.0.1:${server.listener.address().port}`;
    return server;
  }

  configure(change) {
    Object.assign(this.behaviour, change);
  }

  close() {
    this.listener.close();
    this.listener.closeAllConnections();
  }

  answer(request, response) {
    const [path] = request.url.split("?");
    this.requests[path] = (this.requests[path] ?? 0) + 1;
    const fault = this.behaviour.faults[path];
    if (fault) return faults[fault](response);
    return this.handle(request, response);
  }
}
