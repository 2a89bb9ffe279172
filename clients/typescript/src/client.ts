/** The client: puts store, view, sync and session together. */

import type { ClientOptions, ImportResult, TodoClient } from "./client-types.js";
import { Commands } from "./commands.js";
import { decideBy } from "./device/policy.js";
import { edited } from "./device/user.js";
import { EMPTY_SNAPSHOT } from "./empty.js";
import { Engine } from "./engine.js";
import { StorageError } from "./errors.js";
import { importList } from "./import.js";
import { newId } from "./ids.js";
import { Live } from "./live.js";
import { shown, type Entry } from "./model/entry.js";
import { isDeleted, METADATA, type Fields } from "./model/fields.js";
import { fieldsOf, fieldsOfNew } from "./model/text.js";
import { createApi } from "./net/api.js";
import { positions } from "./order.js";
import { BrowserStorage } from "./platform/storage.js";
import { onWakeUp } from "./platform/wake.js";
import { successor } from "./recurrence.js";
import { adoptRest } from "./session/adopt.js";
import { createSession } from "./session/account.js";
import { Auth } from "./session/auth.js";
import type { Session } from "./session/types.js";
import { Known, snapshotOf } from "./snapshot.js";
import { indexedDbStore } from "./store/indexeddb.js";
import { lazyStore, type LazyStore } from "./store/lazy.js";
import { List } from "./store/list.js";
import { memoryStore } from "./store/memory.js";
import { ANONYMOUS, type DeviceRecord, type Store } from "./store/store.js";
import { Table } from "./table.js";
import { leaseLocks, webLocks, type Locks } from "./tabs/locks.js";
import type { NewTodo, Place, Snapshot, Todo, TodoChanges, Written } from "./types.js";
import { inverse, UndoStack, type Step } from "./undo.js";

/** Polls that only check whether the socket told everything. */
const SLOW_POLL = 300_000;

/** Makes a client. It reads its store and syncs by itself. */
export function createTodoClient(options: ClientOptions = {}): TodoClient {
  return new Client(options);
}

class Client implements TodoClient {
  readonly session: Session;
  readonly ready: Promise<void>;

  private readonly now: () => number;
  private readonly store: LazyStore;
  private readonly auth: Auth;
  private readonly engine: Engine;
  private readonly live: Live | null;
  private readonly storage: BrowserStorage;
  private readonly decideBy;
  private readonly api;
  private readonly table = new Table();
  private readonly known = new Known();
  private readonly undos = new UndoStack();
  private readonly listeners = new Set<() => void>();
  private readonly channel: BroadcastChannel | null;
  private readonly stopWaking: () => void;
  private readonly pollTimer: ReturnType<typeof setInterval> | null;
  private list: List;
  private commands: Commands;
  private isReady = false;
  private isClosed = false;
  private snapshot: Snapshot | null = null;
  private last: Snapshot = EMPTY_SNAPSHOT;
  private lastPoll = 0;

