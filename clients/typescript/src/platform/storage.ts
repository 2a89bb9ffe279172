/** What the browser promises about its storage. */

import { untilClosed } from "../errors.js";
import type { LazyStore } from "../store/lazy.js";
import type { StorageState } from "../types.js";

const UNKNOWN: Omit<StorageState, "kind" | "problem"> = {
  persisted: null,
  usage: null,
  quota: null,
};

export class BrowserStorage {
  state: StorageState = { kind: "memory", ...UNKNOWN, problem: null };
  #failure: string | null = null;

  readonly #store: LazyStore;
  readonly #changed: () => void;

  constructor(store: LazyStore, changed: () => void) {
    this.#store = store;
    this.#changed = changed;
  }

  /** Asks the browser to keep the storage, and how much there is. */
  async look(): Promise<void> {
    const storage = globalThis.navigator?.storage;
    let told = UNKNOWN;
    if (this.#store.kind === "indexeddb" && storage) {
      try {
        const persisted = (await storage.persisted?.()) || ((await storage.persist?.()) ?? null);
        const { usage = null, quota = null } = (await storage.estimate?.()) ?? {};
        told = { persisted, usage, quota };
      } catch {
        // A browser may refuse to tell.
      }
    }
    this.#set(this.#failure, told);
  }

  failed(error: unknown): void {
    this.#set(untilClosed(error));
  }

  worked(): void {
    if (this.#failure !== null) this.#set(null);
  }

  #set(failure: string | null, told: Partial<StorageState> = {}): void {
    this.#failure = failure;
    const { kind, problem } = this.#store;
    this.state = { ...this.state, kind, ...told, problem: failure ?? problem };
    this.#changed();
  }
}
