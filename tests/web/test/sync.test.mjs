// Several devices of one user, on the train and at home.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  BASE,
  PASSWORD,
  add,
  device,
  edit,
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
  verified,
} from "../src/app.mjs";

test("two devices see each other's changes at once", async () => {
  const [phone, laptop] = [await device({ viewport: { width: 390, height: 844 } }), await device()];
  await phone.page.goto(BASE);
  await add(phone.page, "made before the account");
  await stored(phone.page, "made before the account");
  const email = await register(phone.page);
  await logIn(laptop.page, email);
  await shows(laptop.page, ["made before the account"]);
  await add(laptop.page, "from the laptop");
  await shows(phone.page, ["made before the account", "from the laptop"]);
  await row(phone.page, "from the laptop").getByRole("checkbox").click();
  await shows(laptop.page, ["made before the account"]);
  await verified(phone.page);
  await verified(laptop.page);
  assert.deepEqual([...phone.errors, ...laptop.errors], []);
});

test("a morning on a train: the app starts offline, and everything arrives later", async () => {
  const [train, home] = [await device(), await device()];
  const email = await register(train.page);
  await add(train.page, "packed");
  await settled(train.page);
  await installed(train.page);
  await train.page.reload();
  await train.context.setOffline(true);
  await train.page.reload();
  await shows(train.page, ["packed"]);
  await add(train.page, "written in a tunnel");
  await edit(train.page, "packed", { text: "packed and locked" });
  assert.notEqual(await train.page.locator(".sync-sign").getAttribute("data-tone"), "good", "two changes wait");
  await stored(train.page, "packed and locked");
  await train.page.goto(`${BASE}/settings`);
  await train.page.getByRole("heading", { name: "Settings" }).waitFor();
  await train.page.goto(BASE);
  await logIn(home.page, email);
  await shows(home.page, ["packed"]);
  await add(home.page, "from home");
  await train.context.setOffline(false);
  for (const { page } of [train, home]) {
    await row(page, "from home").waitFor();
    await row(page, "written in a tunnel").waitFor();
    await row(page, "packed and locked").waitFor();
    await verified(page);
  }
  assert.equal((await onServer(email)).server_changes.length, 3);
});

test("what was changed on both sides is shown field by field, and decided", async () => {
  const { one, two, email } = await pair("Dinner");
  await one.context.setOffline(true);
  await edit(one.page, "Dinner", { text: "Dinner with Ann", note: "book a table" });
  await edit(two.page, "Dinner", { text: "Dinner with Bob" });
  await settled(two.page);
  await one.context.setOffline(false);
  await one.page.locator('.sync-sign[data-tone="warn"]').click();
  await one.page.getByRole("link", { name: "Decide now" }).click();
  const card = one.page.locator("[data-conflict]");
  await card.getByText("Dinner with Ann").first().waitFor();
  await card.getByRole("radio", { name: /Other device.*Dinner with Bob/s }).waitFor();
  await card.getByRole("radio", { name: "Both" }).check();
  await card.getByRole("button", { name: "Apply" }).click();
  await one.page.getByText("All changes fit together.").waitFor();
  // A decision that was not stored yet when its page goes is asked for again.
  await stored(one.page, "Dinner with Bob / Dinner with Ann");
  for (const { page } of [one, two]) {
    await page.goto(BASE);
    await shows(page, ["Dinner with Bob / Dinner with Ann"]);
    await verified(page);
  }
  const [todo] = (await onServer(email)).server_changes;
  assert.equal(todo.description, "book a table", "what nobody contested was not lost");
});

