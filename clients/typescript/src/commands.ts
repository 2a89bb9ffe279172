/**
 * What was done in this tab and is not stored yet: shown at once, stored in order, never dropped.
 */

import { edited, type Edit } from "./device/user.js";
import { isUnsynced, shown, type Entry } from "./model/entry.js";
import { isEmpty } from "./model/fields.js";
import type { Journal } from "./platform/journal.js";
import { after } from "./platform/timer.js";
import type { List } from "./store/list.js";
import type { Outcome, Written } from "./types.js";

/** A change of one entry. It is pure: it runs on what is shown now, and again when it is stored. */
export type Apply = (entry: Entry) => Entry;

interface Command {
  readonly id: string;
  /** What the journal keeps; null for a decision, which is asked for again. */
  readonly edit: Edit | null;
  readonly apply: Apply;
  readonly stored: () => void;
  readonly failed: (error: unknown) => void;
}

interface Waiting {
  readonly id: string;
  readonly resolve: (outcome: Outcome) => void;
}

/** Whom commands tell. */
interface Listener {
  /** These entries are shown otherwise. */
  readonly changed: (ids: Iterable<string>) => void;
  /** The store refused. */
  readonly failed: (error: unknown) => void;
  readonly storedAll: () => void;
}

/** How long to wait before a store that refused is tried again. */
const RETRY = 5_000;

export class Commands {
  #pending: Command[] = [];
  readonly #waiting = new Set<Waiting>();
  #flushing: Promise<void> | null = null;
  #cancel: () => void = () => undefined;
  /** The entries with pending commands, as they will be. */
  #overlay = new Map<string, Entry>();

  #list: List;
  /** Nothing is stored or settled before: the list has not been read yet. */
  readonly #gate: Promise<void>;
  readonly #journal: Journal | null;
  #isRead = false;
  #isJournalDue = false;
  readonly #tell: Listener;

  constructor(list: List, gate: Promise<void>, journal: Journal | null, tell: Listener) {
    this.#list = list;
    this.#gate = gate.then(() => {
      this.#isRead = true;
      this.settle();
    });
    this.#gate.catch(() => undefined);
    this.#journal = journal;
    this.#tell = tell;
  }

  /** The entry as its user sees it. */
  entry(id: string): Entry {
    return this.#overlay.get(id) ?? this.#list.get(id);
  }

  /** The ids of entries with pending commands. */
  ids(): IterableIterator<string> {
    return this.#overlay.keys();
  }

  get isIdle(): boolean {
    return this.#pending.length === 0;
  }

  /** Makes an edit. The journal keeps it until it is stored. */
  edit(edit: Edit): Written {
    return this.run(edit.id, (entry) => edited(entry, edit), edit);
  }

  /** Makes the edits of pages that were left before they were stored. */
  replay(owners: readonly string[]): void {
    this.#journal?.replay(owners, (edit) => {
      // A todo that is there already was stored, and may have changed since.
      const isDone = (entry: Entry): boolean => !edit.before && !isEmpty(shown(entry));
      this.run(edit.id, (entry) => (isDone(entry) ? entry : edited(entry, edit)), edit);
    });
  }

  /** Runs the command now, and stores it as soon as the store takes it. */
  run(id: string, apply: Apply, edit: Edit | null = null): Written {
    const stored = new Promise<void>(
      (done, failed) => void this.#pending.push({ id, apply, edit, stored: done, failed }),
    );
    stored.catch(() => undefined);
    this.#log();
    this.#overlay.set(id, apply(this.entry(id)));
    const synced = new Promise<Outcome>((done) => this.#waiting.add({ id, resolve: done }));
    this.#tell.changed([id]);
    void this.flush().catch(() => undefined);
    return { id, stored, synced };
  }

  /** Stores all pending commands; rejects if the store refuses. */
  flush(): Promise<void> {
    this.#flushing ??= this.#store();
    return this.#flushing;
  }

  /** Tells the promises of what was answered. To be called after each change of the list. */
  settle(): void {
    for (const waiting of this.#isRead ? this.#waiting : []) {
      const entry = this.entry(waiting.id);
      const isPending = this.#overlay.has(waiting.id);
      const outcome = entry.rejected
        ? "rejected"
        : entry.conflict
          ? "conflict"
          : isUnsynced(entry) || isPending
            ? null
            : "synced";
      if (!outcome) continue;
      this.#waiting.delete(waiting);
      waiting.resolve(outcome);
    }
  }

  /** Shows the pending commands on top of what changed. */
  rebuild(): void {
    this.#overlay.clear();
    for (const { id, apply } of this.#pending) this.#overlay.set(id, apply(this.entry(id)));
  }

  /** Goes on with another list, to which nothing was stored yet. */
  moveTo(list: List): void {
    this.#list = list;
    this.rebuild();
  }

  /** Takes over the promises that wait for answers: what was anonymous is sent as the user's. */
  adopt(other: Commands): void {
    for (const waiting of other.#waiting) this.#waiting.add(waiting);
    other.#waiting.clear();
  }

  close(): void {
    this.#cancel();
  }

  /** Brings the journal up to date before the page can go, once for all that was done at once. */
  #log(): void {
    if (this.#isJournalDue) return;
    this.#isJournalDue = true;
    queueMicrotask(() => {
      this.#isJournalDue = false;
      this.#journal?.write(
        this.#list.owner,
        this.#pending.flatMap(({ edit }) => edit ?? []),
      );
    });
  }

  async #store(): Promise<void> {
    await this.#gate;
    while (this.#pending.length > 0) {
      const commands = [...this.#pending];
      try {
        await this.#list.transact(({ draft }) => {
          for (const { id, apply } of commands) draft.put(apply(draft.get(id)));
        });
      } catch (error) {
        for (const command of commands) command.failed(error);
        this.#tell.failed(error);
        this.#flushing = null;
        this.#cancel();
        this.#cancel = after(RETRY, () => void this.flush().catch(() => undefined));
        throw error;
      }
      this.#pending.splice(0, commands.length);
      this.#log();
      this.rebuild();
      for (const command of commands) command.stored();
      this.#tell.changed(commands.map(({ id }) => id));
      this.#tell.storedAll();
    }
    // In the same step as the check above: a command that comes later begins anew.
    this.#flushing = null;
  }
}