  constructor(private readonly options: ClientOptions) {
    const origin = options.baseUrl ?? (typeof location === "undefined" ? "http://localhost:8000" : location.origin);
    const baseUrl = origin.replace(/\/+$/, "");
    const name = `${options.name ?? "todo-sync"}:${baseUrl}`;
    this.now = options.now ?? (() => Date.now());
    this.decideBy = decideBy(options.policies);
    this.store = lazyStore(() => openStore(options, name));
    const locks = options.locks ?? locksOf(this.store, this.now, name);
    const fetcher = options.fetch ?? ((...request: Parameters<typeof fetch>) => globalThis.fetch(...request));
    this.api = createApi(baseUrl, fetcher, options.requestTimeout ?? 30_000);
    this.auth = new Auth(this.store, this.api, locks, (device) => this.seeDevice(device));
    this.storage = new BrowserStorage(this.store, () => this.change());
    const isShared = options.store !== "memory" && typeof options.store !== "object" && typeof BroadcastChannel !== "undefined";
    this.channel = isShared ? new BroadcastChannel(name) : null;
    (this.channel as { unref?: () => void } | null)?.unref?.();
    if (this.channel) this.channel.onmessage = () => void this.list.refresh().catch(() => undefined);
    this.list = this.listOf(ANONYMOUS);
    this.ready = this.start();
    this.ready.catch(() => undefined);
    this.commands = this.commandsOf(this.list, this.ready);
    const { auth, api } = this;
    this.engine = new Engine({
      api, auth, locks, decideBy: this.decideBy, now: this.now, newName: newId,
      list: () => this.list,
      deviceName: () => this.deviceName,
      changed: () => this.change(),
    });
    const isAutomatic = options.automatic ?? true;
    this.engine.isAutomatic = isAutomatic;
    const Socket = options.WebSocket === undefined ? globalThis.WebSocket : options.WebSocket;
    this.live = isAutomatic && Socket ? this.liveOf(baseUrl, Socket) : null;
    this.session = createSession({
      baseUrl, api, auth, store: this.store, newName: newId, ready: this.ready,
      deviceName: () => this.deviceName,
      flush: () => this.commands.flush(),
      began: () => this.wake(),
    });
    this.stopWaking = isAutomatic ? onWakeUp(() => this.wake()) : () => undefined;
    this.pollTimer = isAutomatic ? setInterval(() => this.poll(), (options.pollSeconds ?? 30) * 1000) : null;
    (this.pollTimer as { unref?: () => void } | null)?.unref?.();
  }

  getSnapshot(): Snapshot {
    this.snapshot ??= snapshotOf({
      known: this.known,
      isReady: this.isReady, table: this.table, meta: this.list.state, auth: this.auth, engine: this.engine,
      isLive: this.live?.isOpen ?? false, storage: this.storage.state, canUndo: !this.undos.isEmpty,
      isStored: this.commands.isIdle,
      entry: (id) => this.commands.entry(id),
      run: (id, apply) => this.commands.run(id, apply),
      at: () => this.timestamp(),
    }, this.last);
    this.last = this.snapshot;
    return this.snapshot;
  }

  subscribe(listener: () => void): () => void {
    // A listener of its own for each call, so that one function may listen twice.
    const own = (): void => listener();
    this.listeners.add(own);
    return () => void this.listeners.delete(own);
  }

  get(id: string): Todo | undefined {
    return this.table.get(id);
  }

  add(todo: NewTodo): Written {
    return this.addMany([todo])[0] as Written;
  }

  addMany(todos: readonly NewTodo[]): readonly Written[] {
    const made = todos.map((todo) => {
      const id = todo.id?.toLowerCase() ?? newId();
      if (this.table.get(id)) throw new RangeError(`There is a todo ${id} already`);
      const createdAt = todo.createdAt ? new Date(todo.createdAt).toISOString() : this.timestamp();
      return { id, createdAt, fields: fieldsOfNew(todo) };
    });
    this.undos.push(made.map(({ id, fields }) => ({ id, before: null, after: fields })));
    return made.map(({ id, fields, createdAt }) => this.write(id, fields, createdAt));
  }

  edit(id: string, changes: TodoChanges): Written {
    return this.act([[this.liveTodo(id).id, fieldsOf(changes)]]);
  }

  complete(id: string, completed = true): Written {
    const todo = this.liveTodo(id);
    const next = completed && !todo.completed ? successor(todo) : null;
    if (!next) return this.act([[id, { completed }]]);
    const { description } = todo;
    const fields = fieldsOfNew({ text: todo.text, ...(description !== null && { description }), metadata: next.metadata });
    const held = shown(this.commands.entry(next.id));
    const steps: [string, Fields][] = [[id, { completed, [`${METADATA}series`]: next.series }]];
    if (Object.keys(held).length === 0) steps.push([next.id, fields]);
    else if (isDeleted(held)) steps.push([next.id, { ...fields, completed: false, deleted: false }]);
    return this.act(steps);
  }

