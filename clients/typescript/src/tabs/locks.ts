/** Locks between the tabs of a browser. */

import { newId } from "../ids.js";
import type { Store } from "../store/store.js";

/** Runs one piece of work of a name at a time, over all tabs. */
export interface Locks {
  run<T>(name: string, work: () => Promise<T>): Promise<T>;
}

/**
 * For how long a tab waits for another one before it takes over. A frozen tab keeps its lock, and
 * must not stop the others. Taking over is safe: what is in flight is frozen in the store.
 */
const PATIENCE = 20_000;

/** Web Locks: the browser releases the lock of a tab that dies. */
export function webLocks(manager: LockManager, prefix: string): Locks {
  return {
    async run<T>(name: string, work: () => Promise<T>): Promise<T> {
      const lock = `${prefix}:${name}`;
      // It ends the wait only: a lock that was given stays.
      const signal = AbortSignal.timeout(PATIENCE);
      let began = false;
      const begin = (): Promise<T> => {
        began = true;
        return work();
      };
      try {
        return (await manager.request(lock, { signal }, begin)) as T;
      } catch (error) {
        if (began || !signal.aborted) throw error;
        return manager.request(lock, { steal: true }, begin) as Promise<T>;
      }
    },
  };
}

/** Leases in the store, for plain http, where there are no Web Locks. */
export function leaseLocks(store: Store, now: () => number): Locks {
  const pause = (time: number): Promise<void> => new Promise((done) => setTimeout(done, time));
  return {
    async run<T>(name: string, work: () => Promise<T>): Promise<T> {
      const holder = newId();
      const take = (): Promise<boolean> => store.takeLease(name, holder, now(), now() + PATIENCE);
      for (let wait = 10; !(await take()); wait = Math.min(wait * 2, 500))
        await pause(wait * (0.5 + Math.random()));
      let renewing: Promise<unknown> = Promise.resolve();
      const renewal = setInterval(() => (renewing = take().catch(() => undefined)), PATIENCE / 4);
      try {
        return await work();
      } finally {
        clearInterval(renewal);
        // Or it would be taken again after it was given back.
        await renewing;
        await store.releaseLease(name, holder).catch(() => undefined);
      }
    },
  };
}
