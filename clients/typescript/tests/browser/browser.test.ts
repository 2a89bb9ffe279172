/** The client in Chromium: contexts, tabs, frozen and closed tabs, plain http, refused storage. */

import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";

import { newEmail, PASSWORD } from "../support/account.js";
import {
  kill,
  limitStorage,
  type PageWindow,
  setFrozen,
  Site,
  startChromium,
} from "../support/browser.js";
import { TestServer } from "../support/server.js";

let server: TestServer;
let site: Site;
let browser: Browser;
beforeAll(async () => {
  server = await TestServer.start();
  site = await Site.start(server.url);
  browser = await startChromium();
});
afterAll(async () => {
  await browser?.close();
  await site?.end();
  await server?.end();
});

const register = (page: Page, email: string): Promise<void> =>
  page.evaluate(
    ([address, password]) =>
      (window as unknown as PageWindow).client.session.register(
        address as string,
        password as string,
      ),
    [email, PASSWORD],
  );
const logIn = (page: Page, email: string): Promise<void> =>
  page.evaluate(
    ([address, password]) =>
      (window as unknown as PageWindow).client.session.logIn(address as string, password as string),
    [email, PASSWORD],
  );
const add = (page: Page, text: string): Promise<void> =>
  page.evaluate(
    (value) => (window as unknown as PageWindow).client.add({ text: value }).stored,
    text,
  );
const texts = (page: Page): Promise<string[]> =>
  page.evaluate(() =>
    (window as unknown as PageWindow).client.getSnapshot().todos.map((todo) => todo.text),
  );
const shows = async (page: Page, ...expected: string[]): Promise<void> => {
  await page.waitForFunction(
    (wanted) =>
      (wanted as string[]).every((text) =>
        (window as unknown as PageWindow).client
          .getSnapshot()
          .todos.some((todo) => todo.text === text),
      ),
    expected,
    { timeout: 200_000 },
  );
};

test("two contexts show each other's todos, and offline ones survive a reload", async () => {
  const email = newEmail();
  const [one, two] = [await browser.newContext(), await browser.newContext()];
  const [a, b] = [await site.open(one), await site.open(two)];
  await add(a, "Before the account");
  await register(a, email);
  await logIn(b, email);
  await shows(b, "Before the account");
  await one.setOffline(true);
  await add(a, "Offline");
  await a.close();
  await one.setOffline(false);
  const again = await site.open(one);
  await shows(again, "Before the account", "Offline");
  await shows(b, "Offline");
  await Promise.all([one.close(), two.close()]);
});

test("five tabs, of which one is frozen, one closed and one killed, lose nothing", async () => {
  const context = await browser.newContext();
  const pages = [await site.open(context)];
  await register(pages[0] as Page, newEmail());
  for (let n = 1; n < 5; n += 1) pages.push(await site.open(context));
  await Promise.all(pages.map((page, n) => add(page, `From tab ${n}`)));
  const [first, second, third, ...rest] = pages as [Page, Page, Page, ...Page[]];
  await first.evaluate(() => void (window as unknown as PageWindow).client.sync());
  await setFrozen(first, true);
  await second.evaluate(() => void (window as unknown as PageWindow).client.sync());
  await second.close();
  await third.evaluate(() => void (window as unknown as PageWindow).client.sync());
  await kill(third);
  const [fourth] = rest as [Page];
  await add(fourth, "Later");
  for (const page of rest) await shows(page, "From tab 0", "From tab 1", "From tab 2", "Later");
  await fourth.waitForFunction(
    () => (window as unknown as PageWindow).client.getSnapshot().sync.settled,
    null,
    { timeout: 200_000 },
  );
  await setFrozen(first, false);
  await shows(first, "Later");
  expect((await texts(fourth)).length).toBe(6);
  await context.close();
});

test("over plain http, without Web Locks, tabs sync all the same", async () => {
  const context = await browser.newContext();
  const [a, b] = [await site.open(context, "plain.test"), await site.open(context, "plain.test")];
  expect(await a.evaluate(() => [isSecureContext, "locks" in navigator])).toEqual([false, false]);
  await register(a, newEmail());
  await Promise.all([add(a, "From a"), add(b, "From b")]);
  await Promise.all([shows(a, "From a", "From b"), shows(b, "From a", "From b")]);
  await a.waitForFunction(
    () => (window as unknown as PageWindow).client.getSnapshot().sync.settled,
    null,
    { timeout: 200_000 },
  );
  await context.close();
});

