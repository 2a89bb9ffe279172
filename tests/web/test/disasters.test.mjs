// What happens to an open page: the server restarts or is restored, tabs freeze and die, the clock is wrong.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  BASE,
  add,
  ask,
  device,
  edit,
  installed,
  logIn,
  onServer,
  pair,
  register,
  row,
  settled,
  shows,
  stored,
  typed,
  verified,
  watch,
} from "../src/app.mjs";

test("the server restarts under open pages, and what was done meanwhile is sent", async () => {
  const { one, two } = await pair("before");
  await ask("stop the server");
  await add(one.page, "during, on one");
  await edit(two.page, "before", { text: "before, edited meanwhile" });
  await one.page.locator('.sync-sign:not([data-tone="good"])').waitFor();
  await ask("start the server");
  for (const { page } of [one, two]) {
    await row(page, "during, on one").waitFor();
    await row(page, "before, edited meanwhile").waitFor();
    await verified(page);
  }
  assert.deepEqual([...one.errors, ...two.errors], []);
});

for (const way of ["put the copy in place", "put the copy in place as a new history"]) {
  test(`a server that is restored under open pages gets everything back: ${way}`, async () => {
    const { one, two, email } = await pair("kept", "edited later", "deleted later");
    await settled(two.page);
    await ask("copy the database");
    await settled(one.page);
    await edit(one.page, "edited later", { text: "edited", note: "after the copy" });
    await row(one.page, "deleted later").locator("[data-open]").focus();
    await one.page.keyboard.press("Delete");
    await add(two.page, "added after the copy");
    for (const { page } of [one, two]) {
      await shows(page, ["kept", "edited", "added after the copy"]);
      await settled(page);
    }
    await ask(way);
    await add(two.page, "added after the restore");
    for (const { page } of [one, two]) {
      await shows(page, ["kept", "edited", "added after the copy", "added after the restore"]);
      await verified(page);
    }
    const { server_changes: todos } = await onServer(email);
    assert.equal(todos.find(({ text }) => text === "edited").description, "after the copy");
    assert.deepEqual([...one.errors, ...two.errors], []);
  });
}

test("a new version of the app waits until it is asked for, and takes nothing that was typed", async () => {
  const { page, errors } = await device();
  await page.goto(BASE);
  await add(page, "kept");
  await stored(page, "kept");
  await installed(page);
  await page.reload();
  await page.locator("#quick-add").fill("half a thought");
  await typed(page, "half a thought");
  await ask("install a new version");
  await page.evaluate(async () => {
    window.isOld = true;
    await (await navigator.serviceWorker.ready).update();
  });
  const use = page.getByRole("button", { name: "Use it" });
  await use.waitFor();
  assert.equal(await page.evaluate(() => window.isOld), true, "the page was not loaded again");
  await use.click();
  await page.waitForFunction(() => !window.isOld);
  await shows(page, ["kept"]);
  await typed(page, "half a thought");
  assert.deepEqual(errors, []);
});

test("a frozen tab stops nobody, and follows when it wakes", async () => {
  const { page, context } = await device();
  const email = await register(page);
  await add(page, "from the first tab");
  await settled(page);
  const other = await context.newPage();
  await other.goto(BASE);
  await shows(other, ["from the first tab"]);
  const frozen = await context.newCDPSession(page);
  await add(page, "written just before it froze");
  await stored(page, "written just before it froze");
  await frozen.send("Page.setWebLifecycleState", { state: "frozen" });
  await add(other, "written while the other was frozen");
  await row(other, "written just before it froze").waitFor();
  await settled(other);
  await frozen.send("Page.setWebLifecycleState", { state: "active" });
  for (const tab of [page, other]) {
    await shows(tab, ["from the first tab", "written just before it froze", "written while the other was frozen"]);
    await verified(tab);
  }
  assert.equal((await onServer(email)).server_changes.length, 3);
});

/** Ends the page's process, as a lack of memory does. */
async function crash(page) {
  const session = await page.context().newCDPSession(page);
  const crashed = page.waitForEvent("crash");
  void session.send("Page.crash").catch(() => undefined);
  await crashed;
}

