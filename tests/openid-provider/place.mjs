// A port of its own on which a provider answers, or misbehaves.

import { createServer } from "node:http";

const faults = {
  // Says nothing at all.
  silent() {},
  // Says something every now and then, and never comes to an end.
  endless(response) {
    response.writeHead(200, { "content-type": "application/json" });
    const timer = setInterval(() => response.write(" "), 200);
    response.on("close", () => clearInterval(timer));
  },
  html: (response) => response.setHeader("content-type", "text/html").end("<!doctype html><h1>It works!</h1>"),
  truncated: (response) => response.setHeader("content-type", "application/json").end('{"access_token": "abc", "id_tok'),
  // Announces more than it sends.
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

export class Place {
  // By path, how often it was asked for.
  requests = {};
  // What it gave out.
  codes = [];
  tokens = [];
  // What `behave` was told: `account` logs in (with `sub`), `deny` refuses consent, `faults` by path; each kind knows more.
  behaviour = { faults: {} };
  rotate = () => {};

  static async open() {
    const place = new Place();
    place.server = createServer((request, response) => place.answer(request, response));
    await new Promise((listening) => place.server.listen(0, "127.0.0.1", listening));
    place.url = `http://127.0.0.1:${place.server.address().port}`;
    return place;
  }

  behave(change) {
    Object.assign(this.behaviour, change);
  }

  close() {
    this.server.close();
    this.server.closeAllConnections();
  }

  answer(request, response) {
    const [path] = request.url.split("?");
    this.requests[path] = (this.requests[path] ?? 0) + 1;
    const fault = this.behaviour.faults[path];
    if (fault) return faults[fault](response);
    return this.handle(request, response);
  }
}
