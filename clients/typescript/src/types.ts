/**
 * What an application sees: todos, conflicts, rejected changes, and the states of sync and session.
 */

/** Any JSON value. */
export type Json =
  null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** The keys that a frontend keeps beside a todo; `docs/metadata.md` names the conventional ones. */
export type Metadata = Readonly<Record<string, Json>>;

/** A todo as the user of this device sees it, unsent changes included. Never changed in place. */
export interface Todo {
  readonly id: string;
  readonly text: string;
  readonly description: string | null;
  readonly completed: boolean;
  readonly metadata: Metadata;
  /** When it was created, by this device's clock until the server has it. */
  readonly createdAt: string;
  readonly completedAt: string | null;
  /** When it was deleted; null for a live todo. */
  readonly deletedAt: string | null;
  /** The server's stamp of its last acknowledged change; null before the server has it. */
  readonly updatedAt: string | null;
  /** The acknowledged version; 0 before the server has it. */
  readonly version: number;
  /** Whether a change of it waits to be sent or answered. */
  readonly unsynced: boolean;
  /** Whether a conflict of it waits for a decision. */
  readonly conflicted: boolean;
}

/** A new todo. Texts are trimmed, and their line breaks become LF, as the server would do. */
export interface NewTodo {
  /** A UUID; made here if absent. */
  readonly id?: string;
  /** 1 to 500 characters. */
  readonly text: string;
  /** Up to 10,000 characters. */
  readonly description?: string | null;
  readonly completed?: boolean;
  readonly metadata?: Metadata;
  /** RFC 3339; now if absent. */
  readonly createdAt?: string;
}

/** The fields to change. Absent ones stay as they are; a metadata key given as null is removed. */
export interface TodoChanges {
  readonly text?: string;
  readonly description?: string | null;
  readonly completed?: boolean;
  readonly metadata?: Metadata;
}

/** What became of a change that was sent. */
export type Outcome = "synced" | "conflict" | "rejected";

/**
 * A change that is shown already. Neither promise causes an unhandled rejection if it is ignored.
 */
export interface Written {
  /** The todo's id. */
  readonly id: string;
  /**
   * Settles when the change is in the device's store. Rejects with a {@link StorageError} if the
   * store refuses it; the change then stays in memory and is tried again.
   */
  readonly stored: Promise<void>;
  /** Resolves when the server has answered. Offline, that can take days. */
  readonly synced: Promise<Outcome>;
}

/** A field by its wire name: `text`, `description`, `completed`, `deleted`, or `metadata.KEY`. */
export type FieldName = string;

/** One contested field, with both values. An absent metadata key is null. */
export interface ContestedField {
  readonly name: FieldName;
  readonly mine: Json;
  readonly theirs: Json;
}

/** How to decide a conflict: one side for all fields, or a value for each field that is named. */
export type Decision = "mine" | "theirs" | Readonly<Record<FieldName, Json>>;

/** Values that this device and another one gave to the same fields. Kept until it is resolved. */
export interface Conflict {
  readonly id: string;
  /** The todo as the server has it; null if the server does not have it. */
  readonly theirs: Todo | null;
  /** The todo as it would be with all values of this device. */
  readonly mine: Todo;
  readonly fields: readonly ContestedField[];
  /** Decides. With values per field, a field that is left out takes the server's value. */
  resolve(decision: Decision): Written;
}

/**
 * A change that the server refuses whatever its version. Kept until it is corrected or discarded.
 */
export interface Rejected {
  readonly id: string;
  /** The server's code, such as `QUOTA_001`. */
  readonly code: string;
  /** One sentence that says what is wrong. */
  readonly message: string;
  /** The refused values by wire name. */
  readonly fields: Readonly<Record<FieldName, Json>>;
  /** The todo as it would be with these values. */
  readonly todo: Todo;
  /** Sends the change again, with corrections where given. */
  retry(corrections?: TodoChanges): Written;
  /** Gives the values up. */
  discard(): Promise<void>;
}

/** Who decides a conflict of a field: the user, this device, or the server. */
export type Policy = "ask" | "mine" | "theirs";

/** Policies by wire name. Fields that are not named ask. */
export type Policies = Readonly<Record<FieldName, Policy>>;

/** Why the last attempt to sync failed. */
export interface SyncProblem {
  /** The server's error code, or `NETWORK`, `PROTOCOL`, `STORAGE`. */
  readonly code: string;
  readonly message: string;
}

/** How far this device and the server agree. */
export interface SyncState {
  /**
   * `local`: no account, all is only here. `loggedOut`: the session ended and needs a login.
   * `syncing`: a request is under way. `waiting`: it tries again at `retryAt`. `idle`: done.
   */
  readonly status: "local" | "loggedOut" | "syncing" | "waiting" | "idle";
  /**
   * Whether nothing waits: no change, no conflict, nothing rejected, and the last sync succeeded.
   */
  readonly settled: boolean;
  /** How many todos have changes that wait to be sent or answered. */
  readonly pending: number;
  /** Whether the digests agreed at the last complete sync: the same on all devices. */
  readonly verified: boolean;
  /** Whether a socket tells of changes at once. */
  readonly live: boolean;
  /** When the last complete sync ended, by this device's clock; null before the first. */
  readonly lastSyncedAt: string | null;
  /** When it tries again; null if it waits for nothing. */
  readonly retryAt: string | null;
  readonly problem: SyncProblem | null;
}

/** The user of a session. */
export interface User {
  readonly id: string;
  readonly email: string | null;
  readonly displayName: string | null;
  readonly emailVerified: boolean;
}

/**
 * Whose todos are shown. `anonymous`: no user's, only on this device. `loggedIn`: the user's.
 * `expired`: the user's, but the session ended; nothing is erased, and a login goes on.
 */
export interface SessionState {
  readonly status: "anonymous" | "loggedIn" | "expired";
  readonly user: User | null;
}

/** Where todos are kept on this device, and how safely. */
export interface StorageState {
  /** `memory` is lost with the page: private mode, or a browser that refuses storage. */
  readonly kind: "indexeddb" | "memory";
  /** Whether the browser promised not to evict it; null where it can't be asked. */
  readonly persisted: boolean | null;
  /** Bytes used and allowed by the browser's estimate; null where it gives none. */
  readonly usage: number | null;
  readonly quota: number | null;
  /** One sentence, if something could not be stored. */
  readonly problem: string | null;
}

/** Everything at one moment. The same object until something changes. */
export interface Snapshot {
  /** Whether the device's store has been read. */
  readonly ready: boolean;
  /** Live todos: those with a `position` first, in its order, then the others, oldest first. */
  readonly todos: readonly Todo[];
  readonly conflicts: readonly Conflict[];
  readonly rejected: readonly Rejected[];
  readonly sync: SyncState;
  readonly session: SessionState;
  readonly storage: StorageState;
  readonly canUndo: boolean;
}

/** A neighbour in an order by hand: the todo is placed after or before it. */
export type Place = { readonly after: string } | { readonly before: string };
