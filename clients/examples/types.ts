// What the loop keeps, sends and gets.

/** Values by wire name: "text", "deleted", "metadata.due", … A missing field has its initial value. */
export type Fields = Record<string, unknown>;

/** A todo that the server acknowledged. */
export interface Row {
  version: number;
  stamp: string;
  fields: Fields;
}

/** Values of a todo that are not acknowledged yet. */
export interface Change {
  seen: Row; // the todo that the user saw: its version is the base
  fields: Fields; // the new values
  lost: string | null; // the server lost what it wrote after this stamp, and the change gives it back
  heals: boolean; // as a healing item, not on top of the server's todo
}

export interface Request {
  cursor: string | null;
  epoch: string | null;
  again: boolean; // whether tombstones are wanted although the device reads from the beginning
  changes: [id: string, change: Change][];
}

export interface Answer {
  applied: { id: string; version: number; stamp: string }[];
  conflicts: Refusal[];
  rejected: { id: string; message: string }[];
  changes: [id: string, row: Row][];
  cursor: string;
  epoch: string;
  hasMore: boolean;
  digest: string | null;
}

/** A conflict. */
export interface Refusal {
  id: string;
  server: Row;
  fields: string[];
  resolved: string | null;
}

/** A 410. */
export interface Gone {
  reason: string;
  epoch: string;
  to: string | null; // `restored_to`
  horizon: string;
}

export interface Server {
  /** Rejects if no answer comes. */
  exchange(request: Request): Promise<Answer | Gone>;
  digest(rows: Iterable<[id: string, row: Row]>): string;
}
