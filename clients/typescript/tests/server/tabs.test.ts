/** Sessions over several tabs, and sessions that end. */

import { afterAll, beforeAll, expect, test } from "vitest";

import { memoryStore, type Store, type TodoClient } from "../../src/index.js";
import { deviceOf, newEmail, PASSWORD, texts, until } from "../support/account.js";
import { TestServer } from "../support/server.js";

let server: TestServer;
beforeAll(async () => void (server = await TestServer.start()));
afterAll(() => server?.end());

/** Replaces the access token in the store by one that the server refuses. */
async function expire(store: Store): Promise<void> {
  await store.transact([], (_, device) => {
    const { session } = device;
    if (!session?.tokens) return {};
    return {
      device: {
        ...device,
        session: { ...session, tokens: { ...session.tokens, access: "stale" } },
      },
    };
  });
}

/** Counts requests by the end of their path. */
function counting(): { fetch: typeof fetch; count: (path: string) => number } {
  const seen: string[] = [];
  return {
    fetch: (input, init) => {
      seen.push(new URL(input instanceof Request ? input.url : input).pathname);
      return fetch(input, init);
    },
    count: (path) => seen.filter((one) => one.endsWith(path)).length,
  };
}

test("five tabs whose token expired refresh it once, and none is logged out", async () => {
  const store = memoryStore();
  const requests = counting();
  const tab = (): TodoClient => deviceOf(server.url, { store, fetch: requests.fetch });
  const first = tab();
  await first.session.register(newEmail(), PASSWORD);
  await expire(store);
  const tabs = Array.from({ length: 5 }, tab);
  await Promise.all(tabs.map((one) => one.ready));
  await Promise.all(tabs.map((one) => one.session.profile()));
  expect(requests.count("/refresh")).toBe(1);
  for (const one of tabs) expect(one.getSnapshot().session.status).toBe("loggedIn");
});

test("a refresh whose answer was lost is repeated, and logs nobody out", async () => {
  const store = memoryStore();
  let losses = 1;
  const lossy: typeof fetch = async (input, init) => {
    const answer = await fetch(input, init);
    if (String(input).endsWith("/refresh") && losses > 0) {
      losses -= 1;
      throw new TypeError("lost");
    }
    return answer;
  };
  const device = deviceOf(server.url, { store, fetch: lossy });
  await device.session.register(newEmail(), PASSWORD);
  await expire(store);
  const again = deviceOf(server.url, { store, fetch: lossy });
  again.add({ text: "Kept" });
  await expect(again.sync()).rejects.toMatchObject({ name: "NetworkError" });
  expect(again.getSnapshot().session.status).toBe("loggedIn");
  await again.sync();
  expect(again.getSnapshot().sync.settled).toBe(true);
});

test("a device that was ended keeps its edits, and sends them after the next login", async () => {
  const email = newEmail();
  const [a, b] = [deviceOf(server.url), deviceOf(server.url)];
  await a.session.register(email, PASSWORD);
  await b.session.logIn(email, PASSWORD);
  const other = (await a.session.devices()).find((device) => !device.current);
  await a.session.endDevice(other?.id ?? "");
  const written = b.add({ text: "Typed on the ended device" });
  await expect(b.sync()).rejects.toMatchObject({ name: "ApiError", status: 401 });
  expect(b.getSnapshot().session.status).toBe("expired");
  expect(b.getSnapshot().sync.status).toBe("loggedOut");
  expect(texts(b)).toEqual(["Typed on the ended device"]);
  await b.session.logIn(email, PASSWORD);
  await b.sync();
  expect(await written.synced).toBe("synced");
  await a.sync();
  expect(texts(a)).toEqual(["Typed on the ended device"]);
});

test("an account that was deleted elsewhere erases nothing here", async () => {
  const email = newEmail();
  const [a, b] = [deviceOf(server.url), deviceOf(server.url)];
  await a.session.register(email, PASSWORD);
  await b.session.logIn(email, PASSWORD);
  a.add({ text: "Shared" });
  await a.sync();
  await b.sync();
  await a.session.deleteAccount(PASSWORD);
  expect(texts(a)).toEqual([]);
  b.add({ text: "Only here" });
  await expect(b.sync()).rejects.toMatchObject({ status: 401 });
  expect(texts(b).sort()).toEqual(["Only here", "Shared"]);
  expect(b.getSnapshot().session.status).toBe("expired");
});

test("logging out erases the user's todos unless they are kept", async () => {
  const email = newEmail();
  const store = memoryStore();
  const device = deviceOf(server.url, { store });
  await device.session.register(email, PASSWORD);
  device.add({ text: "Mine" });
  await device.sync();
  await device.session.logOut({ keep: true });
  expect(texts(device)).toEqual([]);
  await device.session.logIn(email, PASSWORD);
  expect(texts(device)).toEqual(["Mine"]);
  await device.session.logOut();
  await device.session.logIn(email, PASSWORD);
  expect(texts(device)).toEqual([]);
  await device.sync();
  expect(texts(device)).toEqual(["Mine"]);
});

test("after a log-out in one tab, nothing of the others goes to another user", async () => {
  const store = memoryStore();
  const [a, b] = [deviceOf(server.url, { store }), deviceOf(server.url, { store })];
  await a.session.register(newEmail(), PASSWORD);
  await b.ready;
  await b.sync();
  await a.session.logOut({ keep: true });
  await a.session.register(newEmail(), PASSWORD);
  b.add({ text: "Typed in the other tab" });
  await b.sync().catch(() => undefined);
  await a.sync();
  expect(texts(a)).toEqual([]);
});

test("what another tab made in the moment of a login becomes the user's too", async () => {
  const store = memoryStore();
  const [a, b] = [deviceOf(server.url, { store }), deviceOf(server.url, { store })];
  await Promise.all([a.ready, b.ready]);
  await a.session.register(newEmail(), PASSWORD);
  // This tab does not know of the login yet.
  expect(b.getSnapshot().session.status).toBe("anonymous");
  const written = b.add({ text: "Typed meanwhile" });
  await written.stored;
  await until(() => texts(b).includes("Typed meanwhile"), "the tab shows it again");
  expect(b.getSnapshot().session.status).toBe("loggedIn");
  await b.sync();
  expect(await written.synced).toBe("synced");
  await a.sync();
  expect(texts(a)).toEqual(["Typed meanwhile"]);
});

test("a tab learns that another one sent what it had written", async () => {
  const store = memoryStore();
  const [a, b] = [deviceOf(server.url, { store }), deviceOf(server.url, { store })];
  await a.session.register(newEmail(), PASSWORD);
  await b.sync();
  const written = b.add({ text: "From the other tab" });
  await written.stored;
  await a.sync();
  expect(texts(a)).toEqual(["From the other tab"]);
  await b.sync();
  expect(await written.synced).toBe("synced");
});
