// Measures the app at BASE_URL: when it can be used on a slow device, and how smoothly a long list scrolls.
// The figures are times, so the machine should be quiet; Chromium draws without a graphics card.

import { BASE, device, importList } from "./src/app.mjs";

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

async function slow(page, times) {
  const session = await page.context().newCDPSession(page);
  await session.send("Emulation.setCPUThrottlingRate", { rate: times });
  return session;
}

/** Milliseconds of processor time that the page's main thread has used. */
async function threadTime(session) {
  const { metrics } = await session.send("Performance.getMetrics");
  return 1000 * metrics.find(({ name }) => name === "TaskDuration").value;
}

/**
 * Milliseconds from the first navigation of a new browser, slowed so many times, until a letter that is typed can be
 * added, and the processor time of the page's main thread until then.
 */
async function usable(times) {
  const { page, context } = await device();
  const session = await slow(page, times);
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
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
  const measured = { wall: await time.jsonValue(), thread: await threadTime(session) };
  await context.close();
  return measured;
}

/** The frames of three seconds in each of which the page is scrolled by so many pixels, from its top. */
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
          else resolve({ count, seconds: (now - start) / 1000 });
        };
        requestAnimationFrame(frame);
      }),
    pixels,
  );

for (const times of [1, 4]) {
  const visits = [];
  while (visits.length < 7) visits.push(await usable(times));
  const [wall, thread] = ["wall", "thread"].map((kind) => median(visits.map((visit) => visit[kind])).toFixed(0));
  console.log(`slowed ${times} times: a first visit can be used after ${wall} ms, ${thread} ms of its thread`);
}

const { page, context } = await device();
const empty = await context.newPage();
await empty.setContent('<body style="height: 300000px">');
await importList(page, Array.from({ length: 5000 }, (_, n) => `todo number ${n}`).join("\n"));
await page.goto(BASE);
await page.locator("[data-todo]").first().waitFor();
for (const pixels of [10, 50]) {
  const measured = [];
  for (const tab of [empty, page]) {
    await tab.bringToFront();
    const session = await context.newCDPSession(tab);
    await session.send("Performance.enable", { timeDomain: "threadTicks" });
    const before = await threadTime(session);
    const { count, seconds } = await frames(tab, pixels);
    const thread = ((await threadTime(session)) - before) / count;
    measured.push(`${(count / seconds).toFixed(0)} frames a second, ${thread.toFixed(1)} ms of its thread each`);
  }
  console.log(`${pixels} px a frame: 5,000 todos ${measured[1]}; an empty page ${measured[0]}`);
}
process.exit(0);
