// A server that offers no way to log in: no passwords, no mail, no provider.

import assert from "node:assert/strict";
import { test } from "node:test";
import { BASE, add, device, shows } from "../src/app.mjs";

test("where nobody can log in, the pages say so, and the list works all the same", async () => {
  const { page, errors } = await device();
  for (const path of ["/login", "/register"]) {
    await page.goto(`${BASE}${path}`);
    await page.getByText("This server offers no way to log in here.").waitFor();
    assert.equal(await page.locator("form").count(), 0);
  }
  await page.goto(BASE);
  await add(page, "only here");
  await shows(page, ["only here"]);
  assert.deepEqual(errors, []);
});
