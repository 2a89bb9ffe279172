/** What the browser promises about its storage. */

import type { LazyStore } from "../store/lazy.js";
import type { StorageState } from "../types.js";

export class BrowserStorage {
  private persisted: boolean | null = null;
  private usage: number | null = null;
  private quota: number | null = null;
  private failure: string | null = null;
  private known: StorageState | null = null;

  constructor(private readonly store: LazyStore, private readonly changed: () => void) {}

  get state(): StorageState {
    this.known ??= {
      kind: this.store.kind,
      persisted: this.persisted,
      usage: this.usage,
      quota: this.quota,
      problem: this.failure ?? this.store.problem,
    };
    return this.known;
  }

  /** Asks the browser to keep the storage, and how much there is. */
  async look(): Promise<void> {
    const storage = typeof navigator === "undefined" ? undefined : navigator.storage;
    if (this.store.kind === "indexeddb" && storage) {
      try {
        this.persisted = (await storage.persisted?.()) || ((await storage.persist?.()) ?? null);
        const { usage = null, quota = null } = (await storage.estimate?.()) ?? {};
        [this.usage, this.quota] = [usage, quota];
      } catch {
        // A browser may refuse to tell.
      }
    }
    this.change();
  }

  failed(error: unknown): void {
    this.failure = `A change could not be stored and is kept in this tab only: ${error instanceof Error ? error.message : String(error)}`;
    this.change();
  }

  worked(): void {
    if (this.failure === null) return;
    this.failure = null;
    this.change();
  }

  private change(): void {
    this.known = null;
    this.changed();
  }
}
