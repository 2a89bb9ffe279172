/** What the browser promises about its storage. */

import { untilClosed } from "../errors.js";
import type { LazyStore } from "../store/lazy.js";
import type { StorageState } from "../types.js";

export class BrowserStorage {
  #persisted: boolean | null = null;
  #usage: number | null = null;
  #quota: number | null = null;
  #failure: string | null = null;
  #known: StorageState | null = null;

  readonly #store: LazyStore;
  readonly #changed: () => void;

  constructor(store: LazyStore, changed: () => void) {
    this.#store = store;
    this.#changed = changed;
  }

  get state(): StorageState {
    this.#known ??= {
      kind: this.#store.kind,
      persisted: this.#persisted,
      usage: this.#usage,
      quota: this.#quota,
      problem: this.#failure ?? this.#store.problem,
    };
    return this.#known;
  }

  /** Asks the browser to keep the storage, and how much there is. */
  async look(): Promise<void> {
    const storage = typeof navigator === "undefined" ? undefined : navigator.storage;
    if (this.#store.kind === "indexeddb" && storage) {
      try {
        this.#persisted = (await storage.persisted?.()) || ((await storage.persist?.()) ?? null);
        const { usage = null, quota = null } = (await storage.estimate?.()) ?? {};
        [this.#usage, this.#quota] = [usage, quota];
      } catch {
        // A browser may refuse to tell.
      }
    }
    this.#change();
  }

  failed(error: unknown): void {
    this.#failure = untilClosed(error);
    this.#change();
  }

  worked(): void {
    if (this.#failure === null) return;
    this.#failure = null;
    this.#change();
  }

  #change(): void {
    this.#known = null;
    this.#changed();
  }
}
