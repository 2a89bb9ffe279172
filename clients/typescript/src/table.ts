/** The todos in memory: filled once, then moved by what changed. */

import { isUnsynced, type Entry } from "./model/entry.js";
import type { Todo } from "./types.js";
import { byHand, todoFrom } from "./view.js";

export class Table {
  #byId = new Map<string, Todo>();
  #order: readonly Todo[] = [];
  readonly conflicts = new Set<string>();
  readonly rejected = new Set<string>();
  readonly unsynced = new Set<string>();

  /** Live todos in order. The same array until one of them changes. */
  get todos(): readonly Todo[] {
    return this.#order;
  }

  get(id: string): Todo | undefined {
    return this.#byId.get(id);
  }

  clear(): void {
    this.#byId.clear();
    this.#order = [];
    for (const ids of [this.conflicts, this.rejected, this.unsynced]) ids.clear();
  }

  /** Takes over the entries. */
  move(entries: Iterable<Entry>): void {
    const gone = new Set<string>();
    const come: Todo[] = [];
    for (const entry of entries) {
      const { id } = entry;
      mark(this.conflicts, id, entry.conflict !== null);
      mark(this.rejected, id, entry.rejected !== null);
      mark(this.unsynced, id, isUnsynced(entry));
      const [before, now] = [this.#byId.get(id), todoFrom(entry)];
      if (before === now) continue;
      if (now) this.#byId.set(id, now);
      else this.#byId.delete(id);
      if (before && before.deletedAt === null) gone.add(id);
      if (now && now.deletedAt === null) come.push(now);
    }
    if (gone.size === 0 && come.length === 0) return;
    // Sorting what is almost in order takes one pass.
    this.#order = this.#order
      .filter((todo) => !gone.has(todo.id))
      .concat(come)
      .sort(byHand);
  }
}

function mark(ids: Set<string>, id: string, isIn: boolean): void {
  ids[isIn ? "add" : "delete"](id);
}
