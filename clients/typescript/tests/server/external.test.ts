/** Tokens of another issuer: the application brings them, the client keeps none of them. */

import { createHmac } from "node:crypto";

import { afterAll, beforeAll, expect, test } from "vitest";

import { memoryStore } from "../../src/index.js";
import { deviceOf, texts } from "../support/account.js";
import { TestServer } from "../support/server.js";

const SECRET = "a-secret-of-the-app-that-has-more-than-32-bytes";

let server: TestServer;
beforeAll(async () => void (server = await TestServer.start({ BETTER_AUTH_SECRET: SECRET })));
afterAll(() => server.end());

let made = 0;

/** A token as an app signs it, valid for a while from now. */
function tokenOf(sub: string, seconds = 3_600): string {
  const encode = (value: object): string =>
    Buffer.from(JSON.stringify(value)).toString("base64url");
  const now = Math.floor(Date.now() / 1000);
  const claims = { sub, iat: now - 7_200, exp: now + seconds, jti: String((made += 1)) };
  const content = `${encode({ alg: "HS256", typ: "JWT" })}.${encode(claims)}`;
  return `${content}.${createHmac("sha256", SECRET).update(content).digest("base64url")}`;
}

test("a user of another issuer syncs on two devices, and gives expired tokens anew", async () => {
  const [a, b] = [deviceOf(server.url), deviceOf(server.url)];
  a.add({ text: "Before the login" });
  let asked = 0;
  // The second one has expired: the server refuses it, and the client asks for another.
  await a.session.useExternalToken(async () => tokenOf("alice", (asked += 1) === 2 ? -600 : 3_600));
  expect(a.getSnapshot().session.status).toBe("loggedIn");
  await a.sync();
  expect(asked).toBe(3);
  await b.session.useExternalToken(async () => tokenOf("alice"));
  await b.sync();
  expect(texts(b)).toEqual(["Before the login"]);
  expect(b.getSnapshot().sync).toMatchObject({ settled: true, verified: true });
});

test("without a token, the user of the last page goes on offline", async () => {
  const store = memoryStore();
  const before = deviceOf(server.url, { store });
  await before.session.useExternalToken(async () => tokenOf("bob"));
  before.add({ text: "Synced" });
  await before.sync();
  await before.close();

  // A page load without a network: no request is answered.
  let isOnline = false;
  const fetcher: typeof fetch = async (...request) => {
    if (!isOnline) throw new TypeError("Failed to fetch");
    return fetch(...request);
  };
  const after = deviceOf(server.url, { store, fetch: fetcher });
  await after.session.useExternalToken(async () => tokenOf("bob"));
  const { stored } = after.add({ text: "Offline" });
  await stored;
  expect(texts(after)).toEqual(["Synced", "Offline"]);
  await expect(after.sync()).rejects.toMatchObject({ name: "NetworkError" });
  isOnline = true;
  await after.sync();
  expect(after.getSnapshot().sync).toMatchObject({ settled: true, verified: true });
});

test("a token that the server refuses logs nobody in, and erases nothing", async () => {
  const device = deviceOf(server.url);
  device.add({ text: "Mine" });
  await expect(
    device.session.useExternalToken(async () => `${tokenOf("carol")}x`),
  ).rejects.toMatchObject({ name: "ApiError", status: 401 });
  expect(device.getSnapshot().session.status).toBe("anonymous");
  expect(texts(device)).toEqual(["Mine"]);
});
