// @vitest-environment happy-dom
/** A page that comes back does not wait for what failed while it was away. */

import { expect, test } from "vitest";

import { createTodoClient } from "../../src/index.js";
import { loggedInStore, until } from "../support/account.js";

const NOW = Date.parse("2026-01-09T10:00:00Z");

test("back online, the first failure is followed by another try within a second", async () => {
  let tries = 0;
  const client = createTodoClient({
    store: await loggedInStore(),
    WebSocket: null,
    now: () => NOW,
    fetch: async () => {
      tries += 1;
      throw new TypeError("offline");
    },
  });
  for (let event = 1; event <= 8; event += 1) {
    const before = tries;
    let wait: number | null = null;
    const stop = client.subscribe(() => {
      const { retryAt } = client.getSnapshot().sync;
      if (retryAt !== null && tries > before) wait ??= Date.parse(retryAt) - NOW;
    });
    window.dispatchEvent(new Event("online"));
    await until(() => wait !== null, "it has tried");
    stop();
    expect(wait).toBeLessThanOrEqual(1_000);
  }
  await client.close();
});
