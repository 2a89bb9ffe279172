/** Puts a snapshot together. */

import type { CurrentList } from "./current.js";
import { decided, isDecidable, retried } from "./device/user.js";
import type { Engine } from "./engine.js";
import { acknowledged, type Entry, type Refused } from "./model/entry.js";
import type { Fields } from "./model/fields.js";
import { checked, fieldsOf } from "./model/text.js";
import { stateOf } from "./session/account.js";
import type { Auth } from "./session/auth.js";
import type { Conflict, Decision, Rejected, Snapshot, StorageState, SyncState } from "./types.js";
import { contestedFields, todoFrom, todoOf } from "./view.js";

/**
 * An entry keeps its conflict object, so that a list of conflicts is redrawn only where it changed.
 */
export class Known {
  readonly conflicts = new WeakMap<Entry, Conflict>();
  readonly rejections = new WeakMap<Entry, Rejected>();
}

export interface SnapshotParts {
  readonly known: Known;
  readonly current: CurrentList;
  readonly auth: Auth;
  readonly engine: Engine;
  readonly isLive: boolean;
  readonly storage: StorageState;
  readonly timestamp: () => string;
}

/** The snapshot now. Parts that are as in `last` keep their identity. */
export function snapshotOf(parts: SnapshotParts, last: Snapshot | null): Snapshot {
  const { table, commands, isReady, undos } = parts.current;
  const entries = (ids: Iterable<string>): Entry[] => [...ids].map((id) => commands.entry(id));
  const now: Snapshot = {
    ready: isReady,
    todos: table.todos,
    conflicts: entries(table.conflicts).map((entry) => conflictOf(parts, entry)),
    rejected: entries(table.rejected).map((entry) => rejectedOf(parts, entry)),
    sync: syncOf(parts),
    session: stateOf(parts.auth.session),
    storage: parts.storage,
    canUndo: !undos.isEmpty,
  };
  if (!last) return now;
  return {
    ...now,
    conflicts: kept(last.conflicts, now.conflicts, isSameList),
    rejected: kept(last.rejected, now.rejected, isSameList),
    sync: kept(last.sync, now.sync, isSame),
    session: kept(last.session, now.session, isSame),
  };
}

function kept<T extends object>(last: T, now: T, same: (a: T, b: T) => boolean): T {
  return same(last, now) ? last : now;
}

function isSame(a: object, b: object): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function isSameList(a: readonly object[], b: readonly object[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
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

function conflictOf({ current, known: { conflicts } }: SnapshotParts, entry: Entry): Conflict {
  const known = conflicts.get(entry);
  if (known) return known;
  const { id } = entry;
  const mine = entry.conflict?.mine ?? {};
  const base = entry.row ? acknowledged(entry) : (entry.conflict?.whole ?? {});
  const conflict: Conflict = {
    id,
    theirs: entry.row ? (todoFrom({ ...entry, sent: null, unsent: null }) ?? null) : null,
    mine: todoOf(entry, { ...base, ...mine }),
    fields: contestedFields(entry, mine),
    resolve: (decision) => {
      if (typeof decision === "object") checked(decision);
      return current.commands.run(id, (now) =>
        isDecidable(now) ? decided(now, valuesOf(decision, now.conflict?.mine ?? {})) : now,
      );
    },
  };
  conflicts.set(entry, conflict);
  return conflict;
}

function valuesOf(decision: Decision, mine: Fields): Fields {
  if (decision === "theirs") return {};
  return decision === "mine" ? mine : checked(decision);
}

function rejectedOf(
  { current, timestamp, known: { rejections } }: SnapshotParts,
  entry: Entry,
): Rejected {
  const known = rejections.get(entry);
  if (known) return known;
  const { id } = entry;
  const { code, message, fields, whole } = entry.rejected as Refused;
  const rejected: Rejected = {
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
  rejections.set(entry, rejected);
  return rejected;
}
