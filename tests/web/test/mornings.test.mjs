// Mornings of somebody who uses the app every day. Each ends with equal digests on all devices.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  BASE,
  PASSWORD,
  add,
  device,
  edit,
  importList,
  installed,
  logIn,
  newEmail,
  onServer,
  pair,
  register,
  row,
  settled,
  shows,
  stored,
  typed,
  verified,
} from "../src/app.mjs";

test("a list of 300 items, edited on two devices, one of them offline on a train", async () => {
  const [desk, train] = [await device(), await device({ viewport: { width: 390, height: 844 } })];
  const email = await register(desk.page);
  await importList(desk.page, Array.from({ length: 300 }, (_, n) => `item ${n}`).join("\n"));
  await desk.page.goto(BASE);
  await desk.page.getByText("300 todos", { exact: true }).waitFor();
  await logIn(train.page, email);
  await train.page.getByText("300 todos", { exact: true }).waitFor();
  await settled(train.page);
  await installed(train.page);
  await train.context.setOffline(true);
  await edit(train.page, /^item 1$/, { text: "item 1, from the train", tags: "train" });
  await row(train.page, /^item 2$/)
    .getByRole("checkbox")
    .click();
  await row(train.page, /^item 3$/)
    .locator("[data-open]")
    .focus();
  await train.page.keyboard.press("Delete");
  await add(train.page, "written in a tunnel");
  await edit(desk.page, /^item 1$/, { note: "from the desk" });
  await edit(desk.page, /^item 4$/, { list: "Desk" });
  await row(desk.page, /^item 5$/)
    .getByRole("checkbox")
    .click();
  await settled(desk.page);
  await stored(train.page, "written in a tunnel");
  await train.page.reload();
  await row(train.page, "item 1, from the train").waitFor();
  await train.context.setOffline(false);
  for (const { page } of [desk, train]) {
    await page.getByText("298 todos", { exact: true }).waitFor();
    await row(page, "item 1, from the train").waitFor();
    await row(page, /^item 4$/)
      .getByText("@Desk")
      .waitFor();
    await verified(page);
  }
  const { server_changes: todos } = await onServer(email);
  const one = todos.find(({ text }) => text === "item 1, from the train");
  assert.equal(one.description, "from the desk", "two devices changed two fields of one todo");
  assert.deepEqual([...desk.errors, ...train.errors], []);
});

for (const { season, now, due } of [
  { season: "spring", now: "2026-03-28T08:00:00+01:00", due: "2026-03-29T09:00:00+02:00" },
  { season: "autumn", now: "2026-10-24T08:00:00+02:00", due: "2026-10-25T09:00:00+01:00" },
]) {
  test(`a todo of every day keeps its hour when the clocks change in ${season}, on devices that were offline`, async () => {
    const [one, two] = [await device(), await device()];
    for (const { context } of [one, two]) await context.clock.install({ time: now });
    const email = await register(one.page);
    await add(one.page, "water plants every day at 9am", "9:00");
    await settled(one.page);
    await logIn(two.page, email);
    await row(two.page, "water plants").getByText("Today, 9:00").waitFor();
    for (const { page, context } of [one, two]) {
      await context.setOffline(true);
      await row(page, "water plants").getByRole("checkbox").click();
      await row(page, "water plants").getByText("Tomorrow, 9:00").waitFor();
    }
    for (const { context } of [one, two]) await context.setOffline(false);
    for (const { page } of [one, two]) {
      await verified(page);
      await shows(page, ["water plants"]);
      await row(page, "water plants").getByText("Tomorrow, 9:00").waitFor();
    }
    const { server_changes: todos } = await onServer(email);
    assert.equal(todos.length, 2, "two devices made one successor");
    assert.equal(todos.find(({ completed }) => !completed).metadata.due, due);
  });
}

test("a browser that two people share shows neither what the other wrote or typed", async () => {
  const { page, errors } = await device();
  const [ann, bob] = [await register(page), newEmail()];
  await add(page, "Ann's secret");
  await settled(page);
  await page.locator("#quick-add").fill("Ann's unfinished thought");
  await typed(page, "Ann's unfinished thought");
  await logOut(page);
  await page.getByText("Nothing to do yet").waitFor();
  assert.equal(await page.locator("#quick-add").inputValue(), "");
  await register(page, bob);
  await shows(page, []);
  await add(page, "Bob's todo");
  await verified(page);
  const kept = await page.evaluate(async () => {
    const names = (await indexedDB.databases()).map(({ name }) => name);
    return JSON.stringify([names, { ...localStorage }, { ...sessionStorage }]);
  });
  assert.ok(!kept.includes("Ann"), kept);
  await logOut(page);
  await logIn(page, ann);
  await shows(page, ["Ann's secret"]);
  await verified(page);
  assert.equal((await onServer(bob)).server_changes.length, 1);
  assert.deepEqual(errors, []);
});

