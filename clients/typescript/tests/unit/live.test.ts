/** A socket that stays silent. */

import { afterEach, expect, test, vi } from "vitest";

import { Live } from "../../src/live.js";

afterEach(() => void vi.useRealTimers());

test("a connection on which nothing is ever heard is given up, and tried again", async () => {
  vi.useFakeTimers();
  const sockets: { closed: boolean }[] = [];
  class Socket {
    closed = false;
    constructor() {
      sockets.push(this);
    }
    close(): void {
      this.closed = true;
    }
  }
  const live = new Live({
    url: "ws://localhost/ws/todos",
    WebSocket: Socket as unknown as typeof WebSocket,
    token: async () => "token",
    refresh: async () => undefined,
    cursor: () => null,
    deviceName: () => "phone",
    told: () => undefined,
    changed: () => undefined,
  });
  live.connect();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(sockets).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(sockets.length).toBeGreaterThan(1);
  expect(sockets[0]?.closed).toBe(true);
  live.close();
  const tried = sockets.length;
  await vi.advanceTimersByTimeAsync(600_000);
  expect(sockets).toHaveLength(tried);
});
