// The server as the loop sees it: requests and answers in JSON, and the digest of a list.
import type { Answer, Change, Fields, Gone, Row, Server } from "./types.js";

/** Posts a body to /api/v1/todos/sync. Rejects if no answer comes. */
export type Post = (body: object) => Promise<{ status: number; body: any }>;

export function serverAt(post: Post): Server {
  return {
    digest,
    async exchange({ cursor, epoch, again, changes }) {
      const todos = changes.map(itemOf);
      const place = { last_sync: cursor, epoch, include_deleted: again };
      const { status, body } = await post({ strategy: "merge", ...place, todos });
      if (status === 410) return goneOf(body.details);
      if (status === 200) return answerOf(body);
      throw new Error(`${status} ${body.message}`); // log in again, wait, or send fewer todos
    },
  };
}

function answerOf({ applied, versions, stamps, conflicts, rejected, server_changes, ...more }: any): Answer {
  return {
    applied: applied.map((id: string) => ({ id, version: versions[id], stamp: stamps[id] ?? "" })),
    conflicts: conflicts.map(({ id, server_data, fields, resolved }: any) => {
      return { id, server: rowOf(server_data), fields, resolved };
    }),
    rejected,
    changes: server_changes.map((todo: any) => [todo.id, rowOf(todo)]),
    cursor: more.sync_timestamp,
    epoch: more.epoch,
    hasMore: more.has_more,
    digest: more.digest,
  };
}

function goneOf({ reason, epoch, restored_to: to, horizon }: any): Gone {
  return { reason, epoch, to, horizon: horizon ?? "" };
}

function rowOf({ version, updated_at, text, description, completed, deleted_at, metadata }: any): Row {
  const keys = Object.entries(metadata).map(([key, value]) => [`metadata.${key}`, value]);
  const fields = { text, description, completed, deleted: deleted_at !== null, ...Object.fromEntries(keys) };
  return { version, stamp: updated_at, fields: sorted(fields) };
}

function itemOf([id, { seen, fields, heals }]: [string, Change]): object {
  const item: any = { id, version: heals ? 0 : seen.version, healing: heals, metadata: {} };
  for (const [name, value] of Object.entries(fields)) {
    if (name.startsWith("metadata.")) item.metadata[name.slice(9)] = value;
    else item[name] = value;
  }
  return item;
}

/** The same values with the members of objects in one order: the loop compares JSON texts. */
export function sorted(fields: Fields): Fields {
  const inOrder = (_: string, value: unknown): unknown => {
    if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  };
  return JSON.parse(JSON.stringify(fields, inOrder));
}

const u64 = (n: bigint): bigint => BigInt.asUintN(64, n);

function mix(word: bigint): bigint {
  let z = u64(word + 0x9e3779b97f4a7c15n);
  z = u64((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
  z = u64((z ^ (z >> 27n)) * 0x94d049bb133111ebn);
  return z ^ (z >> 31n);
}

/** The digest of the live todos among the rows: ../vectors/README.md. */
export function digest(rows: Iterable<[id: string, row: Row]>): string {
  let sum = 0n;
  for (const [id, { version, stamp, fields }] of rows) {
    if (fields["deleted"]) continue;
    const bits = BigInt(`0x${id.replaceAll("-", "")}`);
    const micros = BigInt(Date.parse(`${stamp.slice(0, 23)}Z`)) * 1000n + BigInt(stamp.slice(23, 26));
    const words = [bits >> 64n, bits, BigInt(version), micros].map(u64);
    sum += words.reduce((hash, word) => mix(hash ^ word), 0n);
  }
  return u64(sum).toString(16).padStart(16, "0");
}
