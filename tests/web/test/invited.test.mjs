// A server that admits only whom its operator invited: LINK is an invitation of the address INVITED.

import assert from "node:assert/strict";
import { test } from "node:test";
import { BASE, PASSWORD, add, device, newEmail, settled, shows, stored, verified } from "../src/app.mjs";

const { INVITED, LINK } = process.env;
assert.ok(INVITED && LINK, "INVITED and LINK name who is invited, and how");

async function fill(page, email) {
  await page.getByLabel("Email", { exact: true }).fill(email);
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: "Create account" }).click();
}

test("without an invitation the app says whom the server admits", async () => {
  const { page } = await device();
  await page.goto(`${BASE}/register`);
  await page.getByText("by invitation only").waitFor();
  assert.equal(await page.getByLabel("Password").count(), 0);
  await page.goto(`${BASE}/login`);
  await page.getByLabel("Password").waitFor();
  assert.equal(await page.getByRole("link", { name: "Create one" }).count(), 0);
});

test("an invitation registers its address once, and takes the todos of the browser along", async () => {
  const { page, errors } = await device();
  await page.goto(BASE);
  await add(page, "from before");
  await stored(page, "from before");
  await page.goto(LINK);
  await page.getByText("You are invited.").waitFor();
  assert.ok(!page.url().includes("invitation="), "no secret stays in the address bar");
  await fill(page, newEmail());
  await page.getByRole("alert").filter({ hasText: "invitation" }).waitFor();
  await fill(page, INVITED);
  await page.locator("#quick-add").waitFor();
  await settled(page);
  await shows(page, ["from before"]);
  await verified(page);

  const other = await device();
  await other.page.goto(LINK);
  await fill(other.page, INVITED);
  await other.page.getByRole("alert").filter({ hasText: "invitation" }).waitFor();
  assert.deepEqual([...errors, ...other.errors], []);
});
