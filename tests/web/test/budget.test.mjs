// The size of the first page, its policy, and a list of 5,000.

import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { BASE, device, row } from "../src/app.mjs";

/** Bytes of JavaScript, gzipped as served, that the first page may load. */
const BUDGET = 220 * 1024;

test("the first page loads at most 220 KiB of scripts, under a policy without unsafe-inline", async () => {
  const { page, errors } = await device();
  const sizes = [];
  page.on("requestfinished", async (request) => {
    if (request.resourceType() === "script" && !request.url().endsWith("/sw.js")) sizes.push(request.sizes());
  });
  const response = await page.goto(BASE);
  const policy = response.headers()["content-security-policy"];
  assert.match(policy, /script-src 'self' 'sha256-/);
  assert.doesNotMatch(policy, /unsafe/);
  await page.getByText("Nothing to do yet").waitFor();
  const bytes = (await Promise.all(sizes)).reduce((sum, { responseBodySize }) => sum + responseBodySize, 0);
  console.log(`scripts of the first page: ${(bytes / 1024).toFixed(1)} KiB`);
  assert.ok(bytes > 0 && bytes <= BUDGET, `${bytes} bytes`);
  assert.deepEqual(errors, []);
  assert.ok(gzipSync(await response.text()).length < 20 * 1024, "the page itself is small");
});

test("an asset of an old version is 404 and no page", async () => {
  const answer = await fetch(`${BASE}/_next/static/chunks/old-0000.js`, { headers: { accept: "text/html" } });
  assert.equal(answer.status, 404);
  assert.match(answer.headers.get("content-type"), /application\/problem\+json/);
});

test("5,000 todos can be imported, scrolled and searched", async () => {
  const { page } = await device();
  await page.goto(`${BASE}/settings`);
  const lines = Array.from({ length: 5000 }, (_, n) => `todo number ${n}`).join("\n");
  await page
    .getByLabel("Import a file")
    .setInputFiles({ name: "list.txt", mimeType: "text/plain", buffer: Buffer.from(lines) });
  await page.getByText("5,000 todos imported").waitFor();
  await page.goto(BASE);
  await page.getByText("5,000 todos", { exact: true }).waitFor();
  assert.ok((await page.locator("[data-todo]").count()) < 500, "the list grows while one scrolls");
  await page.mouse.move(700, 500);
  const start = Date.now();
  while ((await row(page, /^todo number 300$/).count()) === 0) {
    assert.ok(Date.now() - start < 60_000, "scrolling brings the rest");
    await page.mouse.wheel(0, 4000);
    await page.waitForTimeout(50);
  }
  await page.locator("#search").fill("number 4999");
  await row(page, /^todo number 4999$/).waitFor();
});
