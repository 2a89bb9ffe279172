/** The client: puts store, view, sync and session together. */

import { actionsOn } from "./actions.js";
import type { ClientOptions, TodoClient } from "./client-types.js";
import { CurrentList } from "./current.js";
import { decideBy } from "./device/policy.js";
import { Engine } from "./engine.js";
import { importList } from "./import.js";
import { newId } from "./ids.js";
import { Live } from "./live.js";
import { BrowserStorage } from "./platform/storage.js";
import { every } from "./platform/timer.js";
import { onWakeUp } from "./platform/wake.js";
import { createSession } from "./session/account.js";
import { Auth } from "./session/auth.js";
import { setUp } from "./setup.js";
import { decisionsOn, snapshotOf } from "./snapshot.js";
import { ANONYMOUS, type DeviceRecord } from "./store/store.js";
import type { Snapshot } from "./types.js";

/** Polls that only check whether the socket told everything. */
const SLOW_POLL = 300_000;

/** Makes a client. It reads its store and syncs by itself. */
export function createTodoClient(options: ClientOptions = {}): TodoClient {
  return assemble(options).client;
}

/** A client, and the list behind it for tests that look into it. */
export function assemble(options: ClientOptions): { client: TodoClient; current: CurrentList } {
  const world = setUp(options);
  const { baseUrl, now, store, locks, send, journal, Socket } = world;
  let { channel } = world;
  const isAutomatic = options.automatic ?? true;
  const listeners = new Set<() => void>();
  let snapshot: Snapshot | null = null;
  let last: Snapshot | null = null;
  let isClosed = false;
  let lastPoll = 0;

  const timestamp = (): string => new Date(now()).toISOString();
  const deviceName = (): string => options.deviceName ?? auth.device.deviceName ?? "browser";
  const tellTabs = (): void => channel?.postMessage("changed");
  const change = (): void => {
    snapshot = null;
    for (const listener of [...listeners]) {
      try {
        listener();
      } catch (error) {
        // An error of the application stops nothing: it is reported as one that nobody handled.
        void Promise.reject(error as Error);
      }
    }
  };
  const wake = (): void => {
    if (!isAutomatic || isClosed) return;
    current.refresh();
    engine.wake();
    if (auth.canAsk) live?.connect();
  };
  const comeBack = (): void => {
    engine.forgive();
    live?.forgive();
    wake();
  };
  const poll = (): void => {
    const isQuiet = live?.isOpen && !engine.hasWork && now() - lastPoll < SLOW_POLL;
    if (isQuiet || engine.retryAt !== null) return;
    lastPoll = now();
    wake();
  };
  /** A user logged in or out, in any tab. */
  const seeDevice = ({ session }: DeviceRecord): void => {
    const isReady = current.isReady;
    if (current.showOf(session?.userId ?? ANONYMOUS) && isReady) live?.disconnect();
    engine.reset();
    tellTabs();
    if (isReady) wake();
    change();
  };
  const start = async (): Promise<void> => {
    await Promise.resolve();
    await auth.update((device) => device);
    // `update` has switched to the list of the session's user.
    await current.start();
    // A store that is full can still be read.
    await auth
      .update((device) =>
        device.deviceName ? device : { ...device, deviceName: `device-${newId().slice(-6)}` },
      )
      .catch((error: unknown) => storage.failed(error));
    await storage.look();
    wake();
  };

  const ready = start();
  ready.catch(() => undefined);
  const auth = new Auth({ store, send, locks, changed: seeDevice });
  const storage = new BrowserStorage(store, change);
  const current = new CurrentList({
    store,
    storage,
    journal,
    ready,
    changed: change,
    seen: (device) => auth.see(device),
    wrote: tellTabs,
    storedAll: () => engine.push(),
  });
  const decisions = decisionsOn(current, timestamp);
  const list = (): CurrentList["list"] => current.list;
  const engine = new Engine({
    auth,
    locks,
    now,
    list,
    deviceName,
    isAutomatic,
    decideBy: decideBy(options.policies),
    changed: change,
  });
  const live =
    isAutomatic && Socket
      ? new Live({
          url: `${baseUrl.replace(/^http/, "ws")}/ws/todos`,
          WebSocket: Socket,
          token: () => auth.token(),
          refresh: (failed) => auth.refreshed(failed),
          cursor: () => list().state.cursor,
          deviceName,
          told: (stamp) => engine.wake(stamp),
          changed: change,
        })
      : null;
  const flush = (): Promise<void> => current.commands.flush();
  const forget = (owner: string): void => journal()?.forget(owner);
  const session = createSession({
    baseUrl,
    auth,
    store,
    ready,
    deviceName,
    flush,
    forget,
    began: wake,
  });
  if (channel) channel.onmessage = () => current.refresh();
  const stops = isAutomatic
    ? [onWakeUp(comeBack), every((options.pollSeconds ?? 30) * 1000, poll)]
    : [];

  const client: TodoClient = {
    session,
    ready,
    ...actionsOn(current, timestamp),
    get: (id) => current.table.get(id),
    getSnapshot() {
      snapshot ??= snapshotOf(
        {
          decisions,
          current,
          auth,
          engine,
          isLive: live?.isOpen ?? false,
          storage: storage.state,
        },
        last,
      );
      last = snapshot;
      return snapshot;
    },
    subscribe(listener) {
      // A listener of its own for each call, so that one function may listen twice.
      const own = (): void => listener();
      listeners.add(own);
      return () => void listeners.delete(own);
    },
    async sync() {
      await ready;
      await flush();
      await engine.sync();
    },
    async importLocalStorage(key) {
      await ready;
      const result = await importList(globalThis.localStorage, key, auth.user);
      engine.wake();
      return result;
    },
    exportLocal() {
      const undecided = [...list().all()].flatMap(({ id, conflict, rejected }) =>
        (conflict ?? rejected) ? { id, conflict: conflict?.mine, rejected: rejected?.fields } : [],
      );
      return { exportedAt: timestamp(), todos: current.table.todos, undecided };
    },
    async close() {
      isClosed = true;
      engine.close();
      live?.close();
      for (const stop of stops) stop();
      await ready.catch(() => undefined);
      await flush().catch(() => undefined);
      current.commands.close();
      channel?.close();
      channel = null;
      await store.close();
    },
  };
  return { client, current };
}
