/** Turns options into what the parts of a client work with. */

import type { ClientOptions } from "./client-types.js";
import { StorageError } from "./errors.js";
import { sender, type Send } from "./net/api.js";
import { journalOf, type Journal } from "./platform/journal.js";
import { unref } from "./platform/timer.js";
import { indexedDbStore } from "./store/indexeddb.js";
import { lazyStore, type LazyStore } from "./store/lazy.js";
import { memoryStore } from "./store/memory.js";
import type { Store } from "./store/store.js";
import { leaseLocks, webLocks, type Locks } from "./tabs/locks.js";

/** What a client reaches the world with. */
export interface World {
  readonly baseUrl: string;
  readonly now: () => number;
  readonly store: LazyStore;
  readonly locks: Locks;
  readonly send: Send;
  /** Tells other tabs; null where no other tab shares the store. */
  readonly channel: BroadcastChannel | null;
  /** Null where nothing survives the page anyway. */
  readonly journal: () => Journal | null;
  /** Null where there are no sockets. */
  readonly Socket: typeof WebSocket | null;
}

/** Opens store, locks and channel. All tabs of an origin share those of one name and server. */
export function setUp(options: ClientOptions): World {
  const { WebSocket: Socket = globalThis.WebSocket ?? null } = options;
  const origin = options.baseUrl ?? globalThis.location?.origin ?? "http://localhost:8000";
  const baseUrl = origin.replace(/\/+$/, "");
  const name = `${options.name ?? "todo-sync"}:${baseUrl}`;
  const now = options.now ?? (() => Date.now());
  const store = lazyStore(() => openStore(options, name));
  const manager = globalThis.navigator?.locks;
  const fetcher: typeof fetch = options.fetch ?? ((...request) => globalThis.fetch(...request));
  const isShared =
    (options.store ?? "indexeddb") === "indexeddb" && Boolean(globalThis.BroadcastChannel);
  const channel = isShared ? new BroadcastChannel(name) : null;
  unref(channel);
  return {
    baseUrl,
    now,
    store,
    channel,
    journal: () => (isShared ? journalOf(name) : null),
    locks: options.locks ?? (manager ? webLocks(manager, name) : leaseLocks(store, now)),
    send: sender(baseUrl, fetcher, options.requestTimeout ?? 30_000),
    Socket,
  };
}

async function openStore({ store }: ClientOptions, name: string): Promise<Store> {
  if (typeof store === "object") return store;
  const isMissing = !globalThis.indexedDB;
  if (store === "memory" || (store === undefined && isMissing)) return memoryStore();
  if (isMissing) throw new StorageError("There is no IndexedDB");
  return indexedDbStore(name);
}
