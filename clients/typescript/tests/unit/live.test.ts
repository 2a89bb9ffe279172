/** A socket that stays silent, or is closed again and again. */

import { afterEach, expect, test, vi } from "vitest";

import { Live, type LiveParts } from "../../src/live.js";

afterEach(() => void vi.useRealTimers());

interface Socket {
  closed: boolean;
  onclose: (event: { code: number }) => void;
}

/** Sockets that are made, and a live connection that makes them. */
function counted(parts: Partial<LiveParts> = {}): { sockets: Socket[]; live: Live } {
  const sockets: Socket[] = [];
  class Counted implements Socket {
    closed = false;
    onclose: Socket["onclose"] = () => undefined;
    constructor() {
      sockets.push(this);
    }
    close(): void {
      this.closed = true;
    }
  }
  const live = new Live({
    url: "ws://localhost/ws/todos",
    WebSocket: Counted as unknown as typeof WebSocket,
    token: async () => "token",
    refresh: async () => undefined,
    cursor: () => null,
    deviceName: () => "phone",
    told: () => undefined,
    changed: () => undefined,
    ...parts,
  });
  return { sockets, live };
}

test("a connection on which nothing is ever heard is given up, and tried again", async () => {
  vi.useFakeTimers();
  const { sockets, live } = counted();
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

test("a socket that is refused its new token, too, is tried less and less often", async () => {
  vi.useFakeTimers();
  const { sockets, live } = counted({
    // As a client does that sees a new token.
    refresh: async () => live.connect(),
  });
  live.connect();
  for (let time = 0; time < 60_000; time += 50) {
    await vi.advanceTimersByTimeAsync(50);
    const last = sockets.at(-1);
    if (last && !last.closed) last.onclose({ code: 4401 });
  }
  expect(sockets.length).toBeGreaterThan(3);
  expect(sockets.length).toBeLessThan(12);
  live.forgive();
  live.connect();
  const tried = sockets.length;
  await vi.advanceTimersByTimeAsync(0);
  expect(sockets).toHaveLength(tried + 1);
  live.close();
});

test("a user who goes while the socket waits for the token has none", async () => {
  let come: (token: string) => void = () => undefined;
  const { sockets, live } = counted({ token: () => new Promise((done) => (come = done)) });
  live.connect();
  const early = come;
  live.disconnect();
  live.connect();
  early("the earlier user's");
  await Promise.resolve();
  expect(sockets).toHaveLength(0);
  come("the later user's");
  await vi.waitFor(() => expect(sockets).toHaveLength(1));
  live.close();
});