test("a tab that is killed in mid-sync loses nothing that it had stored", async () => {
  const { page, context } = await device();
  const email = await register(page);
  let isTaken = false;
  await page.route("**/api/v1/todos/sync", async (route) => {
    if (!route.request().postData()?.includes("not confirmed")) return route.continue();
    // The server takes the change, and the tab dies before it hears of it.
    await route.fetch();
    isTaken = true;
  });
  await add(page, "sent, and not confirmed");
  await stored(page, "sent, and not confirmed");
  for (let n = 0; n < 3000 && !isTaken; n++) await page.waitForTimeout(20);
  assert.ok(isTaken, "the change was sent");
  const survivor = await context.newPage();
  await crash(page);
  const errors = watch(survivor);
  await survivor.goto(BASE);
  await shows(survivor, ["sent, and not confirmed"]);
  await add(survivor, "by the next tab");
  await verified(survivor);
  assert.equal((await onServer(email)).server_changes.length, 2, "it was sent twice and is there once");
  assert.deepEqual(errors, []);
});

test("a tab that is closed within milliseconds of a write keeps it", async () => {
  const { page, context } = await device();
  const email = await register(page);
  await add(page, "before");
  await settled(page);
  const next = await context.newPage();
  await add(page, "last words");
  await page.close();
  await next.goto(BASE);
  await shows(next, ["before", "last words"]);
  await verified(next);
  assert.equal((await onServer(email)).server_changes.length, 2);
});

test("five tabs of one browser stay logged in over a refresh that they all need at once", async () => {
  const { page, context } = await device();
  const email = await register(page);
  await add(page, "before");
  await settled(page);
  const tabs = [page];
  while (tabs.length < 5) {
    const tab = await context.newPage();
    await tab.goto(BASE);
    await shows(tab, ["before"]);
    tabs.push(tab);
  }
  // The access token that the tabs share is refused from now on.
  let expired;
  await context.route("**/api/v1/todos/sync", async (route) => {
    const token = await route.request().headerValue("authorization");
    expired ??= token;
    await (token === expired
      ? route.fulfill({
          status: 401,
          contentType: "application/problem+json",
          body: JSON.stringify({ type: "about:blank", title: "Unauthorized", status: 401, error_code: "AUTH_004" }),
        })
      : route.continue());
  });
  for (const [n, tab] of tabs.entries()) await add(tab, `from tab ${n}`);
  const texts = ["before", ...tabs.map((_, n) => `from tab ${n}`)];
  for (const tab of tabs) {
    await shows(tab, texts);
    await verified(tab);
  }
  assert.ok(expired, "a token was refused");
  assert.equal((await onServer(email)).server_changes.length, 6);
});

test("a clock that is a year off loses and repeats nothing", async () => {
  const [wrong, right] = [await device(), await device()];
  await wrong.context.clock.install({ time: new Date(Date.now() + 366 * 86_400_000) });
  const email = await register(wrong.page);
  await add(wrong.page, "Call Ann tomorrow", "Tomorrow");
  await settled(wrong.page);
  await logIn(right.page, email);
  await row(right.page, "Call Ann").waitFor();
  await edit(right.page, "Call Ann", { text: "Call Ann, by the right clock" });
  await row(wrong.page, "Call Ann, by the right clock").waitFor();
  await edit(wrong.page, "by the right clock", { note: "by the wrong clock" });
  for (const { page } of [wrong, right]) await verified(page);
  const [todo] = (await onServer(email)).server_changes;
  assert.deepEqual([todo.text, todo.description], ["Call Ann, by the right clock", "by the wrong clock"]);
});

test("what is typed in the editor survives a reload and a crash, and Cancel gives it up", async () => {
  const { page, context } = await device();
  await page.goto(BASE);
  for (const text of ["alpha", "beta"]) await add(page, text);
  await stored(page, "beta");
  await row(page, "alpha").locator("[data-open]").click();
  await page.locator('.editor [name="text"]').fill("alpha, half edited");
  await page.locator('.editor [name="tags"]').fill("home");
  await page.reload();
  await page.getByText("What you had typed before the page was closed is here again.").waitFor();
  assert.equal(await page.locator('.editor [name="text"]').inputValue(), "alpha, half edited");
  await crash(page);
  const next = await context.newPage();
  await next.goto(BASE);
  await next.locator('.editor [name="tags"]').and(next.locator('[value="home"]')).waitFor();
  await next.getByRole("button", { name: "Save", exact: true }).click();
  await shows(next, ["alpha, half edited", "beta"]);
  await stored(next, "half edited");
  await row(next, "beta").locator("[data-open]").click();
  await next.locator('.editor [name="text"]').fill("given up");
  await next.getByRole("button", { name: "Cancel" }).click();
  await next.reload();
  await shows(next, ["alpha, half edited", "beta"]);
  assert.equal(await next.locator(".editor").count(), 0);
});
