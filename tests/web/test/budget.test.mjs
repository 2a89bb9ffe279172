// The size of the first page, its policy, and a list of 5,000.

import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { BASE, device, importList, installed, row, shows, typed } from "../src/app.mjs";

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

test("the app can be installed", async () => {
  const { page, context } = await device();
  await page.goto(BASE);
  await installed(page);
  const session = await context.newCDPSession(page);
  const { errors, data } = await session.send("Page.getAppManifest");
  assert.deepEqual(errors, []);
  const { share_target, start_url } = JSON.parse(data);
  assert.deepEqual([share_target.action, start_url], ["/add", "/"]);
  const { installabilityErrors } = await session.send("Page.getInstallabilityErrors");
  // The contexts of these tests are private windows.
  const inTheWay = installabilityErrors.map(({ errorId }) => errorId).filter((id) => id !== "in-incognito");
  assert.deepEqual(inTheWay, []);
});

test("what is typed before the scripts have arrived is kept, and can be added", async () => {
  const { page, context, errors } = await device();
  let arrive;
  const held = new Promise((resolve) => (arrive = resolve));
  await context.route("**/_next/static/**/*.js", async (route) => {
    await held;
    await route.continue();
  });
  await page.goto(BASE, { waitUntil: "commit" });
  await page.locator("#quick-add").pressSequentially("typed at once");
  arrive();
  await page.locator(".empty").waitFor();
  await typed(page, "typed at once");
  await page.locator("#quick-add").press("Enter");
  await shows(page, ["typed at once"]);
  assert.deepEqual(errors, []);
});

/** Scrolls to the end until the row is there: rows that are measured on the way move the end. */
async function toTheEnd(page, row, scroll = () => page.keyboard.press("End")) {
  for (let n = 0; n < 100 && !(await row.isVisible()); n++) {
    await scroll();
    await page.waitForTimeout(100);
  }
  await row.waitFor();
}

test("5,000 todos can be imported, scrolled and searched, and few of them are in the page at a time", async () => {
  const { page, errors } = await device();
  await importList(page, Array.from({ length: 5000 }, (_, n) => `todo number ${n}`).join("\n"));
  await page.goto(BASE);
  await page.getByText("5,000 todos", { exact: true }).waitFor();
  const number = (n) => row(page, new RegExp(`^todo number ${n}$`));
  const isSmall = async () =>
    assert.ok((await page.locator("[data-todo]").count()) < 200, "rows out of sight are not there");
  await toTheEnd(page, number(4999));
  await isSmall();
  assert.equal(await number(4999).getAttribute("aria-posinset"), "5000");
  await page.keyboard.press("Home");
  await number(0).waitFor();
  await page.mouse.move(700, 500);
  await page.mouse.wheel(0, 16_000);
  await number(300).waitFor();
  await isSmall();

  await page.keyboard.press("Home");
  await number(0).locator("[data-open]").focus();
  await toTheEnd(page, number(4999));
  await page.keyboard.press("j");
  await number(1).locator("[data-open]:focus").waitFor();
  await page.keyboard.press("e");
  await page.locator('.editor [name="text"]').fill("half edited");
  const scroll = () => page.evaluate(() => window.scrollTo(0, document.body.scrollHeight));
  await toTheEnd(page, number(4999), scroll);
  assert.equal(await page.locator('.editor [name="text"]').inputValue(), "half edited");
  await isSmall();
  await page.getByRole("button", { name: "Cancel" }).click();

  await page.keyboard.press("Control+k");
  await page.keyboard.type("number 2500");
  await page.locator("[role=option]", { hasText: "todo number 2500" }).waitFor();
  await page.keyboard.press("Enter");
  await page.locator('.editor [name="text"]:focus').and(page.locator('[value="todo number 2500"]')).waitFor();
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.locator("#search").fill("number 4998");
  await shows(page, ["todo number 4998"]);
  assert.deepEqual(errors, []);
});
