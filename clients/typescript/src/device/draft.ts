/** The state of one list within a transaction: reads go through to what is committed. */

import { isBare, newEntry, type Entry, type Meta } from "../model/entry.js";

/** What is committed. */
export interface Committed {
  readonly meta: Meta;
  readonly entries: ReadonlyMap<string, Entry>;
}

/** A transaction's changes. Nothing of them is visible elsewhere before the store has them. */
export class Draft {
  meta: Meta;
  readonly written = new Map<string, Entry>();

  readonly #committed: Committed;

  constructor(committed: Committed) {
    this.#committed = committed;
    this.meta = committed.meta;
  }

  get(id: string): Entry {
    return this.written.get(id) ?? this.#committed.entries.get(id) ?? newEntry(id);
  }

  put(entry: Entry): void {
    this.written.set(entry.id, entry);
  }

  set(parts: Partial<Meta>): void {
    this.meta = { ...this.meta, ...parts };
  }

  /** All entries with something in them. Entries may be written meanwhile. */
  all(): Entry[] {
    const entries = new Map(this.#committed.entries);
    for (const [id, entry] of this.written) entries.set(id, entry);
    return [...entries.values()].filter((entry) => !isBare(entry));
  }

  /** Whether anything was written. */
  get isDirty(): boolean {
    return this.written.size > 0 || this.meta !== this.#committed.meta;
  }
}
