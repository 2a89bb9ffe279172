/** The socket, wake-ups and waits of clients that sync by themselves. */

import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";

import { createTodoClient, memoryStore, type TodoClient } from "../../src/index.js";
import { newEmail, PASSWORD, texts, until } from "../support/account.js";
import { TestServer } from "../support/server.js";

let server: TestServer;
const clients: TodoClient[] = [];
beforeAll(async () => void (server = await TestServer.start()));
afterAll(async () => {
  for (const client of clients) await client.close();
  await server?.end();
});

/** How many sockets were tried. */
let tries = 0;

class CountedSocket extends WebSocket {
  constructor(url: URL, protocols: string[]) {
    super(url, protocols);
    tries += 1;
  }
}

function automatic(): TodoClient {
  const Socket = CountedSocket as unknown as typeof globalThis.WebSocket;
  const client = createTodoClient({
    baseUrl: server.url,
    store: memoryStore(),
    WebSocket: Socket,
    pollSeconds: 3_600,
  });
  clients.push(client);
  return client;
}

test("another device shows a change unasked, also after the server restarted", async () => {
  const email = newEmail();
  const [a, b] = [automatic(), automatic()];
  await a.session.register(email, PASSWORD);
  await b.session.logIn(email, PASSWORD);
  await until(
    () => a.getSnapshot().sync.live && b.getSnapshot().sync.live,
    "both sockets are open",
  );
  a.add({ text: "Live" });
  await until(() => texts(b).includes("Live"), "the other device shows it");
  await server.down("SIGTERM");
  const offline = b.add({ text: "Made while the server was away" });
  await until(() => b.getSnapshot().sync.status === "waiting", "the device waits");
  expect(b.getSnapshot().sync).toMatchObject({
    settled: false,
    pending: 1,
    problem: { code: "NETWORK" },
  });
  const before = tries;
  await until(() => tries > before + 2, "sockets are tried in vain");
  await server.up();
  expect(await offline.synced).toBe("synced");
  await until(() => texts(a).length === 2, "the first device shows it");
  await until(
    () => a.getSnapshot().sync.settled && b.getSnapshot().sync.settled,
    "both are settled",
  );
});
