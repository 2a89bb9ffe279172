/**
 * One tab's copy of a list in memory, filled once and moved by what transactions find and write.
 */

import { Draft } from "../device/draft.js";
import { newId } from "../ids.js";
import { NEW_META, newEntry, type Entry, type Meta } from "../model/entry.js";
import type { DeviceRecord, Store, Write } from "./store.js";

/** What a transaction works on. */
export interface Work {
  readonly draft: Draft;
  device: DeviceRecord;
}

/** A list of one owner. Each transaction first takes over what other tabs wrote meanwhile. */
export class List {
  #meta: Meta = NEW_META;
  readonly #entries = new Map<string, Entry>();
  #queue: Promise<unknown> = Promise.resolve();

  readonly #store: Store;
  readonly #changed: (ids: Iterable<string> | null, device: DeviceRecord, isOwn: boolean) => void;

  constructor(
    store: Store,
    readonly owner: string,
    changed: (ids: Iterable<string> | null, device: DeviceRecord, isOwn: boolean) => void,
  ) {
    this.#store = store;
    this.#changed = changed;
  }

  get state(): Meta {
    return this.#meta;
  }

  get(id: string): Entry {
    return this.#entries.get(id) ?? newEntry(id);
  }

  all(): IterableIterator<Entry> {
    return this.#entries.values();
  }

  /** Takes over what other tabs wrote. */
  refresh(): Promise<void> {
    return this.transact(() => undefined);
  }

  /** Runs `work` in a transaction, and takes over what it wrote once that is stored. */
  transact<T>(work: (on: Work) => T): Promise<T> {
    const done = this.#queue.then(() => this.#run(work));
    this.#queue = done.catch(() => undefined);
    return done;
  }

  async #run<T>(work: (on: Work) => T): Promise<T> {
    let result: { value: T } | null = null;
    let written: ReadonlyMap<string, Entry> = new Map();
    let isOwn = false;
    let device!: DeviceRecord;
    let next: Meta = this.#meta;
    while (!result) {
      const scope = { owner: this.owner, since: this.#meta.revision };
      await this.#store.transact([scope], ([found], deviceNow): Write => {
        const isSame = found?.meta?.generation === this.#meta.generation;
        if (!isSame && this.#meta.revision > 0) {
          // Another tab erased the list: what this tab holds of it is gone.
          this.#meta = NEW_META;
          this.#entries.clear();
          this.#changed(null, deviceNow, false);
          return {};
        }
        this.#meta = found?.meta ?? NEW_META;
        for (const entry of found?.entries ?? []) this.#entries.set(entry.id, entry);
        if (found && found.entries.length > 0)
          this.#changed(
            found.entries.map((entry) => entry.id),
            deviceNow,
            false,
          );
        const on: Work = {
          draft: new Draft({ meta: this.#meta, entries: this.#entries }),
          device: deviceNow,
        };
        result = { value: work(on) };
        device = on.device;
        isOwn = on.draft.isDirty;
        const isNewDevice = on.device !== deviceNow ? { device: on.device } : {};
        next = this.#meta;
        if (!isOwn) return isNewDevice;
        written = on.draft.written;
        const generation = this.#meta.generation || newId();
        next = { ...on.draft.meta, generation, revision: this.#meta.revision + 1 };
        return {
          ...isNewDevice,
          lists: [{ owner: this.owner, meta: next, entries: [...written.values()] }],
        };
      });
    }
    this.#meta = next;
    for (const [id, entry] of written) this.#entries.set(id, entry);
    this.#changed(written.keys(), device, isOwn);
    return (result as { value: T }).value;
  }
}
