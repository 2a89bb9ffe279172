/** What is shown before a device's store has been read. */

import type { Snapshot } from "./types.js";

export const EMPTY_SNAPSHOT: Snapshot = {
  ready: false,
  todos: [],
  conflicts: [],
  rejected: [],
  sync: {
    status: "local",
    settled: false,
    pending: 0,
    verified: false,
    live: false,
    lastSyncedAt: null,
    retryAt: null,
    problem: null,
  },
  session: { status: "anonymous", user: null },
  storage: { kind: "memory", persisted: null, usage: null, quota: null, problem: null },
  canUndo: false,
};
