/** A store that is opened when it is first needed, and is memory where the browser refuses. */

import { untilClosed } from "../errors.js";
import { memoryStore } from "./memory.js";
import type { Store } from "./store.js";

export interface LazyStore extends Store {
  /** Why todos are kept in memory only; null if they are not. */
  readonly problem: string | null;
}

/** Opens the store with `open`, and falls back to memory. */
export function lazyStore(open: () => Promise<Store>): LazyStore {
  let problem: string | null = null;
  let opened: Store | null = null;
  const opening = open().catch((error: unknown) => {
    problem = untilClosed(error);
    return memoryStore();
  });
  const store = opening.then((found) => (opened = found));
  return {
    get kind() {
      return opened?.kind ?? "memory";
    },
    get problem() {
      return problem;
    },
    transact: async (...wanted) => (await store).transact(...wanted),
    takeLease: async (...wanted) => (await store).takeLease(...wanted),
    releaseLease: async (...wanted) => (await store).releaseLease(...wanted),
    close: async () => (await store).close(),
  };
}
