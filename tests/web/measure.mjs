// Measures the app at BASE_URL: when it can be used on a slow device, and how smoothly a long list scrolls.
// The figures are times, so the machine should be quiet; Chromium draws without a graphics card.

import { BASE, device, importList } from "./src/app.mjs";

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

async function slow(page, times) {
  const session = await page.context().newCDPSession(page);
  await session.send("Emulation.setCPUThrottlingRate", { rate: times });
}

/** Milliseconds from the first navigation of a new browser until a letter that is typed can be added. */
async function usable() {
  const { page, context } = await device();
  await slow(page, 4);
  await page.addInitScript(() => {
    document.addEventListener("DOMContentLoaded", () => {
      const field = document.getElementById("quick-add");
      field.focus();
      document.execCommand("insertText", false, "a");
      const look = () => {
        if (field.form.querySelector("button").disabled) requestAnimationFrame(look);
        else window.usableAt = performance.now();
      };
      look();
    });
  });
  await page.goto(BASE, { waitUntil: "commit" });
  const time = await page.waitForFunction(() => window.usableAt);
  const milliseconds = await time.jsonValue();
  await context.close();
  return milliseconds;
}

/** Frames a second while the page is scrolled by so many pixels in each, from its top, for three seconds. */
const frames = (page, pixels) =>
  page.evaluate(
    (pixels) =>
      new Promise((resolve) => {
        window.scrollTo(0, 0);
        let [count, start] = [0, 0];
        const frame = (now) => {
          start ||= now;
          count += 1;
          window.scrollBy(0, pixels);
          if (now - start < 3000) requestAnimationFrame(frame);
          else resolve((1000 * count) / (now - start));
        };
        requestAnimationFrame(frame);
      }),
    pixels,
  );

const first = [];
while (first.length < 7) first.push(await usable());
console.log(`a first visit can be used after ${median(first).toFixed(0)} ms on a processor slowed 4 times`);

const { page, context } = await device();
const empty = await context.newPage();
await empty.setContent('<body style="height: 300000px">');
await importList(page, Array.from({ length: 5000 }, (_, n) => `todo number ${n}`).join("\n"));
await page.goto(BASE);
await page.locator("[data-todo]").first().waitFor();
for (const times of [1, 4]) {
  for (const pixels of [10, 50]) {
    const rates = [];
    for (const tab of [empty, page]) {
      await tab.bringToFront();
      await slow(tab, times);
      rates.push((await frames(tab, pixels)).toFixed(0));
    }
    const [bare, list] = rates;
    console.log(
      `slowed ${times} times, ${pixels} px a frame: 5,000 todos ${list}, an empty page ${bare} frames a second`,
    );
  }
}
process.exit(0);
