/** What the browser promises about its storage. */

import { untilClosed } from "../errors.js";
import type { LazyStore } from "../store/lazy.js";
import type { StorageState } from "../types.js";

export class BrowserStorage {
  #told: Omit<StorageState, "kind" | "problem"> = { persisted: null, usage: null, quota: null };
  #failure: string | null = null;
  #known: StorageState | null = null;

  readonly #store: LazyStore;
  readonly #changed: () => void;

  constructor(store: LazyStore, changed: () => void) {
    this.#store = store;
    this.#changed = changed;
  }

  get state(): StorageState {
    const { kind, problem } = this.#store;
    this.#known ??= { kind, ...this.#told, problem: this.#failure ?? problem };
    return this.#known;
  }

  /** Asks the browser to keep the storage, and how much there is. */
  async look(): Promise<void> {
    const storage = globalThis.navigator?.storage;
    if (this.#store.kind === "indexeddb" && storage) {
      try {
        const persisted = (await storage.persisted?.()) || ((await storage.persist?.()) ?? null);
        const { usage = null, quota = null } = (await storage.estimate?.()) ?? {};
        this.#told = { persisted, usage, quota };
      } catch {
        // A browser may refuse to tell.
      }
    }
    this.#set(this.#failure);
  }

  failed(error: unknown): void {
    this.#set(untilClosed(error));
  }

  worked(): void {
    if (this.#failure !== null) this.#set(null);
  }

  #set(failure: string | null): void {
    this.#failure = failure;
    this.#known = null;
    this.#changed();
  }
}