  remove(id: string): Written {
    return this.act([[this.liveTodo(id).id, { deleted: true }]]);
  }

  restore(id: string): Written {
    const fields = shown(this.commands.entry(id));
    if (!isDeleted(fields) || !fields["text"]) throw new RangeError(`There is no deleted todo ${id} with its text`);
    return this.act([[id, { ...fields, deleted: false }]]);
  }

  reorder(id: string, place: Place): Written {
    const moved = positions(this.table.todos, this.liveTodo(id).id, place);
    const own: [string, Fields] = [id, { [`${METADATA}position`]: moved.get(id) ?? null }];
    moved.delete(id);
    return this.act([own, ...[...moved].map(([other, position]): [string, Fields] => [other, { [`${METADATA}position`]: position }])]);
  }

  undo(): readonly Written[] | null {
    const steps = this.undos.pop();
    if (!steps) return null;
    const undone = steps.map((step) => [step.id, inverse(step, shown(this.commands.entry(step.id)))] as const);
    this.change();
    return undone.filter(([, fields]) => Object.keys(fields).length > 0).map(([id, fields]) => this.write(id, fields, null));
  }

  async sync(): Promise<void> {
    await this.ready;
    await this.commands.flush();
    await this.engine.sync();
  }

  async importLocalStorage(key: string): Promise<ImportResult> {
    await this.ready;
    const result = await importList(globalThis.localStorage, key, this.auth, this.api);
    this.engine.wake();
    return result;
  }

  exportLocal(): unknown {
    const waiting = [...this.list.all()].filter((entry) => entry.conflict ?? entry.rejected);
    const kept = ({ id, conflict, rejected }: Entry): object => ({ id, conflict: conflict?.mine, rejected: rejected?.fields });
    return { exportedAt: this.timestamp(), todos: this.table.todos, undecided: waiting.map(kept) };
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.engine.close();
    this.live?.close();
    this.stopWaking();
    if (this.pollTimer) clearInterval(this.pollTimer);
    await this.ready.catch(() => undefined);
    await this.commands.flush().catch(() => undefined);
    this.commands.close();
    if (this.channel) this.channel.onmessage = null;
    this.channel?.close();
    await this.store.close();
  }

  /** Gives fields of todos new values, as one action. */
  private act(steps: readonly (readonly [string, Fields])[]): Written {
    const undoable = steps.map(([id, after]): Step => {
      const before = shown(this.commands.entry(id));
      return { id, before: Object.keys(before).length > 0 ? before : null, after };
    });
    this.undos.push(undoable);
    const isNew = (index: number): string | null => (undoable[index]?.before ? null : this.timestamp());
    return steps.map(([id, fields], index) => this.write(id, fields, isNew(index)))[0] as Written;
  }

  private write(id: string, fields: Fields, createdAt: string | null): Written {
    const held = shown(this.commands.entry(id));
    const before = Object.keys(held).length > 0 ? held : null;
    const edit = { id, fields, before, at: this.timestamp(), createdAt };
    return this.commands.run(id, (entry) => edited(entry, edit));
  }

  private liveTodo(id: string): Todo {
    const todo = this.table.get(id);
    if (!todo || todo.deletedAt !== null) throw new RangeError(`There is no todo ${id}`);
    return todo;
  }

  private get deviceName(): string {
    return this.options.deviceName ?? this.auth.device.deviceName ?? "browser";
  }

  private timestamp(): string {
    return new Date(this.now()).toISOString();
  }

  private async start(): Promise<void> {
    await Promise.resolve();
    await this.auth.update((device) => (device.deviceName ? device : { ...device, deviceName: `device-${newId().slice(-6)}` }));
    // `update` has switched to the list of the session's user.
    await this.adoptRest();
    this.isReady = true;
    this.refill();
    await this.storage.look();
    if (this.isClosed) return;
    this.wake();
  }

