// Accounts: mail by a real SMTP server, login by a real OpenID Connect provider, devices, deletion.

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import {
  BASE,
  PASSWORD,
  add,
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

/** Waits for a mail to this address that links to this page; returns the link. */
async function linkIn(page, email, path) {
  const start = Date.now();
  for (;;) {
    for (const name of await readdir(MAILS)) {
      const mail = await readFile(join(MAILS, name), "utf8");
      const link = mail.includes(email) ? new RegExp(`http://[^"\\\\\\s<>]+/${path}\\?token=[\\w-]+`).exec(mail) : null;
      if (link) return link[0];
    }
    assert.ok(Date.now() - start < 60_000, `no mail to ${email} with a link to ${path}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test("an address is confirmed by the link in its mail", async () => {
  const { page } = await device();
  const email = await register(page);
  const link = await linkIn(page, email, "verify-email");
  assert.ok(link.startsWith(`${BASE}/`), "links lead to the app that the server serves");
  await page.goto(link);
  assert.ok(
    !page.url().includes("token") || (await page.waitForURL(/verify-email$/), true),
    "no secret stays in the address bar",
  );
  await page.getByRole("button", { name: "Confirm" }).click();
  await page.getByText("Your address is confirmed.").waitFor();
});

test("a forgotten password is set anew, and the old sessions end", async () => {
  const [old, other] = [await device(), await device()];
  const email = await register(old.page);
  await add(old.page, "kept");
  await settled(old.page);
  await other.page.goto(`${BASE}/forgot-password`);
  await other.page.getByLabel("Email").fill(email);
  await other.page.getByRole("button", { name: "Send a link" }).click();
  await other.page.getByText("a link is on its way").waitFor();
  await other.page.goto(await linkIn(other.page, email, "reset-password"));
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
  await page.goto(await linkIn(page, email, "magic-link"));
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