test("a page whose storage is refused works, and says that it keeps nothing", async () => {
  const context = await browser.newContext();
  await context.addInitScript(() => {
    IDBFactory.prototype.open = () => {
      throw new DOMException("refused", "SecurityError");
    };
  });
  const page = await site.open(context);
  await add(page, "Only in memory");
  const storage = await page.evaluate(
    () => (window as unknown as PageWindow).client.getSnapshot().storage,
  );
  expect(storage.kind).toBe("memory");
  expect(storage.problem).toContain("lost when this page closes");
  await context.close();
});

test("a page whose storage is full says so, and keeps what was stored", async () => {
  const context = await browser.newContext();
  // Chromium remembers for a while how much room there was.
  const first = await context.newPage();
  await first.goto(site.url());
  await limitStorage(first, 500_000);
  const page = await site.open(context);
  await add(page, "Stored before");
  const refused = await page.evaluate(async () => {
    const { client } = window as unknown as PageWindow;
    const todos = Array.from({ length: 200 }, (_, n) => ({
      text: `Typed while full ${n}`,
      description: "x".repeat(10_000),
    }));
    const written = client.addMany(todos);
    return written.at(-1)?.stored.then(
      () => "stored",
      (error: Error) => error.name,
    );
  });
  expect(refused).toBe("StorageError");
  const { problem } = await page.evaluate(
    () => (window as unknown as PageWindow).client.getSnapshot().storage,
  );
  expect(problem).toContain("lost when this page closes");
  expect((await texts(page)).length).toBe(201);
  await limitStorage(first, null);
  await add(page, "There is room again");
  const again = await site.open(context);
  await shows(again, "Stored before", "Typed while full 199", "There is room again");
  await context.close();
});

test("a private window keeps todos until it is closed, and the account's come back", async () => {
  // Playwright's contexts are Chromium's private windows: each has a profile that ends with it.
  const email = newEmail();
  const first = await browser.newContext();
  const page = await site.open(first);
  await register(page, email);
  await add(page, "Synced");
  await page.evaluate(() => (window as unknown as PageWindow).client.sync());
  const again = await site.open(first);
  await shows(again, "Synced");
  const { kind, persisted } = await again.evaluate(
    () => (window as unknown as PageWindow).client.getSnapshot().storage,
  );
  expect([kind, persisted]).toEqual(["indexeddb", false]);
  await first.close();

  const second = await browser.newContext();
  const fresh = await site.open(second);
  expect(await texts(fresh)).toEqual([]);
  expect(
    await fresh.evaluate(
      () => (window as unknown as PageWindow).client.getSnapshot().session.status,
    ),
  ).toBe("anonymous");
  await logIn(fresh, email);
  await shows(fresh, "Synced");
  await second.close();
});

test("an edit outlives a page that is left in the same moment", async () => {
  const context = await browser.newContext();
  const page = await site.open(context);
  await add(page, "Stored before");
  const leave = page.evaluate(async () => {
    const { client } = window as unknown as PageWindow;
    // The store gets to the edits after a write under way, for which the page does not wait.
    const opening = indexedDB.open(`todo-sync:${location.origin}`);
    await new Promise((done) => (opening.onsuccess = done));
    const lists = opening.result
      .transaction(["entries", "lists", "device"], "readwrite")
      .objectStore("lists");
    const goOn = (): void => void (lists.get("anybody").onsuccess = goOn);
    goOn();
    const [todo] = client.getSnapshot().todos;
    client.edit(todo?.id ?? "", { text: "Edited at the last moment" });
    client.add({ text: "Added at the last moment" });
    location.href = "about:blank";
  });
  // The page may be gone before it answers.
  await leave.catch(() => undefined);
  await page.waitForURL("about:blank");
  const again = await site.open(context);
  await shows(again, "Edited at the last moment", "Added at the last moment");
  await again.waitForFunction(() => Object.keys(localStorage).length === 0);
  const third = await site.open(context);
  expect((await texts(third)).sort()).toEqual([
    "Added at the last moment",
    "Edited at the last moment",
  ]);
  await context.close();
});
