// Input that nobody expects: nothing breaks the layout, nothing is lost, and the app says what it did.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  BASE,
  add,
  choose,
  device,
  edit,
  importList,
  logIn,
  onServer,
  paste,
  register,
  row,
  settled,
  shows,
  typed,
  verified,
} from "../src/app.mjs";

/** How many todos the server takes from a user. */
const LIMIT = Number(process.env.LIMIT);
assert.ok(LIMIT, "LIMIT must be the server's MAX_TODOS_PER_USER");

const notice = (page, text) => page.getByRole("status").filter({ hasText: text }).waitFor();

const fits = async (page) => {
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.ok(overflow <= 0, `the page is ${overflow} px too wide`);
};

test("pasted megabytes are refused in plain words, and what is in the field stays", async () => {
  const { page, errors } = await device();
  await page.goto(BASE);
  await page.locator("#quick-add").fill("half a thought");
  await typed(page, "half a thought");
  assert.equal(await paste(page, "x".repeat(3_000_000)), false, "the browser must not paste it");
  await notice(page, "longer than the 10,000 characters of a todo");
  assert.equal(await paste(page, "line\n".repeat(400_000)), false);
  await notice(page, "The text has 400,000 lines.");
  await shows(page, []);
  assert.equal(await page.locator("#quick-add").inputValue(), "half a thought");
  await page.locator("#quick-add").fill("y".repeat(10_001));
  await typed(page, "y".repeat(10_001));
  await page.locator("#quick-add").press("Enter");
  await notice(page, "The text has 10,001 characters");
  assert.equal((await page.locator("#quick-add").inputValue()).length, 10_001, "it stays in the field");
  await add(page, "z".repeat(10_000));
  await notice(page, "the beginning became the title");
  await shows(page, [`${"z".repeat(499)}…`]);
  assert.deepEqual(errors, []);
});

test("emoji, right-to-left text, endless words and control characters fit on a phone, and come back whole", async () => {
  const [phone, desk] = [await device({ viewport: { width: 320, height: 640 } }), await device()];
  const email = await register(phone.page);
  const texts = [
    "👩‍👩‍👧‍👦🏳️‍🌈👍🏽 family",
    "שלום עולם, מחר בבוקר",
    "مرحبا hello مرحبا",
    `Z${"a\u0301".repeat(200)}lgo`,
    "w".repeat(500),
    '<b>bold</b> & "quoted" \\u0041 {{7*7}}',
  ];
  for (const text of texts) {
    await add(phone.page, text);
    await fits(phone.page);
  }
  await phone.page.locator("#quick-add").fill("bell\u0007 and \ud83d half");
  await phone.page.locator("#quick-add").press("Enter");
  await row(phone.page, "bell and \ufffd half").waitFor();
  await settled(phone.page);
  await row(phone.page, "www").locator("[data-open]").click();
  await fits(phone.page);
  await phone.page.getByRole("button", { name: "Cancel" }).click();
  await logIn(desk.page, email);
  await shows(desk.page, [...texts, "bell and \ufffd half"]);
  for (const { page, errors } of [phone, desk]) {
    await verified(page);
    assert.deepEqual(errors, []);
  }
});

test("dates that do not exist stay words, and lists and tags of any length leave the layout alone", async () => {
  const { page, errors } = await device({ viewport: { width: 390, height: 844 } });
  await page.goto(BASE);
  await add(page, "Meet on 31 February");
  await edit(page, "Meet on 31 February", { list: "L".repeat(100), tags: `${"t".repeat(60)} ${"ש".repeat(60)}` });
  await row(page, "Meet on 31 February").getByText("@LLL").waitFor();
  await fits(page);
  await page.getByRole("button", { name: "More" }).click();
  await page.locator("dialog[open]").getByText("#ttt").first().waitFor();
  await fits(page);
  await page.keyboard.press("Escape");
  assert.equal(await page.locator(".fact", { hasText: /\d/ }).count(), 0, "no date was made of it");
  assert.deepEqual(errors, []);
});

test("a file with unreadable and endless items says what it took", async () => {
  const { page } = await device();
  const list = ["short", "x".repeat(700), "y".repeat(10_001), "  ", "👍🏽".repeat(400)];
  await importList(page, JSON.stringify(list));
  await page.getByText("3 todos imported. 1 more is longer than 10,000 characters and stayed in the file.").waitFor();
  await page.goto(BASE);
  await shows(page, ["short", `${"x".repeat(499)}…`, `${[..."👍🏽".repeat(400)].slice(0, 499).join("")}…`]);
  await page.goto(`${BASE}/settings`);
  await choose(page, "a.json", "application/json", '{"a": [');
  await page.getByText("This file has no list of todos.").waitFor();
  await page.goto(BASE);
  await shows(page, ["short", `${"x".repeat(499)}…`, `${[..."👍🏽".repeat(400)].slice(0, 499).join("")}…`]);
});

test("what the server refuses is shown with the reason, and waits for a decision", async () => {
  const { page, errors } = await device();
  const email = await register(page);
  await page.locator("#quick-add").focus();
  await paste(page, Array.from({ length: LIMIT + 2 }, (_, n) => `todo ${n}`).join("\n"));
  await page.locator('.sync-sign[data-tone="warn"]', { hasText: "Needs you" }).click();
  await page.getByText("2 changes were refused by the server.").waitFor();
  await page.getByRole("link", { name: "Decide now" }).click();
  const cards = page.locator("[data-rejected]");
  await cards.nth(1).waitFor();
  await cards.first().getByText(`Refused by the server: `).waitFor();
  assert.match(
    await cards.first().locator(".problem").textContent(),
    new RegExp(`\\b${LIMIT}\\b`),
    "it names the limit",
  );
  await page.getByRole("link", { name: "Back to the list" }).click();
  await row(page, /^todo 0$/)
    .locator("[data-open]")
    .focus();
  await page.keyboard.press("Delete");
  await row(page, /^todo 0$/).waitFor({ state: "detached" });
  await page.locator(".sync-sign").click();
  await page.getByRole("link", { name: "Decide now" }).click();
  await cards.first().getByRole("button", { name: "Try again" }).click();
  await cards.nth(1).waitFor({ state: "detached" });
  await cards.getByRole("button", { name: "Give it up" }).click();
  await page.getByText("All changes fit together.").waitFor();
  // Not by loading a page: a decision that is not stored yet would be asked for again.
  await page.getByRole("link", { name: "Back to the list" }).click();
  await page.getByText(`${LIMIT} todos`, { exact: true }).waitFor();
  await verified(page);
  const kept = (await onServer(email)).server_changes.filter(({ deleted_at }) => !deleted_at);
  assert.equal(kept.length, LIMIT);
  assert.deepEqual(errors, []);
});
