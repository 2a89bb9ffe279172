/** A store in memory, for Node and workers. It lives as long as its object. */

import type { Entry, Meta } from "../model/entry.js";
import {
  NEW_DEVICE,
  type DeviceRecord,
  type Found,
  type Scope,
  type Store,
  type Write,
} from "./store.js";

interface List {
  meta: Meta | null;
  readonly entries: Map<string, { readonly revision: number; readonly entry: Entry }>;
}

/** Makes a store in memory. Several clients that share it are like tabs of one browser. */
export function memoryStore(): Store {
  const lists = new Map<string, List>();
  const leases = new Map<string, Lease>();
  let device: DeviceRecord = NEW_DEVICE;

  const read = ({ owner, since }: Scope): Found => {
    const list = lists.get(owner);
    const later = [...(list?.entries.values() ?? [])].filter(({ revision }) => revision > since);
    return { meta: list?.meta ?? null, entries: later.map(({ entry }) => entry) };
  };
  const write = (changes: Write): void => {
    if (changes.device) device = changes.device;
    for (const owner of changes.erase ?? []) lists.delete(owner);
    for (const { owner, meta, entries } of changes.lists ?? []) {
      const list = lists.get(owner) ?? { meta: null, entries: new Map() };
      list.meta = meta;
      for (const entry of entries) list.entries.set(entry.id, { revision: meta.revision, entry });
      lists.set(owner, list);
    }
  };
  return {
    kind: "memory",
    async transact(scopes, work) {
      write(work(scopes.map(read), device));
    },
    async takeLease(name, holder, now, until) {
      const held = leases.get(name);
      if (!isFree(held, holder, now)) return false;
      leases.set(name, { holder, until });
      return true;
    },
    async releaseLease(name, holder) {
      if (leases.get(name)?.holder === holder) leases.delete(name);
    },
    async close() {},
  };
}

export interface Lease {
  readonly holder: string;
  readonly until: number;
}

/** A lease that ends later than this was taken by a clock that was wrong. */
const MOST = 120_000;

/** Whether a holder may take a lease that was found. */
export function isFree(held: Lease | undefined, holder: string, now: number): boolean {
  return !held || held.holder === holder || held.until <= now || held.until > now + MOST;
}
