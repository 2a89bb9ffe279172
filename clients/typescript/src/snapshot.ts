/** Puts a snapshot together. */

import type { CurrentList } from "./current.js";
import { decided, isDecidable, retried } from "./device/user.js";
import type { Engine } from "./engine.js";
import { acknowledged, type Contested, type Entry, type Refused } from "./model/entry.js";
import { isSame } from "./model/fields.js";
import { memo } from "./model/memo.js";
import { checked, fieldsOf } from "./model/text.js";
import { stateOf } from "./session/account.js";
import type { Auth } from "./session/auth.js";
import type { Conflict, Rejected, Snapshot, StorageState, SyncState } from "./types.js";
import { contestedFields, todoFrom, todoOf } from "./view.js";

export interface SnapshotParts {
  readonly decisions: Decisions;
  readonly current: CurrentList;
  readonly auth: Auth;
  readonly engine: Engine;
  readonly isLive: boolean;
  readonly storage: StorageState;
}

/** The snapshot now. Parts that are as in `last` keep their identity. */
export function snapshotOf(parts: SnapshotParts, last: Snapshot | null): Snapshot {
  const { table, commands, isReady, undos } = parts.current;
  const { conflictOf, rejectedOf } = parts.decisions;
  const entries = (ids: Iterable<string>): Entry[] => [...ids].map((id) => commands.entry(id));
  const now: Snapshot = {
    ready: isReady,
    todos: table.todos,
    conflicts: entries(table.conflicts).map((entry) => conflictOf(entry)),
    rejected: entries(table.rejected).map((entry) => rejectedOf(entry)),
    sync: syncOf(parts),
    session: stateOf(parts.auth.session),
    storage: parts.storage,
    canUndo: undos.length > 0,
  };
  for (const part of ["conflicts", "rejected", "sync", "session"] as const)
    if (last && isSame(last[part], now[part])) Object.assign(now, { [part]: last[part] });
  return now;
}

function syncOf({
  current: { table, list, commands },
  auth,
  engine,
  isLive,
}: SnapshotParts): SyncState {
  const meta = list.state;
  const status = !auth.session
    ? "local"
    : !auth.canAsk
      ? "loggedOut"
      : engine.isSyncing
        ? "syncing"
        : engine.retryAt !== null || engine.problem
          ? "waiting"
          : "idle";
  const undecided = table.unsynced.size + table.conflicts.size + table.rejected.size;
  const isComplete = !meta.behind && meta.lastSyncedAt !== null;
  return {
    status,
    settled:
      undecided === 0 && commands.isIdle && isComplete && auth.canAsk && engine.problem === null,
    pending: table.unsynced.size,
    verified: meta.verified,
    live: isLive,
    lastSyncedAt: meta.lastSyncedAt,
    retryAt: engine.retryAt === null ? null : new Date(engine.retryAt).toISOString(),
    problem: engine.problem,
  };
}

/** What waits for the user's decision. */
export interface Decisions {
  readonly conflictOf: (entry: Entry) => Conflict;
  readonly rejectedOf: (entry: Entry) => Rejected;
}

/**
 * The decisions on the list that is shown. An entry keeps its object, so that they are redrawn only
 * where something changed.
 */
export function decisionsOn(current: CurrentList, timestamp: () => string): Decisions {
  return {
    conflictOf: memo((entry) => {
      const { id, row } = entry;
      const { mine, whole } = entry.conflict as Contested;
      return {
        id,
        theirs: row ? (todoFrom({ ...entry, sent: null, unsent: null }) ?? null) : null,
        mine: todoOf(entry, { ...(row ? acknowledged(entry) : whole), ...mine }),
        fields: contestedFields(entry, mine),
        resolve: (decision) => {
          const values = typeof decision === "object" ? checked(decision) : {};
          return current.commands.run(id, (now) =>
            isDecidable(now)
              ? decided(now, decision === "mine" ? (now.conflict?.mine ?? {}) : values)
              : now,
          );
        },
      };
    }),
    rejectedOf: memo((entry) => {
      const { id } = entry;
      const { code, message, fields, whole } = entry.rejected as Refused;
      return {
        id,
        code,
        message,
        fields,
        todo: todoOf(entry, whole),
        retry: (corrections = {}) => {
          const [values, time] = [fieldsOf(corrections), timestamp()];
          return current.commands.run(id, (now) => retried(now, values, time));
        },
        discard: () => current.commands.run(id, (now) => ({ ...now, rejected: null })).stored,
      };
    }),
  };
}