async function logOut(page) {
  await page.goto(`${BASE}/settings`);
  await page.getByRole("button", { name: "Log out", exact: true }).last().click();
  await page.locator("#quick-add").waitFor();
}

test("everything by the keyboard alone, from the account to the last todo", async () => {
  const { page, errors } = await device();
  const email = newEmail();
  const press = async (...keys) => {
    for (const key of keys) await page.keyboard.press(key);
  };
  await page.goto(`${BASE}/register`);
  await page.getByLabel("Password").waitFor();
  await tabTo(page, '[name="email"]');
  await page.keyboard.type(email);
  await press("Tab");
  await page.keyboard.type(PASSWORD);
  await press("Enter");
  await page.locator("#quick-add").waitFor();
  await page.locator(".empty").waitFor();
  await press("n");
  for (const text of ["one", "two", "three"]) {
    await page.keyboard.type(text);
    await press("Enter");
  }
  await shows(page, ["one", "two", "three"]);
  await press("Escape", "j", "Alt+ArrowDown");
  await shows(page, ["two", "one", "three"]);
  await page.locator("[data-open]:focus", { hasText: "one" }).waitFor();
  await press("e");
  await page.locator('.editor [name="text"]:focus').waitFor();
  await press("End");
  await page.keyboard.type(", edited");
  await press("Tab");
  await page.keyboard.type("a note");
  await press("Control+Enter");
  await page.locator("[data-open]:focus", { hasText: "one, edited" }).waitFor();
  await press("Tab", "Space");
  await shows(page, ["two", "one, edited"]);
  await press("Control+z");
  await shows(page, ["two", "one, edited", "three"]);
  await tabTo(page, ".sync-sign");
  await settled(page);
  await press("Enter");
  await page.getByText("The same on all devices").waitFor();
  await press("Escape");
  await page.locator(".sync-sign:focus").waitFor();
  assert.equal((await onServer(email)).server_changes.find(({ text }) => text === "one, edited").description, "a note");
  assert.deepEqual(errors, []);
});

/** Presses Tab until the element has the focus, which must be visible. */
async function tabTo(page, selector) {
  for (let n = 0; n < 60; n++) {
    if (await page.locator(`${selector}:focus-visible`).count()) return;
    await page.keyboard.press("Tab");
  }
  assert.fail(`Tab does not lead to ${selector}`);
}

test("what a screen reader is told, and a morning by roles and names alone", async () => {
  const { page } = await device();
  const email = await register(page);
  await page.getByRole("textbox", { name: "Add a todo" }).fill("Call Ann today #home !1");
  await page.getByRole("paragraph").filter({ hasText: "Today" }).waitFor();
  await page.getByRole("textbox", { name: "Add a todo" }).press("Enter");
  await page.getByRole("status").filter({ hasText: "Added “Call Ann”" }).waitFor();
  await page.getByRole("textbox", { name: "Add a todo" }).fill("Buy milk");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  const list = page.getByRole("main").getByRole("list");
  await list.getByRole("listitem").nth(1).waitFor();
  await settled(page);
  assert.equal(
    (await list.ariaSnapshot()).replaceAll("'", ""),
    [
      "- list:",
      "  - listitem:",
      '    - checkbox "Done: Call Ann"',
      '    - button "Edit: Call Ann Today Priority 1 #home"',
      '    - button "Move: Call Ann"',
      "  - listitem:",
      '    - checkbox "Done: Buy milk"',
      '    - button "Edit: Buy milk"',
      '    - button "Move: Buy milk"',
    ].join("\n"),
  );
  const tree = await page.locator("body").ariaSnapshot();
  for (const part of [
    'link "Skip to the list"',
    'navigation "Views"',
    "- main:",
    'heading "All" [level=1]',
    "- search:",
  ])
    assert.ok(tree.includes(part), `${part} is missing in\n${tree}`);
  await page.getByRole("button", { name: /^Edit: Call Ann/ }).click();
  await page.getByRole("textbox", { name: "Note" }).fill("about the party");
  await page.getByRole("combobox", { name: "Repeat" }).selectOption({ label: "Every week" });
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("status").filter({ hasText: "Saved" }).waitFor();
  await page.getByRole("checkbox", { name: "Done: Buy milk" }).click();
  await page.getByRole("status").filter({ hasText: "Done: “Buy milk”" }).waitFor();
  await page.getByRole("button", { name: /^Sync state/ }).click();
  const dialog = page.getByRole("dialog", { name: "Sync state" });
  await dialog.getByText("The same on all devices").waitFor();
  await dialog.getByRole("button", { name: "Close" }).click();
  assert.equal((await onServer(email)).server_changes.length, 2);
});

