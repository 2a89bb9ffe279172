import { afterAll, beforeAll, expect, test } from "vitest";

import { deviceOf, newEmail, PASSWORD, texts } from "../support/account.js";
import { TestServer } from "../support/server.js";

let server: TestServer;
const items = new Map<string, string>();
beforeAll(async () => {
  server = await TestServer.start();
  const storage = {
    getItem: (key: string) => items.get(key) ?? null,
    setItem: (key: string, value: string) => void items.set(key, value),
    removeItem: (key: string) => void items.delete(key),
  };
  Object.defineProperty(globalThis, "localStorage", { value: storage, configurable: true });
});
afterAll(() => server?.end());

const OLD = [
  { id: 1, text: "Buy milk", completed: false, createdAt: 1767953700000 },
  { id: 2, text: "x".repeat(600), completed: 1, createdAt: "2026-01-09T10:15:00.000Z" },
  { id: 3, text: "  ", createdAt: 1767953700000 },
  { text: "No id" },
  "Just a text",
];

test("an old list is given up only when the server has it, and what it refuses stays", async () => {
  const device = deviceOf(server.url);
  items.set("simple_todos_v1", JSON.stringify(OLD));
  await expect(device.importLocalStorage("simple_todos_v1")).rejects.toMatchObject({ status: 401 });
  expect(JSON.parse(items.get("simple_todos_v1") ?? "[]")).toHaveLength(5);
  await device.session.register(newEmail(), PASSWORD);
  const result = await device.importLocalStorage("simple_todos_v1");
  expect(result).toMatchObject({ created: 4, existing: 0, rejected: [{ code: "VALIDATION_004" }] });
  expect(JSON.parse(items.get("simple_todos_v1") ?? "[]")).toEqual([OLD[2]]);
  await device.sync();
  expect(texts(device)).toHaveLength(4);
  items.set("simple_todos_v1", JSON.stringify(OLD));
  expect(await device.importLocalStorage("simple_todos_v1")).toMatchObject({
    created: 0,
    existing: 4,
  });
  expect((await device.importLocalStorage("simple_todos_v1")).rejected).toHaveLength(1);
  items.set("simple_todos_v1", "[]");
  await device.importLocalStorage("simple_todos_v1");
  expect(items.has("simple_todos_v1")).toBe(false);
});
