/** A store in IndexedDB. All of a browser's lists on one server are in one database. */

import { openDB, type DBSchema, type IDBPDatabase } from "idb";

import { StorageError } from "../errors.js";
import type { Entry, Meta } from "../model/entry.js";
import { isFree, type Lease } from "./memory.js";
import { sound, soundMeta } from "./sound.js";
import {
  NEW_DEVICE,
  type DeviceRecord,
  type Found,
  type Scope,
  type Store,
  type Write,
} from "./store.js";

interface EntryRecord {
  owner: string;
  id: string;
  revision: number;
  entry: Entry;
}

interface Schema extends DBSchema {
  entries: { key: [string, string]; value: EntryRecord; indexes: { revision: [string, number] } };
  lists: { key: string; value: Meta };
  device: { key: string; value: DeviceRecord };
  leases: { key: string; value: Lease };
}

type Database = IDBPDatabase<Schema>;

const TABLES = ["lists", "device", "leases"] as const;

/** Opens the database of this name, and makes it if need be. */
export async function indexedDbStore(name: string): Promise<Store> {
  let database: Promise<Database> | null = null;
  const open = (): Promise<Database> => {
    database ??= openDB<Schema>(name, 1, {
      upgrade(db) {
        db.createObjectStore("entries", { keyPath: ["owner", "id"] }).createIndex("revision", [
          "owner",
          "revision",
        ]);
        for (const table of TABLES) db.createObjectStore(table);
      },
      // A newer version of the app waits for this tab otherwise.
      blocking: (_, __, event) => (event.target as IDBDatabase).close(),
      // The browser closed it, as after clearing site data: the next transaction opens it again.
      terminated: () => (database = null),
    });
    database.catch(() => (database = null));
    return database;
  };
  /** Puts what `next` makes of a lease in its place; false leaves it. Returns whether it did. */
  const lease = (name: string, next: (held?: Lease) => Lease | false): Promise<boolean> =>
    guarded(async () => {
      const transaction = (await open()).transaction("leases", "readwrite");
      const taken = next(await transaction.store.get(name));
      if (taken) await transaction.store.put(taken, name);
      await transaction.done;
      return taken !== false;
    });
  // Another program's database of this name has no such tables.
  await guarded(async () => void (await open()).transaction(["entries", ...TABLES]));
  return {
    kind: "indexeddb",
    transact: (scopes, work) =>
      guarded(async () => {
        // A connection can be closed under a transaction that begins; it is then opened once more.
        await transact(await open(), scopes, work).catch(async (error: unknown) => {
          if (!(error instanceof Error) || error.name !== "InvalidStateError") throw error;
          database = null;
          await transact(await open(), scopes, work);
        });
      }),
    takeLease: (name, holder, now, until) =>
      lease(name, (held) => isFree(held, holder, now) && { holder, until }),
    releaseLease: async (name, holder) =>
      void (await lease(name, (held) => held?.holder === holder && { holder, until: 0 })),
    close: async () => {
      const opened = database;
      database = null;
      (await opened?.catch(() => null))?.close();
    },
  };
}

async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    throw new StorageError(`${error.name}: ${error.message}`, { cause: error });
  }
}

async function transact(
  database: Database,
  scopes: readonly Scope[],
  work: (found: readonly Found[], device: DeviceRecord) => Write,
): Promise<void> {
  const stores = ["entries", "lists", "device"] as const;
  const transaction = database.transaction(stores, "readwrite", { durability: "strict" });
  const [entries, lists, devices] = [
    transaction.objectStore("entries"),
    transaction.objectStore("lists"),
    transaction.objectStore("device"),
  ];
  try {
    const device = devices.get("device");
    const found = scopes.map(async ({ owner, since }): Promise<Found> => {
      const range = IDBKeyRange.bound([owner, since], [owner, Infinity], true);
      const [meta, records] = await Promise.all([
        lists.get(owner),
        entries.index("revision").getAll(range),
      ]);
      return {
        meta: soundMeta(meta),
        entries: records.map((record) => sound(record.id, record.entry)),
      };
    });
    const write = work(await Promise.all(found), (await device) ?? NEW_DEVICE);
    // The requests are not awaited one by one: the transaction's end tells whether all succeeded.
    const quiet = (request: Promise<unknown>): void => void request.catch(() => undefined);
    if (write.device) quiet(devices.put(write.device, "device"));
    for (const owner of write.erase ?? []) {
      quiet(entries.delete(IDBKeyRange.bound([owner, ""], [owner, []], false, true)));
      quiet(lists.delete(owner));
    }
    for (const { owner, meta, entries: changed } of write.lists ?? []) {
      quiet(lists.put(meta, owner));
      for (const entry of changed)
        quiet(entries.put({ owner, id: entry.id, revision: meta.revision, entry }));
    }
  } catch (error) {
    try {
      transaction.abort();
    } catch {
      // It has failed by itself.
    }
    await transaction.done.catch(() => undefined);
    throw error;
  }
  await transaction.done;
}
