/** The list that is shown: that of the user who is logged in now, in whichever tab. */

import { Commands } from "./commands.js";
import type { Journal } from "./platform/journal.js";
import type { BrowserStorage } from "./platform/storage.js";
import { adoptRest } from "./session/adopt.js";
import { List } from "./store/list.js";
import { ANONYMOUS, type DeviceRecord, type Store } from "./store/store.js";
import { Table } from "./table.js";
import type { Action } from "./undo.js";

/** What the list needs, and what it calls. */
export interface CurrentParts {
  readonly store: Store;
  readonly storage: BrowserStorage;
  /** A journal for the edits of one list. */
  readonly journal: () => Journal | null;
  /** Resolves when the owner of the list is known. Nothing is stored before. */
  readonly ready: Promise<void>;
  /** Takes the device's record as a transaction found it. */
  readonly seen: (device: DeviceRecord) => void;
  /** Called after this tab has written to the store. */
  readonly wrote: () => void;
  /** Called when all that was done in this tab is stored. */
  readonly storedAll: () => void;
  /** Called when what is shown has changed. */
  readonly changed: () => void;
}

export class CurrentList {
  readonly table = new Table();
  /** What was done last in this tab, the latest at the end. */
  readonly undos: Action[] = [];
  list: List;
  commands: Commands;
  /** Whether the store has been read. */
  isReady = false;
  readonly #parts: CurrentParts;

  constructor(parts: CurrentParts) {
    this.#parts = parts;
    this.list = this.#listOf(ANONYMOUS);
    this.commands = this.#commandsOf(this.list, parts.ready);
  }

  changed(): void {
    this.#parts.changed();
  }

  /** Shows the list for the first time. */
  async start(): Promise<void> {
    await this.#adoptRest();
    this.commands.replay([ANONYMOUS, this.list.owner]);
    this.isReady = true;
    this.#refill();
  }

  /** Takes over what other tabs wrote. */
  refresh(): void {
    void this.list.refresh().catch(() => undefined);
  }

  /** Shows this owner's list. Returns whether another one was shown until now. */
  showOf(owner: string): boolean {
    if (owner === this.list.owner) return false;
    const [old, before] = [this.commands, this.list.owner];
    this.list = this.#listOf(owner);
    if (this.isReady) {
      const stored = old.flush().catch(() => undefined);
      if (before === ANONYMOUS) void stored.then(() => this.#adoptRest()).catch(() => undefined);
      this.commands = this.#commandsOf(this.list, this.list.refresh());
      this.commands.adopt(old);
      this.commands.replay([owner]);
      this.undos.length = 0;
    } else {
      old.moveTo(this.list);
    }
    this.#refill();
    return true;
  }

  /**
   * Takes over what was made without an account in the moment of a login, in this tab or another.
   */
  async #adoptRest(): Promise<void> {
    const { list } = this;
    if (list.owner !== ANONYMOUS) await adoptRest(this.#parts.store, list.owner);
    await list.refresh();
  }

  #listOf(owner: string): List {
    const list: List = new List(this.#parts.store, owner, (ids, device, isOwn) => {
      if (list !== this.list) return;
      this.#parts.seen(device);
      if (ids === null) this.#refill();
      else this.#move(ids);
      if (isOwn) this.#parts.wrote();
    });
    return list;
  }

  #commandsOf(list: List, gate: Promise<void>): Commands {
    const { storage, storedAll } = this.#parts;
    const commands: Commands = new Commands(list, gate, this.#parts.journal(), {
      changed: (ids) => {
        if (commands !== this.commands) return;
        this.#show(ids);
        this.changed();
      },
      failed: (error) => storage.failed(error),
      storedAll: () => {
        storage.worked();
        commands.settle();
        storedAll();
      },
    });
    return commands;
  }

  #show(ids: Iterable<string>): void {
    this.table.move([...new Set(ids)].map((id) => this.commands.entry(id)));
  }

  #refill(): void {
    this.table.clear();
    this.#show([...this.list.all()].map(({ id }) => id));
    this.#move([]);
  }

  #move(ids: Iterable<string>): void {
    this.commands.rebuild();
    this.#show([...ids, ...this.commands.ids()]);
    this.commands.settle();
    this.changed();
  }
}
