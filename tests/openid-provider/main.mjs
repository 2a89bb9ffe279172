// OAuth providers for the tests. Prints the address of a control endpoint:
//   POST /            {"kind", …}: starts a provider (see openid.mjs and github.mjs); returns {"id", "url"}
//   POST /ID          {…}: changes its behaviour
//   POST /ID/rotate   replaces its signing key; the old one is no longer published
//   POST /ID/close    closes its port
//   GET  /ID          {"requests": {path: count}, "codes": [all issued codes], "tokens": [all issued tokens]}
// Exits when standard input closes, so it never outlives the tests.

import { createServer } from "node:http";
import { json } from "node:stream/consumers";
import { github } from "./github.mjs";
import { openid } from "./openid.mjs";
import { ProviderServer } from "./server.mjs";

const kinds = { openid, github };
const servers = [];

async function open({ kind, ...settings }) {
  const server = await ProviderServer.open();
  await kinds[kind](server, settings);
  servers.push(server);
  return { id: servers.length - 1, url: server.url };
}

async function serve(request) {
  const [id, action] = request.url.split("/").slice(1);
  if (id === "") return open(await json(request));
  const server = servers[id];
  if (request.method === "GET") return { requests: server.requests, codes: server.codes, tokens: server.tokens };
  if (action === "rotate") return server.rotate();
  if (action === "close") return server.close();
  return server.configure(await json(request));
}

const control = createServer(async (request, response) => {
  try {
    response.end(JSON.stringify((await serve(request)) ?? {}));
  } catch (error) {
    response.writeHead(500).end(String(error.stack));
  }
});

process.stdin.resume().on("end", () => process.exit());
control.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${control.address().port}`));
