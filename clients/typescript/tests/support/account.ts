/** Accounts and clients for tests with the server. */

import {
  createTodoClient,
  memoryStore,
  type ClientOptions,
  type SessionRecord,
  type Store,
  type TodoClient,
} from "../../src/index.js";

export const PASSWORD = "Correct-horse-7!";

let users = 0;

/** An address that no other test has. */
export function newEmail(): string {
  return `user-${process.pid}-${Math.round(performance.now() * 1000)}-${(users += 1)}@example.com`;
}

/** A device that syncs only when it is told to. */
export function deviceOf(baseUrl: string, options: ClientOptions = {}): TodoClient {
  return createTodoClient({ baseUrl, store: memoryStore(), automatic: false, ...options });
}

/** The session of a user who is logged in. */
export const LOGGED_IN: SessionRecord = {
  userId: "0190163d-8694-739b-aea5-966c26f8ad91",
  email: null,
  displayName: null,
  emailVerified: false,
  tokens: { access: "a", refresh: "r" },
  expired: false,
};

/** The answer to a sync of a device that has everything. */
export const NOTHING_NEW = {
  applied: [],
  versions: {},
  stamps: {},
  conflicts: [],
  rejected: [],
  server_changes: [],
  has_more: false,
  sync_timestamp: "2026-01-09T10:00:00.000000Z",
  epoch: "e",
  digest: null,
};

/** A store in which a user is logged in already. */
export async function loggedInStore(userId = LOGGED_IN.userId): Promise<Store> {
  const store = memoryStore();
  const session = { ...LOGGED_IN, userId };
  await store.transact([], (_, device) => ({ device: { ...device, session } }));
  return store;
}

/** Waits until `check` holds. */
export async function until(check: () => boolean, what: string): Promise<void> {
  const start = performance.now();
  while (!check()) {
    if (performance.now() - start > 120_000) throw new Error(`timed out waiting until ${what}`);
    await new Promise((go) => setTimeout(go, 10));
  }
}

export const texts = (device: TodoClient): string[] =>
  device.getSnapshot().todos.map((todo) => todo.text);
