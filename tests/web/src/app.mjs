// The app in Chromium: a browser, devices, and what a user does with them.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { connect } from "node:net";
import { after } from "node:test";
import { chromium } from "playwright-core";

export const BASE = process.env.BASE_URL;
export const PASSWORD = "Correct-Horse-7";
/** Upper bound of every wait; only a failing test waits so long. */
const TIMEOUT = Number(process.env.PATIENCE ?? 60_000);

const executablePath = [
  process.env.CHROMIUM,
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
].find((path) => path && existsSync(path));
assert.ok(BASE, "BASE_URL must name a running server");
assert.ok(executablePath, "Chromium is needed: `apt-get install chromium`");

const args = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-dev-shm-usage",
  // Chromium ignores some keys that are pressed while an earlier one still scrolls, on any page.
  "--disable-smooth-scrolling",
];
const browser = await chromium.launch({ executablePath, args, timeout: TIMEOUT });
after(() => browser.close());

/** A device: a browser profile of its own, with one page. Errors of the page fail the test. */
export async function device(options = {}) {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    locale: "en-GB",
    timezoneId: "Europe/Berlin",
    reducedMotion: "reduce",
    ...options,
  });
  context.setDefaultTimeout(TIMEOUT);
  const page = await context.newPage();
  const errors = watch(page);
  return { context, page, errors };
}

/** Collects what the page reports as an error: exceptions, and violations of its Content Security Policy. */
export function watch(page) {
  const errors = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => {
    if (/content security policy/i.test(message.text())) errors.push(message.text());
  });
  return errors;
}

/** Asks whoever runs this file for a step beside the browser, such as a restart of the server, and waits for its end. */
export async function ask(step) {
  const socket = connect(Number(process.env.CONTROL), "127.0.0.1");
  socket.write(`${step}\n`);
  let answer = "";
  for await (const part of socket) answer += part;
  assert.equal(answer, "done\n", `${step} failed`);
}

let users = 0;
/** An address that no other test uses. */
export const newEmail = () => `user-${process.pid}-${Date.now()}-${++users}@example.com`;

/** Registers in the app, from whatever page it shows. */
export async function register(page, email = newEmail()) {
  await page.goto(`${BASE}/register`);
  await page.getByLabel("Email", { exact: true }).fill(email);
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: "Create account" }).click();
  await page.locator("#quick-add").waitFor();
  await settled(page);
  return email;
}

export async function logIn(page, email, password = PASSWORD) {
  await page.goto(`${BASE}/login`);
  await page.getByLabel("Email", { exact: true }).fill(email);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Log in", exact: true }).click();
  await page.locator("#quick-add").waitFor();
}

/** Waits until the sign is green. */
export const settled = (page) => page.locator('.sync-sign[data-tone="good"]').waitFor();

/** Waits until the page's scripts hear events: what is done to a page before that may be lost. */
export const alive = (page) =>
  page.waitForFunction(() => Object.keys(document).some((key) => key.startsWith("_reactListening")));

/** Waits until the page's scripts hold this text in the quick-add field. */
export const typed = (page, line) =>
  page.waitForFunction((line) => document.querySelector("#quick-add")?.getAttribute("value") === line, line);

/** Adds a todo with the quick-add field; `understood` is a part of the line whose reading is awaited. */
export async function add(page, line, understood) {
  await page.locator("#quick-add").fill(line);
  await typed(page, line);
  if (understood) await page.locator(".chip", { hasText: understood }).first().waitFor();
  await page.locator("#quick-add").press("Enter");
  await typed(page, "");
}

export const row = (page, text) =>
  page.locator("[data-todo]").filter({ has: page.locator(".todo-text", { hasText: text }) });

/** The texts of the shown todos. */
export const shown = (page) => page.locator(".todo-text").allTextContents();

/** Waits until the list shows exactly these texts, in this order. */
export async function shows(page, expected) {
  const start = Date.now();
  for (;;) {
    const texts = await shown(page);
    if (JSON.stringify(texts) === JSON.stringify(expected)) return;
    if (Date.now() - start > TIMEOUT) assert.deepEqual(texts, expected);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Two devices of a new user, both of which show these todos. */
export async function pair(...texts) {
  const [one, two] = [await device(), await device()];
  const email = await register(one.page);
  for (const text of texts) await add(one.page, text);
  await settled(one.page);
  await logIn(two.page, email);
  await shows(two.page, texts);
  return { one, two, email };
}

/** Edits a todo in its place; `fields` are the names in the form. */
export async function edit(page, text, fields) {
  await row(page, text).locator("[data-open]").click();
  for (const [name, value] of Object.entries(fields)) await page.locator(`.editor [name="${name}"]`).fill(value);
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.locator(".editor").waitFor({ state: "detached" });
}

/** Pastes into the focused field; returns whether the browser would go on to do it. */
export async function paste(page, text) {
  await alive(page);
  return page.evaluate((text) => {
    const data = new DataTransfer();
    data.setData("text/plain", text);
    const event = new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true });
    return document.activeElement.dispatchEvent(event);
  }, text);
}

/** Chooses a file to import on the page of the settings. */
export async function choose(page, name, mimeType, content) {
  const field = page.getByLabel("Import a file").and(page.locator(":enabled"));
  await field.setInputFiles({ name, mimeType, buffer: Buffer.from(content) });
}

/** Imports a file of lines in the settings. */
export async function importList(page, content) {
  await page.goto(`${BASE}/settings`);
  await choose(page, "list.txt", "text/plain", content);
  await page.getByRole("status").filter({ hasText: "imported" }).waitFor();
}

/** The todos of an account as the server has them, and the server's digest. */
export async function onServer(email) {
  const post = async (path, body, token) => {
    const headers = { "content-type": "application/json", ...(token ? { authorization: `Bearer ${token}` } : {}) };
    const answer = await fetch(`${BASE}/api/v1${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    assert.equal(answer.status, 200, await answer.clone().text());
    return answer.json();
  };
  const { access_token } = await post("/auth/login", { email, password: PASSWORD, client_id: "test" });
  return post("/todos/sync", { client_id: "test" }, access_token);
}

/** Waits until this device says that it holds exactly what the server has. */
export async function verified(page) {
  await settled(page);
  await page.locator(".sync-sign").click();
  await page.getByText("The same on all devices").waitFor();
  await page.getByRole("button", { name: "Close" }).click();
}

/** Waits until the service worker keeps the app. */
export const installed = (page) => page.waitForFunction(() => navigator.serviceWorker.controller !== null);

/** Waits until the browser has stored something with this text, so that the page may be left. */
export const stored = (page, text) =>
  page.waitForFunction(async (text) => {
    const done = (request) =>
      new Promise((resolve) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => resolve(null);
        // What was deleted meanwhile is not made anew.
        request.onupgradeneeded = () => request.transaction.abort();
      });
    for (const { name } of await indexedDB.databases()) {
      const database = await done(indexedDB.open(name));
      if (!database) continue;
      try {
        for (const store of database.objectStoreNames) {
          const rows = await done(database.transaction(store).objectStore(store).getAll());
          if (JSON.stringify(rows).includes(text)) return true;
        }
      } finally {
        database.close();
      }
    }
    return false;
  }, text);
