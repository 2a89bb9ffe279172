// What somebody does every day, on one device without an account.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { BASE, add, device, edit, importList, paste, row, shows, stored, typed } from "../src/app.mjs";

test("a first visit needs no account, and nothing is lost over a reload", async () => {
  const { page, errors } = await device();
  await page.goto(BASE);
  await page.getByText("Nothing to do yet").waitFor();
  await add(page, "Buy milk");
  await add(page, "Call Ann");
  await shows(page, ["Buy milk", "Call Ann"]);
  await page.locator("#quick-add").fill("half a thought");
  await stored(page, "Call Ann");
  await page.reload();
  await shows(page, ["Buy milk", "Call Ann"]);
  await typed(page, "half a thought");
  assert.equal(await page.locator(".sync-sign").getAttribute("data-tone"), "plain", "never green without an account");
  assert.deepEqual(errors, []);
});

test("dates, tags, lists and priorities are understood while one types, never inside a word, and Esc takes it back", async () => {
  const { page, errors } = await device();
  await page.goto(BASE);
  const field = page.locator("#quick-add");
  const chips = page.locator(".chip");
  await field.fill("Call Ann tomorrow 9am #home @family !1");
  await chips.filter({ hasText: "Tomorrow, 9:00" }).waitFor();
  assert.equal(await chips.count(), 4);
  await field.press("Enter");
  await row(page, /^Call Ann$/)
    .getByText("#home")
    .waitFor();
  await add(page, "Read tomorrow's paper and visit May");
  await row(page, /^Read tomorrow's paper and visit May$/).waitFor();
  assert.equal(await row(page, /^Read/).locator(".fact:not(.unsent)").count(), 0, "no date stands inside a word");
  await field.fill("Watch Tomorrow Never Dies tomorrow");
  await chips.filter({ hasText: "Tomorrow" }).waitFor();
  await field.press("Escape");
  await page.getByText("Kept as typed").waitFor();
  await field.press("Enter");
  await row(page, /^Watch Tomorrow Never Dies tomorrow$/).waitFor();
  await add(page, "Meet on 31 February");
  await row(page, /^Meet on 31 February$/).waitFor();
  assert.deepEqual(errors, []);
});

test("many pasted lines become many todos, and one undo takes them back", async () => {
  const { page } = await device();
  await page.goto(BASE);
  await page.locator("#quick-add").focus();
  const pasted = ["- Bread", "* Butter", "3. Jam", "[ ] Tea", "", "👩‍👩‍👧‍👦 family", "שלום עולם", "x".repeat(700)].join(
    "\r\n",
  );
  await paste(page, pasted);
  await shows(page, ["Bread", "Butter", "Jam", "Tea", "👩‍👩‍👧‍👦 family", "שלום עולם", `${"x".repeat(499)}…`]);
  await page.getByText("had more than 500 characters").waitFor();
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.ok(overflow <= 0, `the page is ${overflow} px too wide`);
  await page.getByRole("button", { name: "Undo" }).click();
  await shows(page, []);
});

test("everything works by keys: move, done, delete, undo, views, commands", async () => {
  const { page } = await device();
  await page.goto(BASE);
  await page.locator(".empty").waitFor();
  await page.keyboard.press("n");
  for (const text of ["one", "two", "three"]) {
    await page.keyboard.type(text);
    await page.keyboard.press("Enter");
  }
  await shows(page, ["one", "two", "three"]);
  await page.keyboard.press("Escape");
  await page.keyboard.press("j");
  await page.keyboard.press("Alt+ArrowDown");
  await shows(page, ["two", "one", "three"]);
  await page.locator("[data-open]:focus", { hasText: "one" }).waitFor();
  await page.keyboard.press("Delete");
  await shows(page, ["two", "three"]);
  await page.keyboard.press("Control+z");
  await shows(page, ["two", "one", "three"]);
  await page.keyboard.press("j");
  await page.keyboard.press("x");
  await page.keyboard.press("g");
  await page.keyboard.press("d");
  await page.locator('[aria-current="page"]', { hasText: "Done" }).first().waitFor();
  await shows(page, ["three"]);
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
  await page.keyboard.press("Escape");
  await page.locator("dialog[open]").waitFor({ state: "detached" });
  await page.keyboard.press("Control+k");
  await page.locator('[aria-selected="true"]').waitFor();
  for (let n = 0; n < 30; n++) await page.keyboard.press("ArrowDown");
  // The chosen command is in sight.
  await page.waitForFunction(() => {
    const [list, option] = ["#palette-found", '[aria-selected="true"]'].map((part) =>
      document.querySelector(part).getBoundingClientRect(),
    );
    return option.top >= list.top - 1 && option.bottom <= list.bottom + 1;
  });
  await page.keyboard.type("all");
  await page.keyboard.press("Enter");
  await page.locator("h1", { hasText: "All" }).waitFor();
});

test("on a phone nothing covers the todo that has the focus", async () => {
  const { page } = await device({ viewport: { width: 390, height: 844 } });
  await page.goto(BASE);
  await page.locator("#quick-add").focus();
  await paste(page, Array.from({ length: 30 }, (_, n) => `todo ${n}`).join("\n"));
  await page.locator("[data-todo]").nth(29).waitFor();
  await page.locator("#search").focus();
  await page.locator("#search").blur();
  for (const key of [...Array(29).fill("j"), ...Array(29).fill("k")]) {
    await page.keyboard.press(key);
    const [bottom, free] = await page
      .evaluate(() =>
        [document.activeElement, document.querySelector(".quick-add")].map((element) =>
          element.getBoundingClientRect(),
        ),
      )
      .then(([focused, field]) => [focused.bottom, field.top]);
    assert.ok(bottom <= free, `the focus ends at ${bottom}, and the field begins at ${free}`);
  }
});

test("todos are edited in place, dragged, searched, snoozed and repeated", async () => {
  const { page } = await device();
  await page.goto(BASE);
  for (const text of ["alpha", "beta", "gamma"]) await add(page, text);
  await edit(page, "beta", {
    text: "beta, edited",
    note: "with a note",
    day: "2030-05-06",
    tags: "home #late",
    list: "Errands",
  });
  await row(page, "beta, edited").getByText("#late").waitFor();
  await page
    .locator(".sidebar")
    .getByRole("link", { name: /Errands/ })
    .click();
  await shows(page, ["beta, edited"]);
  await page.goBack();
  await shows(page, ["alpha", "beta, edited", "gamma"]);
  const box = async (text, part) => row(page, text).locator(part).boundingBox();
  const [from, to] = [await box("gamma", "[data-grip]"), await box("alpha", ".todo-open")];
  await page.mouse.move(from.x + from.width / 2, from.y + from.height / 2);
  await page.mouse.down();
  await page.mouse.move(to.x + 20, to.y + to.height, { steps: 5 });
  await page.mouse.move(to.x + 20, to.y + 4, { steps: 5 });
  await page.mouse.up();
  await shows(page, ["gamma", "alpha", "beta, edited"]);
  await page.locator("#search").fill("NOTE edited");
  await shows(page, ["beta, edited"]);
  await page.locator("#search").fill("");
  await row(page, "alpha").locator("[data-open]").focus();
  await page.keyboard.press("s");
  await shows(page, ["gamma", "beta, edited"]);
  await stored(page, "snooze");
  await page.goto(`${BASE}/?view=snoozed`);
  await shows(page, ["alpha"]);
  await page.goto(BASE);
  await add(page, "water plants every day");
  await row(page, "water plants").getByRole("checkbox").click();
  await row(page, "water plants").getByText("Tomorrow").waitFor();
});

test("a text shared to the app is added once", async () => {
  const { page } = await device();
  await page.goto(`${BASE}/add?title=An%20article&text=worth%20reading&url=https%3A%2F%2Fexample.com`);
  await shows(page, ["An article"]);
  await stored(page, "An article");
  await page.goBack();
  await page.goto(BASE);
  await shows(page, ["An article"]);
});

test("a list is saved in one browser and imported in another one, with all that its todos have", async () => {
  const [one, two] = [await device(), await device()];
  await one.page.goto(BASE);
  await add(one.page, "Call Ann on 6 May 2030 at 9am #home !1", "9:00");
  await add(one.page, "done already");
  await row(one.page, "done already").getByRole("checkbox").click();
  await edit(one.page, "Call Ann", { note: "about the party", list: "Errands" });
  await one.page.goto(`${BASE}/settings`);
  const saved = one.page.waitForEvent("download");
  await one.page.getByRole("button", { name: "Save this device's todos" }).click();
  await importList(two.page, await readFile(await (await saved).path(), "utf8"));
  for (const { page } of [one, two]) {
    await page.goto(BASE);
    await row(page, /^Call Ann$/).waitFor();
  }
  const facts = ({ page }) =>
    row(page, /^Call Ann$/)
      .locator(".fact")
      .allTextContents();
  assert.deepEqual(await facts(two), await facts(one));
  await two.page.goto(`${BASE}/?view=done`);
  await shows(two.page, ["done already"]);
});

test("a long list is printed whole, and Ctrl+F searches all of it", async () => {
  const { page, errors } = await device({ colorScheme: "dark" });
  await importList(page, Array.from({ length: 300 }, (_, n) => `todo number ${n}`).join("\n"));
  await page.goto(BASE);
  await page.getByText("300 todos", { exact: true }).waitFor();
  await page.evaluate(() =>
    window.addEventListener("beforeprint", () => (window.printed = document.querySelectorAll("[data-todo]").length)),
  );
  await page.pdf();
  assert.equal(await page.evaluate(() => window.printed), 300);
  await page.locator("[data-windowed]").waitFor();
  assert.ok((await page.locator("[data-todo]").count()) < 200);
  await page.keyboard.press("Control+f");
  await page.locator("#search:focus").waitFor();
  await page.keyboard.type("number 299");
  await shows(page, ["todo number 299"]);
  assert.deepEqual(errors, []);
});

test("a chosen theme is there before the first paint of the next visit", async () => {
  const { page, errors } = await device({ colorScheme: "light" });
  const [light, dark] = ["rgb(245, 246, 244)", "rgb(20, 24, 26)"];
  const ground = (color) =>
    page.waitForFunction((color) => getComputedStyle(document.documentElement).backgroundColor === color, color);
  await page.goto(`${BASE}/settings`);
  await ground(light);
  await page.getByRole("radio", { name: "Dark" }).check();
  await ground(dark);
  await page.route("**/_next/static/**/*.js", (route) => route.abort());
  await page.goto(BASE);
  // None of the app's scripts has run.
  await ground(dark);
  await page.unroute("**/_next/static/**/*.js");
  await page.goto(`${BASE}/settings`);
  await page.getByRole("radio", { name: "Dark", checked: true }).waitFor();
  await page.getByRole("radio", { name: "As the system" }).check();
  await ground(light);
  assert.deepEqual(errors, []);
});
