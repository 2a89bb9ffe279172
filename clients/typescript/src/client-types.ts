/** The client itself: what {@link createTodoClient} takes and returns. */

import type { Session } from "./session/types.js";
import type { Locks } from "./tabs/locks.js";
import type { Store } from "./store/store.js";
import type { NewTodo, Place, Policies, Snapshot, Todo, TodoChanges, Written } from "./types.js";

/** How a client is set up. Everything has a default. */
export interface ClientOptions {
  /** Where the server is; the page's own origin by default. */
  readonly baseUrl?: string;
  /** Separates the stores of several apps on one origin; `todo-sync` by default. */
  readonly name?: string;
  /** The name under which the user finds this device; up to 100 characters. */
  readonly deviceName?: string;
  /** Where todos are kept: IndexedDB where there is one, else memory; or a store of your own. */
  readonly store?: "indexeddb" | "memory" | Store;
  /**
   * Who decides conflicts, by field. By default the user; for `position` and `snooze` the server.
   */
  readonly policies?: Policies;
  /** Whether to sync by itself, with socket, polling and wake-ups; true by default. */
  readonly automatic?: boolean;
  /**
   * Seconds between two polls while no socket is open, or something waits; 30 by default, and
   * Infinity for none.
   */
  readonly pollSeconds?: number;
  /** For tests and unusual platforms. */
  readonly fetch?: typeof globalThis.fetch;
  /** The socket's constructor; null for none. */
  readonly WebSocket?: typeof globalThis.WebSocket | null;
  /** The clock, in milliseconds since 1970. */
  readonly now?: () => number;
  /** Locks between tabs; Web Locks or a lease in the store by default. */
  readonly locks?: Locks;
  /** How long a request may take, in milliseconds; 30,000 by default. */
  readonly requestTimeout?: number;
}

/** What became of an old list. */
export interface ImportResult {
  /** How many todos the server has now that it did not have before. */
  readonly created: number;
  /** How many it had already. */
  readonly existing: number;
  /** What could not be taken; these items stay in the old list. */
  readonly rejected: readonly {
    readonly item: unknown;
    readonly code: string;
    readonly message: string;
  }[];
}

/** A local-first list of todos that syncs with a server. */
export interface TodoClient {
  readonly session: Session;
  /** Resolves when the device's store has been read. Nothing has to wait for it. */
  readonly ready: Promise<void>;
  /** Everything at this moment: the same object until something changes. */
  getSnapshot(): Snapshot;
  /** Calls the listener after each change of the snapshot. Returns how to stop it. */
  subscribe(listener: () => void): () => void;
  /** A todo by its id, tombstones included. */
  get(id: string): Todo | undefined;
  /** Adds a todo. Throws {@link InvalidTodoError} for a value that the server would refuse. */
  add(todo: NewTodo): Written;
  /** Adds many at once, in one step of {@link TodoClient.undo}. */
  addMany(todos: readonly NewTodo[]): readonly Written[];
  /**
   * Changes fields. Throws {@link InvalidTodoError}; a todo that is not there is a `RangeError`.
   */
  edit(id: string, changes: TodoChanges): Written;
  /**
   * Completes the todo, or makes it active. Completing one with `repeat` and `due` adds the next.
   */
  complete(id: string, completed?: boolean): Written;
  /** Deletes the todo. */
  remove(id: string): Written;
  /** Brings a deleted todo back, with all fields that this device holds. */
  restore(id: string): Written;
  /** Moves the todo beside another one, in the order of {@link Snapshot.todos}. */
  reorder(id: string, place: Place): Written;
  /** Undoes the last thing done in this tab; null if there is none. */
  undo(): readonly Written[] | null;
  /** Syncs now. Resolves when nothing is left to do, rejects with what stopped it. */
  sync(): Promise<void>;
  /**
   * Moves an old list from `localStorage` to the server. The key is removed, or shortened to what
   * was rejected, only when the server has the rest. Needs a login; repeats harmlessly.
   */
  importLocalStorage(key: string): Promise<ImportResult>;
  /** All that this device holds, as JSON: todos, unsent changes, conflicts, rejected changes. */
  exportLocal(): unknown;
  /** Ends timers, socket and listeners. What is stored stays. */
  close(): Promise<void>;
}