test("an order that is changed on two devices, one of them offline, ends the same on both", async () => {
  const { one, two } = await pair("bread", "butter", "jam", "tea");
  await two.context.setOffline(true);
  await row(two.page, "tea").locator("[data-open]").focus();
  for (const order of [
    ["bread", "butter", "tea", "jam"],
    ["bread", "tea", "butter", "jam"],
    ["tea", "bread", "butter", "jam"],
  ]) {
    await two.page.keyboard.press("Alt+ArrowUp");
    await shows(two.page, order);
    await row(two.page, "tea").locator("[data-open]:focus").waitFor();
  }
  await row(one.page, "bread").locator("[data-open]").focus();
  await one.page.keyboard.press("Alt+ArrowDown");
  await shows(one.page, ["butter", "bread", "jam", "tea"]);
  await settled(one.page);
  await two.context.setOffline(false);
  for (const { page } of [one, two]) {
    await shows(page, ["tea", "butter", "bread", "jam"]);
    await verified(page);
  }
});

test("a todo with a time is at the same moment for a traveller in another time zone", async () => {
  const [home, away] = [await device(), await device({ timezoneId: "America/New_York" })];
  for (const { context } of [home, away]) await context.clock.install({ time: "2026-06-15T08:00:00Z" });
  const email = await register(home.page);
  await add(home.page, "Call Ann today 6pm", "18:00");
  await settled(home.page);
  await logIn(away.page, email);
  await row(away.page, "Call Ann").getByText("Today, 12:00").waitFor();
  await edit(away.page, "Call Ann", { note: "from the airport" });
  await row(home.page, "Call Ann").locator(".fact", { hasText: "Note" }).waitFor();
  await row(home.page, "Call Ann").getByText("Today, 18:00").waitFor();
  for (const { page } of [home, away]) await verified(page);
  const [todo] = (await onServer(email)).server_changes;
  assert.equal(Date.parse(todo.metadata.due), Date.parse("2026-06-15T16:00:00Z"), "a note changes no date");
});

test("a device that was shut for long, with a change that it never sent, catches up", async () => {
  const { one, two, email } = await pair("kept");
  await installed(two.page);
  await two.page.reload();
  await two.context.setOffline(true);
  await edit(two.page, "kept", { note: "written before it was shut" });
  await stored(two.page, "written before it was shut");
  await two.page.close();
  await importList(one.page, Array.from({ length: 300 }, (_, n) => `meanwhile ${n}`).join("\n"));
  await one.page.goto(BASE);
  await edit(one.page, "kept", { text: "kept, and renamed" });
  await settled(one.page);
  await two.context.setOffline(false);
  const page = await two.context.newPage();
  await page.goto(BASE);
  for (const tab of [page, one.page]) {
    await row(tab, "kept, and renamed").waitFor();
    await tab.getByText("301 todos", { exact: true }).waitFor();
    await verified(tab);
  }
  const { server_changes: todos } = await onServer(email);
  assert.equal(todos.find(({ text }) => text === "kept, and renamed").description, "written before it was shut");
});

test("a slow network: the list can be used before anything is sent, and all arrives", async () => {
  const [slow, other] = [await device({ viewport: { width: 390, height: 844 } }), await device()];
  const email = await register(other.page);
  await add(other.page, "from the fast one");
  await settled(other.page);
  const network = await slow.context.newCDPSession(slow.page);
  await network.send("Network.enable");
  // What browsers call "slow 3G".
  const slow3g = { offline: false, latency: 400, downloadThroughput: 50_000, uploadThroughput: 50_000 };
  await network.send("Network.emulateNetworkConditions", slow3g);
  await slow.page.goto(BASE);
  await add(slow.page, "typed while it loads");
  await shows(slow.page, ["typed while it loads"]);
  await stored(slow.page, "typed while it loads");
  await logIn(slow.page, email);
  for (const { page } of [slow, other]) {
    await row(page, "from the fast one").waitFor();
    await row(page, "typed while it loads").waitFor();
    await verified(page);
  }
});