  private listOf(owner: string): List {
    const list: List = new List(this.store, owner, newId, (ids, device, isOwn) => {
      if (list !== this.list) return;
      this.auth.see(device);
      if (ids === null) this.refill();
      else this.move(ids);
      if (isOwn) this.channel?.postMessage("changed");
    });
    return list;
  }

  private commandsOf(list: List, gate: Promise<void>): Commands {
    const commands: Commands = new Commands(
      list,
      gate,
      (ids) => {
        if (commands !== this.commands) return;
        this.table.move([...ids].map((id) => this.commands.entry(id)));
        this.change();
      },
      (error) => this.storage.failed(error),
      () => {
        this.storage.worked();
        commands.settle();
        this.engine.push();
      },
    );
    return commands;
  }

  /** Shows the list of whoever is logged in now, in whatever tab that happened. */
  private seeDevice(device: DeviceRecord): void {
    const owner = device.session?.userId ?? ANONYMOUS;
    if (owner !== this.list.owner) {
      const [old, before] = [this.commands, this.list.owner];
      this.list = this.listOf(owner);
      if (this.isReady) {
        const stored = old.flush().catch(() => undefined);
        if (before === ANONYMOUS) void stored.then(() => this.adoptRest()).catch(() => undefined);
        this.commands = this.commandsOf(this.list, this.list.refresh());
        this.commands.adopt(old);
        this.undos.clear();
        this.live?.disconnect();
      } else {
        old.moveTo(this.list);
      }
      this.refill();
    }
    this.engine.reset();
    this.channel?.postMessage("changed");
    if (this.isReady) this.wake();
    this.change();
  }

  /** Takes over what was made without an account in the moment of a login, in this tab or another. */
  private async adoptRest(): Promise<void> {
    const list = this.list;
    if (list.owner !== ANONYMOUS) await adoptRest(this.store, list.owner, newId);
    await list.refresh();
  }

  private refill(): void {
    this.table.clear();
    this.table.move([...this.list.all()].map((entry) => this.commands.entry(entry.id)));
    this.move(this.commands.ids());
  }

  private move(ids: Iterable<string>): void {
    this.commands.rebuild();
    this.table.move([...new Set([...ids, ...this.commands.ids()])].map((id) => this.commands.entry(id)));
    this.commands.settle();
    this.change();
  }

  private change(): void {
    this.snapshot = null;
    for (const listener of [...this.listeners]) listener();
  }

  private wake(): void {
    if (!this.engine.isAutomatic || this.isClosed) return;
    void this.list.refresh().catch(() => undefined);
    this.engine.wake();
    if (this.auth.canAsk) this.live?.hurry();
  }

  private poll(): void {
    const every = this.live?.isOpen ? SLOW_POLL : 0;
    if (this.engine.retryAt !== null || this.now() - this.lastPoll < every) return;
    this.lastPoll = this.now();
    this.wake();
  }

  private liveOf(baseUrl: string, Socket: typeof globalThis.WebSocket): Live {
    return new Live({
      url: `${baseUrl.replace(/^http/, "ws")}/ws/todos`,
      WebSocket: Socket,
      token: () => this.auth.token(),
      refresh: (failed) => this.auth.refreshedAfter(failed),
      cursor: () => this.list.state.cursor,
      deviceName: () => this.deviceName,
      told: (stamp) => this.engine.wake(stamp),
      changed: () => this.change(),
    });
  }
}

async function openStore({ store }: ClientOptions, name: string): Promise<Store> {
  if (typeof store === "object") return store;
  if (store === "memory" || (store === undefined && typeof indexedDB === "undefined")) return memoryStore();
  if (typeof indexedDB === "undefined") throw new StorageError("This browser has no IndexedDB here");
  return indexedDbStore(name);
}

function locksOf(store: Store, now: () => number, name: string): Locks {
  const manager = typeof navigator === "undefined" ? undefined : navigator.locks;
  return manager ? webLocks(manager, name) : leaseLocks(store, now, newId);
}