test("an old list moves in once, with numeric dates, blank and long texts", async () => {
  const { page } = await device();
  const email = newEmail();
  await page.goto(BASE);
  const old = [
    { id: 1, text: "first", completed: false, createdAt: 1700000000000 },
    { id: 2, text: "second", completed: true, createdAt: 1700000001000 },
    { id: 3, text: "   ", completed: false, createdAt: 1700000002000 },
    { id: 4, text: "y".repeat(600), completed: 0, createdAt: "2023-11-14T22:13:30" },
  ];
  await page.evaluate((list) => localStorage.setItem("simple_todos_v1", JSON.stringify(list)), old);
  await register(page, email);
  await page.goto(`${BASE}/settings`);
  await page.getByRole("button", { name: "Import a former list" }).click();
  await page.getByText(/3 todos imported.*could not be taken/).waitFor();
  const left = JSON.parse(await page.evaluate(() => localStorage.getItem("simple_todos_v1")));
  assert.equal(left.length, 1, "what the server refused stays in the old list");
  await page.goto(BASE);
  await shows(page, ["first", `${"y".repeat(499)}…`]);
  await verified(page);
  const kept = (await onServer(email)).server_changes;
  assert.equal(kept.length, 3);
  assert.equal(kept.find((todo) => todo.text === "first").created_at, "2023-11-14T22:13:20.000000Z");
});

test("logging out with unsent changes asks first, and another user sees nothing of the list", async () => {
  const { page, context } = await device();
  await register(page);
  await add(page, "private");
  await settled(page);
  await installed(page);
  await page.goto(`${BASE}/settings`);
  await page.goto(BASE);
  await context.setOffline(true);
  await add(page, "not sent yet");
  await stored(page, "not sent yet");
  await page.goto(`${BASE}/settings`);
  const logOut = page.getByRole("button", { name: "Log out", exact: true }).last();
  await logOut.click();
  await page.getByText(/Not everything has reached the server: 1 unsent/).waitFor();
  await page.getByRole("button", { name: "Stay logged in" }).click();
  await page.goto(BASE);
  await shows(page, ["private", "not sent yet"]);
  await context.setOffline(false);
  await verified(page);
  await page.goto(`${BASE}/settings`);
  await logOut.click();
  await page.locator("#quick-add").waitFor();
  await page.getByText("Nothing to do yet").waitFor();
  await register(page);
  await shows(page, []);
});

test("logging out may keep the todos for the next login, which repeats none", async () => {
  const { page } = await device();
  const email = await register(page);
  await add(page, "stays here");
  await settled(page);
  await page.goto(`${BASE}/settings`);
  await page.getByRole("checkbox", { name: "Keep the todos in this browser" }).check();
  await page.getByRole("button", { name: "Log out", exact: true }).last().click();
  await page.locator("#quick-add").waitFor();
  await page.getByText("Nothing to do yet").waitFor();
  await stored(page, "stays here");
  await add(page, "written without an account");
  await stored(page, "written without an account");
  await logIn(page, email);
  await shows(page, ["stays here", "written without an account"]);
  await verified(page);
  assert.equal((await onServer(email)).server_changes.length, 2);
});

test("a name and another password are set in the settings, and the other devices are logged out", async () => {
  const { one, two, email } = await pair("kept");
  await one.page.goto(`${BASE}/settings`);
  await one.page.getByLabel("Name", { exact: true }).fill("Ann <b>& שרה</b>");
  await one.page.getByRole("button", { name: "Save", exact: true }).click();
  await one.page.getByText("Saved.", { exact: true }).waitFor();
  const change = async (current) => {
    await one.page.locator('[name="current"]').fill(current);
    await one.page.locator('[name="next"]').fill("Another-Horse-8");
    await one.page.getByRole("button", { name: "Change password" }).click();
  };
  await change(`${PASSWORD}x`);
  await one.page.getByRole("alert").filter({ hasText: /./ }).first().waitFor();
  await change(PASSWORD);
  await one.page.getByText("Changed. All other devices are logged out.").waitFor();
  await two.page.locator('.sync-sign[data-tone="warn"]', { hasText: "Logged out" }).waitFor();
  await logIn(two.page, email, "Another-Horse-8");
  for (const { page } of [one, two]) {
    await page.goto(BASE);
    await verified(page);
  }
  await two.page.goto(`${BASE}/settings`);
  await two.page.locator('[name="display-name"]').and(two.page.locator('[value="Ann <b>& שרה</b>"]')).waitFor();
});
