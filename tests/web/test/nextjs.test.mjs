// The example with Next.js and Better Auth: BASE_URL is the app, which keeps its tasks on the server.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { BASE, PASSWORD, alive, ask, device, newEmail, watch } from "../src/app.mjs";

const { EXAMPLE, AUTH_DATABASE } = process.env;
assert.ok(EXAMPLE && AUTH_DATABASE, "EXAMPLE and AUTH_DATABASE name the app's folder and its database");

const task = (page, title) => page.getByRole("checkbox", { name: title, exact: true });

async function signUp(page, email = newEmail()) {
  await page.goto(BASE);
  await page.waitForURL(`${BASE}/login`);
  await alive(page);
  await page.getByRole("button", { name: "I have no account yet" }).click();
  await page.getByLabel("Name").fill("Ann");
  await page.getByLabel("Email").fill(email);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign up" }).click();
  await page.waitForURL(`${BASE}/tasks`);
  return email;
}

async function add(page, title) {
  await page.getByLabel("New task").fill(title);
  await page.getByRole("button", { name: "Add" }).click();
  await task(page, title).waitFor();
}

/** Changes the app's table of signing keys. */
function changeKeys(sql) {
  const script = `new (require("better-sqlite3"))(process.argv[1]).prepare(process.argv[2]).run()`;
  execFileSync("node", ["-e", script, AUTH_DATABASE, sql], { cwd: EXAMPLE });
}

test("sign up, add, toggle, delete, log out, and every user's own tasks", async () => {
  const { page, context, errors } = await device();
  const email = await signUp(page);
  await page.getByText("Nothing to do.").waitFor();
  for (const title of ["Buy milk", "Call Ann <b>&amp;", "שלום עולם"]) await add(page, title);
  await task(page, "Buy milk").click();
  await page.locator('[role="checkbox"][aria-checked="true"]').waitFor();
  await page.getByRole("button", { name: "Delete Call Ann <b>&amp;", exact: true }).click();
  await task(page, "Call Ann <b>&amp;").waitFor({ state: "detached" });
  await page.reload();
  await task(page, "Buy milk").waitFor();
  assert.equal(await task(page, "Buy milk").getAttribute("aria-checked"), "true");
  await task(page, "Buy milk").click();
  await page.locator('[role="checkbox"][aria-checked="true"]').waitFor({ state: "detached" });

  const other = await context.newPage();
  errors.push(...watch(other));
  await other.goto(`${BASE}/tasks`);
  await other.getByRole("button", { name: "Delete Buy milk" }).waitFor();
  await page.getByRole("button", { name: "Delete Buy milk" }).click();
  await task(page, "Buy milk").waitFor({ state: "detached" });
  await task(other, "Buy milk").click();
  await task(other, "Buy milk").waitFor({ state: "detached" });
  await other.close();

  await page.getByRole("button", { name: "Log out" }).click();
  await page.waitForURL(`${BASE}/login`);
  await page.goto(`${BASE}/tasks`);
  await page.waitForURL(`${BASE}/login`);
  await alive(page);
  await page.getByLabel("Email").fill(email);
  await page.getByLabel("Password").fill("Wrong-Horse-7");
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("alert").filter({ hasText: "Invalid" }).waitFor();
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Log in" }).click();
  await task(page, "שלום עולם").waitFor();

  const bob = await device();
  await signUp(bob.page);
  await bob.page.getByText("Nothing to do.").waitFor();
  assert.deepEqual([...errors, ...bob.errors], []);
});

/** Logged in, and used by the tests below: Better Auth limits how often one address may sign up. */
let page;

test("a new signing key is accepted, and one that replaces a key that is gone", async () => {
  page = (await device()).page;
  await signUp(page);
  await add(page, "signed by the first key");
  changeKeys("UPDATE jwks SET expiresAt = '2020-01-01T00:00:00.000Z'");
  await add(page, "signed by the second key");
  changeKeys("DELETE FROM jwks");
  await add(page, "signed by the third key");
  assert.equal(await page.getByRole("checkbox").count(), 3);
});

test("an app that starts before the server says so, and shows the tasks when it is there", async () => {
  await add(page, "kept");
  await ask("start the app without the server");
  await page.goto(`${BASE}/tasks`);
  await page.getByRole("alert").filter({ hasText: "None of them is lost." }).waitFor();
  await ask("start the server");
  await alive(page);
  await page.getByRole("button", { name: "Try again" }).click();
  await task(page, "kept").waitFor();
  await add(page, "added afterwards");
});
