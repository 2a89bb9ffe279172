// Accounts: mail by a real SMTP server, login by a real OpenID Connect provider, devices, deletion.

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import {
  BASE,
  PASSWORD,
  add,
  ask,
  device,
  logIn,
  newEmail,
  onServer,
  pair,
  register,
  row,
  settled,
  shows,
  stored,
} from "../src/app.mjs";

/** Where the test run puts each mail as a JSON file. */
const MAILS = process.env.MAILS;
assert.ok(MAILS, "MAILS must name the folder of the mails");

/** Waits for a mail to this address in which `find` finds something; returns that. */
async function inMail(email, find) {
  const start = Date.now();
  for (;;) {
    for (const name of await readdir(MAILS)) {
      const mail = name.endsWith(".json") ? await readFile(join(MAILS, name), "utf8") : "";
      const found = mail.includes(email) ? find(mail) : null;
      if (found) return found;
    }
    assert.ok(Date.now() - start < 120_000, `no mail to ${email} in which ${find} finds something`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Waits for a mail to this address that links to this page; returns the link. */
async function linkIn(email, path) {
  const link = new RegExp(`http://[^"\\\\\\s<>]+/${path}\\?token=[\\w-]+`);
  return (await inMail(email, (mail) => link.exec(mail)))[0];
}

/** Waits for a mail to this address with these words. */
const told = (email, words) => inMail(email, (mail) => mail.includes(words));

test("an address is confirmed by the link in its mail", async () => {
  const { page } = await device();
  await confirm(page, await register(page));
});

async function confirm(page, email) {
  const link = await linkIn(email, "verify-email");
  assert.ok(link.startsWith(`${BASE}/`), "links lead to the app that the server serves");
  await page.goto(link);
  assert.ok(
    !page.url().includes("token") || (await page.waitForURL(/verify-email$/), true),
    "no secret stays in the address bar",
  );
  await page.getByRole("button", { name: "Confirm" }).click();
  await page.getByText("Your address is confirmed.").waitFor();
}

test("a forgotten password is set anew, and the old sessions end", async () => {
  const [old, other] = [await device(), await device()];
  const email = await register(old.page);
  await add(old.page, "kept");
  await settled(old.page);
  await other.page.goto(`${BASE}/forgot-password`);
  await other.page.getByLabel("Email").fill(email);
  await other.page.getByRole("button", { name: "Send a link" }).click();
  await other.page.getByText("a link is on its way").waitFor();
  await other.page.goto(await linkIn(email, "reset-password"));
  await other.page.getByLabel("New password").fill("Another-Horse-8");
  await other.page.getByRole("button", { name: "Set password" }).click();
  await other.page.getByText("The password is set").waitFor();
  await logIn(other.page, email, "Another-Horse-8");
  await shows(other.page, ["kept"]);
  await old.page.locator('.sync-sign[data-tone="warn"]').waitFor();
  await shows(old.page, ["kept"]);
});

test("a login link logs in without a password", async () => {
  const { page } = await device();
  const email = newEmail();
  await page.goto(`${BASE}/login`);
  await page.getByRole("button", { name: "Email me a login link instead" }).click();
  await page.locator('[name="email"]:invalid:focus').waitFor();
  await page.getByLabel("Email").fill(email);
  await page.getByRole("button", { name: "Email me a login link instead" }).click();
  await page.getByText("a link is on its way").waitFor();
  await page.goto(await linkIn(email, "magic-link"));
  await page.getByRole("button", { name: "Log in", exact: true }).click();
  await page.locator("#quick-add").waitFor();
  await settled(page);
});

test("a provider logs in, and the todos of the browser move into the account", async () => {
  const { page, errors } = await device();
  await page.goto(BASE);
  await add(page, "from before the login");
  await stored(page, "from before the login");
  await page.goto(`${BASE}/login`);
  await page.getByRole("button", { name: "Continue with Example" }).click();
  await page.locator("#quick-add").waitFor();
  await settled(page);
  await shows(page, ["from before the login"]);
  await page.goto(`${BASE}/settings`);
  await page.getByText("ann@example.com").waitFor();
  await page.getByText("Unlink Example").waitFor();
  assert.deepEqual(errors, []);
});

test("the last way to log in can't be unlinked, and the page says why", async () => {
  const { page } = await device();
  await logInByProvider(page);
  await page.goto(`${BASE}/settings`);
  await page.getByRole("button", { name: "Unlink Example" }).click();
  await page.getByRole("alert").filter({ hasText: "last way to log in" }).waitFor();
  await page.getByRole("button", { name: "Unlink Example" }).waitFor();
  assert.equal(await page.locator('[name="proof"]').count(), 0, "nobody is asked for a password that does not exist");
});

test("a provider is linked and unlinked by whoever proves to be the owner, who is told by mail", async () => {
  const { page, errors } = await device();
  const email = await register(page);
  // Mail goes to addresses that are confirmed.
  await confirm(page, email);
  await ask("be somebody else at the provider");
  await ask("let all logins be long ago");
  const settings = page.getByRole("heading", { name: "Linked providers" }).locator("..");
  const [link, unlink] = ["Link Example", "Unlink Example"].map((name) =>
    settings.getByRole("button", { name, exact: true }),
  );
  const proof = settings.locator('[name="proof"]');
  await page.goto(`${BASE}/settings`);
  await link.click();
  await settings.getByRole("alert").filter({ hasText: "required" }).waitFor();
  await proof.fill(`${PASSWORD}x`);
  await link.click();
  await settings.getByRole("alert").filter({ hasText: "not your password" }).waitFor();
  await proof.fill(PASSWORD);
  await link.click();
  await unlink.waitFor();
  await told(email, "A new way to log in to your account");

  const other = await device();
  await logInByProvider(other.page);
  await other.page.goto(`${BASE}/settings`);
  await other.page.getByText(email).first().waitFor();

  await page.goto(`${BASE}/settings`);
  await unlink.click();
  await settings.getByRole("alert").filter({ hasText: "required" }).waitFor();
  await proof.fill(PASSWORD);
  await unlink.click();
  await settings.getByRole("status").filter({ hasText: "Example is unlinked" }).waitFor();
  await link.waitFor();
  assert.equal(await proof.inputValue(), "", "a password that was used is not kept in the page");
  await told(email, "A way to log in to your account was removed");
  assert.deepEqual([...errors, ...other.errors], []);
});

async function logInByProvider(page) {
  await page.goto(`${BASE}/login`);
  await page.getByRole("button", { name: "Continue with Example" }).click();
  await page.locator("#quick-add").waitFor();
  await settled(page);
}

test("everything that the server has about a user is saved as a file", async () => {
  const { page, errors } = await device();
  const email = await register(page);
  await add(page, "from the server, שלום 👍🏽");
  await settled(page);
  await page.goto(`${BASE}/settings`);
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Save everything the server has" }).click();
  const file = await download;
  assert.equal(file.suggestedFilename(), "account.json");
  const text = await readFile(await file.path(), "utf8");
  const saved = JSON.parse(text);
  assert.equal(saved.user.email, email);
  assert.deepEqual(
    saved.todos.map((todo) => todo.text),
    ["from the server, שלום 👍🏽"],
  );
  for (const secret of [PASSWORD, "$argon2"]) assert.ok(!text.includes(secret), "no secret is in the file");
  assert.deepEqual(errors, []);
});

test("a device that is logged out elsewhere keeps its todos and says so", async () => {
  const { one, two, email } = await pair("shared");
  await one.page.goto(`${BASE}/settings`);
  await one.page.getByRole("button", { name: /^Log out .* on / }).click();
  await two.page.locator('.sync-sign[data-tone="warn"]', { hasText: "Logged out" }).waitFor();
  await add(two.page, "written after it");
  await shows(two.page, ["shared", "written after it"]);
  await logIn(two.page, email);
  await settled(two.page);
  assert.equal((await onServer(email)).server_changes.length, 2);
});

test("a wrong password says so, and an account can be deleted for good", async () => {
  const { page } = await device();
  const email = await register(page);
  await add(page, "gone soon");
  await settled(page);
  const other = await device();
  await other.page.goto(`${BASE}/login`);
  await other.page.getByLabel("Email", { exact: true }).fill(email);
  await other.page.getByLabel("Password", { exact: true }).fill(`${PASSWORD}x`);
  await other.page.getByRole("button", { name: "Log in", exact: true }).click();
  await other.page.getByRole("alert").filter({ hasText: /./ }).first().waitFor();
  await page.goto(`${BASE}/settings`);
  await page.getByRole("button", { name: "Delete account" }).click();
  await page.locator('[name="delete-password"]').fill(PASSWORD);
  await page.getByRole("button", { name: "Delete for good" }).click();
  await page.getByText("Nothing to do yet").waitFor();
  await row(page, "gone soon").waitFor({ state: "detached" });
  const answer = await fetch(`${BASE}/api/v1/auth/login`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ email, password: PASSWORD }),
  });
  assert.equal(answer.status, 401);
});
