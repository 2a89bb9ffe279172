// OAuth providers for the suite. It prints the address of a desk, where each test orders providers of its own:
//   POST /            {"kind", …}: opens one (see openid.mjs and github.mjs) and answers {"id", "url"}
//   POST /ID          {…}: from now on it behaves so
//   POST /ID/rotate   it signs with a new key and publishes no other
//   POST /ID/close    nobody listens there any more
//   GET  /ID          {"requests": {path: how often}, "codes": [all it gave out], "tokens": [all it gave out]}
// It ends when its standard input does, so that it never outlives the tests.

import { createServer } from "node:http";
import { json } from "node:stream/consumers";
import { github } from "./github.mjs";
import { openid } from "./openid.mjs";
import { Place } from "./place.mjs";

const kinds = { openid, github };
const places = [];

async function open({ kind, ...settings }) {
  const place = await Place.open();
  await kinds[kind](place, settings);
  places.push(place);
  return { id: places.length - 1, url: place.url };
}

async function serve(request) {
  const [id, action] = request.url.split("/").slice(1);
  if (id === "") return open(await json(request));
  const place = places[id];
  if (request.method === "GET") return { requests: place.requests, codes: place.codes, tokens: place.tokens };
  if (action === "rotate") return place.rotate();
  if (action === "close") return place.close();
  return place.behave(await json(request));
}

const desk = createServer(async (request, response) => {
  try {
    response.end(JSON.stringify((await serve(request)) ?? {}));
  } catch (error) {
    response.writeHead(500).end(String(error.stack));
  }
});

process.stdin.resume().on("end", () => process.exit());
desk.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${desk.address().port}`));
