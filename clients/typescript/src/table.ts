/** The todos in memory: filled once, then moved by what changed. */

import { isUnsynced, type Entry } from "./model/entry.js";
import type { Todo } from "./types.js";
import { byHand, todoFrom } from "./view.js";

/** More changes at once than this are sorted anew. */
const FEW = 64;

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
    const order = gone.size === 0 ? [...this.#order] : this.#order.filter((todo) => !gone.has(todo.id));
    if (come.length > FEW) {
      this.#order = order.concat(come).sort(byHand);
      return;
    }
    for (const todo of come) order.splice(placeOf(order, todo), 0, todo);
    this.#order = order;
  }
}

function mark(ids: Set<string>, id: string, isIn: boolean): void {
  if (isIn) ids.add(id);
  else ids.delete(id);
}

function placeOf(order: readonly Todo[], todo: Todo): number {
  let [low, high] = [0, order.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (byHand(order[middle] as Todo, todo) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
