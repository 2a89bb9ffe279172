/**
 * React hooks for a client.
 *
 * @packageDocumentation
 */

import {
  createContext,
  useCallback,
  useContext,
  useMemo,
  useSyncExternalStore,
  type ReactNode,
} from "react";

import { EMPTY_SNAPSHOT } from "../empty.js";
import type {
  Conflict,
  Rejected,
  Session,
  SessionState,
  Snapshot,
  StorageState,
  SyncState,
  Todo,
  TodoClient,
} from "../index.js";

const ClientContext = createContext<TodoClient | null>(null);

/** Gives the client to the hooks below it. */
export function TodoClientProvider({
  client,
  children,
}: {
  readonly client: TodoClient;
  readonly children: ReactNode;
}): ReactNode {
  return <ClientContext.Provider value={client}>{children}</ClientContext.Provider>;
}

/** The client of the nearest provider. */
export function useTodoClient(): TodoClient {
  const client = useContext(ClientContext);
  if (!client) throw new Error("useTodoClient needs a TodoClientProvider above it");
  return client;
}

/** A part of the snapshot. The component renders again only if that part changes. */
function usePart<T>(part: (snapshot: Snapshot) => T): T {
  const client = useTodoClient();
  const subscribe = useCallback((listener: () => void) => client.subscribe(listener), [client]);
  const get = useCallback(() => part(client.getSnapshot()), [client, part]);
  // A page rendered on a server shows what a device shows before its store has been read.
  const getEmpty = useCallback(() => part(EMPTY_SNAPSHOT), [part]);
  return useSyncExternalStore(subscribe, get, getEmpty);
}

/** Which todos, and in which order. Pass functions that keep their identity between renders. */
export interface TodosQuery {
  readonly where?: (todo: Todo) => boolean;
  readonly orderBy?: (a: Todo, b: Todo) => number;
}

const todosOf = (snapshot: Snapshot): readonly Todo[] => snapshot.todos;

/** The live todos. */
export function useTodos({ where, orderBy }: TodosQuery = {}): readonly Todo[] {
  const todos = usePart(todosOf);
  return useMemo(() => {
    const found = where ? todos.filter(where) : todos;
    return orderBy ? [...found].sort(orderBy) : found;
  }, [todos, where, orderBy]);
}

const sessionOf = (snapshot: Snapshot): SessionState => snapshot.session;

/** Who is logged in, and the session to log in and out with. */
export function useSession(): SessionState & { readonly session: Session } {
  const client = useTodoClient();
  const state = usePart(sessionOf);
  return useMemo(() => ({ ...state, session: client.session }), [state, client]);
}

const syncOf = (snapshot: Snapshot): SyncState => snapshot.sync;

/** How far this device and the server agree. */
export function useSync(): SyncState & { readonly syncNow: () => Promise<void> } {
  const client = useTodoClient();
  const state = usePart(syncOf);
  return useMemo(() => ({ ...state, syncNow: () => client.sync() }), [state, client]);
}

const conflictsOf = (snapshot: Snapshot): readonly Conflict[] => snapshot.conflicts;

/** The conflicts that wait for a decision. */
export function useConflicts(): readonly Conflict[] {
  return usePart(conflictsOf);
}

const rejectedOf = (snapshot: Snapshot): readonly Rejected[] => snapshot.rejected;

/** The changes that the server refused. */
export function useRejected(): readonly Rejected[] {
  return usePart(rejectedOf);
}

const storageOf = (snapshot: Snapshot): StorageState => snapshot.storage;

/** Where todos are kept on this device, and how safely. */
export function useStorage(): StorageState {
  return usePart(storageOf);
}

const readyOf = (snapshot: Snapshot): boolean => snapshot.ready;

/** Whether the device's store has been read. */
export function useReady(): boolean {
  return usePart(readyOf);
}

const canUndoOf = (snapshot: Snapshot): boolean => snapshot.canUndo;

/** Whether there is something to undo. */
export function useCanUndo(): boolean {
  return usePart(canUndoOf);
}
