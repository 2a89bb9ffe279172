// What a user does with todos, on top of the loop.
import { serverAt, sorted, type Post } from "./server.js";
import { SyncLoop, deletes, unknown } from "./sync-loop.js";
import type { Fields } from "./types.js";

export class TodoClient extends SyncLoop {
  constructor(post: Post) {
    super(serverAt(post));
  }

  /** The todo as the user sees it. */
  view(id: string): Fields {
    const change = this.unsent.get(id);
    const held = this.rows.get(id) ?? this.inFlight.get(id)?.seen ?? change?.seen;
    return { ...held?.fields, ...this.inFlight.get(id)?.fields, ...change?.fields };
  }

  /** Changes or creates a todo. To restore one, name all its fields: `{ ...view(id), deleted: false }`. */
  edit(id: string, fields: Fields): void {
    const made = { seen: this.rows.get(id) ?? unknown, fields: {}, lost: null, heals: false };
    const earlier = this.unsent.get(id) ?? made;
    this.unsent.set(id, { ...earlier, fields: sorted({ ...earlier.fields, ...fields }) });
  }

  /** Decides a conflict: `{}` for the server's values, `conflict.mine` for this device's, or others. */
  decide(id: string, fields: Fields): void {
    const conflict = this.conflicts.get(id);
    const server = this.rows.get(id)?.fields;
    this.conflicts.delete(id);
    if (!conflict || Object.keys(fields).length === 0) return;
    const restores = !deletes(fields) && (!server || deletes(server));
    const all = server?.["text"] ? server : conflict.whole;
    this.edit(id, restores ? { ...all, deleted: false, ...fields } : fields);
  }
}
