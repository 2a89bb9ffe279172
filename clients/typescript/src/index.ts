/**
 * A local-first client for todo-sync. Reads and writes are local and at once; what was written is
 * synced when it can be, and nothing is ever dropped on an error.
 *
 * @packageDocumentation
 */

export { createTodoClient } from "./client.js";
export type { ClientOptions, ImportResult, TodoClient } from "./client-types.js";
export {
  ApiError,
  InvalidTodoError,
  NetworkError,
  ProtocolError,
  StorageError,
  UnsentChangesError,
} from "./errors.js";
export { nextDate } from "./recurrence.js";
export type {
  DeviceSession,
  LogOutOptions,
  Profile,
  RegisterOptions,
  ServerDescription,
  Session,
} from "./session/types.js";
export { memoryStore } from "./store/memory.js";
export { indexedDbStore } from "./store/indexeddb.js";
export type {
  DeviceRecord,
  Found,
  Scope,
  SessionRecord,
  Store,
  Tokens,
  Write,
} from "./store/store.js";
export type { Locks } from "./tabs/locks.js";
export type * from "./types.js";
