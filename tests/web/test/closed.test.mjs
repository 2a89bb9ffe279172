// A server without registration, and without passwords: the app offers what the server offers.

import assert from "node:assert/strict";
import { test } from "node:test";
import { BASE, add, device, shows, stored } from "../src/app.mjs";

test("a closed registration says so, and the list works all the same", async () => {
  const { page } = await device();
  await page.goto(`${BASE}/register`);
  await page.getByText("This server accepts no new accounts.").waitFor();
  assert.equal(await page.getByLabel("Password").count(), 0);
  await page.goto(BASE);
  await add(page, "only here");
  await shows(page, ["only here"]);
  assert.equal(await page.locator(".sync-sign").textContent(), "Sync state: Only in this browser");
});

test("a server without passwords offers its other ways to log in", async () => {
  const { page } = await device();
  await page.goto(`${BASE}/login`);
  await page.getByLabel("Email").fill("ann@example.com");
  await page.getByLabel("Email").press("Enter");
  await page.getByText("a link is on its way").waitFor();
  assert.equal(await page.getByLabel("Password").count(), 0);
  assert.equal(await page.getByRole("link", { name: "Create one" }).count(), 0);
});

test("a page opened while the server is away says so, and loses nothing", async () => {
  const { page, context } = await device();
  await page.goto(BASE);
  await add(page, "kept");
  await stored(page, "kept");
  await context.route("**/api/v1/**", (route) => route.abort());
  await page.goto(`${BASE}/login`);
  await page.getByText("The server can't be reached.").waitFor();
  await page.goto(BASE);
  await shows(page, ["kept"]);
});
