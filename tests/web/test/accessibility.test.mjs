// Every page in light and dark, on a phone and on a desk: axe finds nothing serious, nothing overflows.
// With SCREENSHOTS set, each page is also photographed into that folder; with UPDATE_PICTURE, the list for
// the README.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { before, test } from "node:test";
import { BASE, add, device, edit, register, row, settled } from "../src/app.mjs";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const SCREENSHOTS = process.env.SCREENSHOTS;

const PAGES = [
  "/",
  "/?view=today",
  "/?view=upcoming",
  "/?view=overdue",
  "/?view=done",
  "/?tag=home",
  "/?list=Groceries",
  "/settings",
  "/review",
  "/login",
  "/register",
  "/forgot-password",
  "/reset-password?token=x",
  "/verify-email?token=x",
  "/magic-link?token=x",
  "/signed-in",
  "/nowhere",
];
const TODOS = [
  "Buy milk @Groceries",
  "Call Ann tomorrow 9am #home !1",
  "Water plants every Monday #home",
  "Read the report by Friday !2",
  "Bread, butter, and the good cheese from the market at the corner @Groceries",
  "Pay the rent today",
];

let storage;
before(async () => {
  const { page, context } = await device();
  await register(page);
  for (const line of TODOS) await add(page, line, /tomorrow|Monday|Friday|today/.test(line) ? /day|Tomorrow/ : undefined);
  await edit(page, "Buy milk", { day: "2024-02-29", note: "two litres" });
  await add(page, "Done already");
  await row(page, "Done already").getByRole("checkbox").click();
  await settled(page);
  storage = await context.storageState({ indexedDB: true });
  await context.close();
});

/** What axe finds, rules of WCAG 2.2 AA only. */
async function violations(page) {
  const found = await page.evaluate(async (source) => {
    // Injected as text: the policy of the page admits no foreign script file.
    if (!window.axe) new Function(source)();
    const { violations } = await window.axe.run(document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    });
    return violations.map(
      ({ id, impact, nodes }) => `${impact} ${id}: ${nodes.map((node) => node.html.slice(0, 120)).join(" | ")}`,
    );
  }, axe);
  return found.filter((violation) => !violation.startsWith("minor"));
}

const sizes = {
  phone: { width: 390, height: 844 },
  desk: { width: 1280, height: 800 },
  narrow: { width: 320, height: 640 },
};

for (const colorScheme of ["light", "dark"]) {
  for (const [size, viewport] of Object.entries(sizes)) {
    test(`every page is accessible and fits: ${colorScheme}, ${size}`, async () => {
      const { page, context, errors } = await device({ viewport, colorScheme, storageState: storage, bypassCSP: true });
      const problems = [];
      for (const path of PAGES) {
        await page.goto(`${BASE}${path}`);
        await page.locator("h1").first().waitFor();
        if (path.startsWith("/?") || path === "/") await page.locator(".list-count, .empty").first().waitFor();
        if (path === "/settings") await page.getByText("this device").first().waitFor();
        if (["/login", "/register"].includes(path)) await page.getByLabel("Password").waitFor();
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        if (overflow > 0) problems.push(`${path} is ${overflow} px too wide`);
        problems.push(...(await violations(page)).map((violation) => `${path}: ${violation}`));
        if (SCREENSHOTS && size !== "narrow") {
          const name = path.replace(/[^a-z]+/g, "-").replace(/^-|-$/g, "") || "all";
          await page.screenshot({
            path: join(SCREENSHOTS, `${name}-${colorScheme}-${size}.png`),
            fullPage: path === "/settings",
          });
        }
      }
      await page.goto(BASE);
      if (process.env.UPDATE_PICTURE && colorScheme === "light" && size === "desk") {
        await page.locator("[data-todo]").first().waitFor();
        await page.screenshot({ path: "../../docs/app.png", clip: { x: 0, y: 0, width: 1280, height: 640 } });
      }
      for (const open of [
        () => page.locator(".sync-sign").click(),
        () => page.keyboard.press("?"),
        () => page.keyboard.press("Control+k"),
      ]) {
        await page.locator("[data-todo]").first().waitFor();
        await open();
        await page.locator("dialog[open]").waitFor();
        problems.push(...(await violations(page)).map((violation) => `a dialog: ${violation}`));
        await page.keyboard.press("Escape");
        await page.locator("dialog[open]").waitFor({ state: "detached" });
      }
      await page.locator("[data-open]").first().click();
      problems.push(...(await violations(page)).map((violation) => `the editor: ${violation}`));
      if (SCREENSHOTS && size !== "narrow")
        await page.screenshot({ path: join(SCREENSHOTS, `editor-${colorScheme}-${size}.png`) });
      assert.deepEqual(problems, []);
      assert.deepEqual(errors, []);
      await context.close();
    });
  }
}
