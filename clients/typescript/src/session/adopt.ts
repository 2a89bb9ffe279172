/** Begins a session: what was made without an account becomes the user's, in one transaction. */

import { newId } from "../ids.js";
import { changeOf, NEW_META, newEntry, shown, type Entry } from "../model/entry.js";
import { differing, hasText, isDeleted } from "../model/fields.js";
import { ANONYMOUS, type DeviceRecord, type SessionRecord, type Store } from "../store/store.js";

/**
 * Stores the session, and moves the anonymous list to the user's. Returns the device as it is then.
 */
export function begin(store: Store, session: SessionRecord): Promise<DeviceRecord> {
  return move(store, session.userId, (device) => ({ ...device, session, verifier: null }));
}

/** Moves what another tab made without an account while this user logged in. */
export async function adoptRest(store: Store, userId: string): Promise<void> {
  await move(store, userId, (device) => device);
}

async function move(
  store: Store,
  owner: string,
  change: (device: DeviceRecord) => DeviceRecord,
): Promise<DeviceRecord> {
  let now!: DeviceRecord;
  const scopes = [ANONYMOUS, owner].map((name) => ({ owner: name, since: -1 }));
  await store.transact(scopes, ([anonymous, own], device) => {
    now = change(device);
    // Meanwhile another user may have logged in: then the list is that one's to take.
    if (now.session?.userId !== owner || (now === device && !anonymous?.entries.length)) return {};
    const held = new Map((own?.entries ?? []).map((entry) => [entry.id, entry]));
    const entries = (anonymous?.entries ?? []).flatMap(
      (entry) => moved(entry, held.get(entry.id)) ?? [],
    );
    if (entries.length === 0) return { device: now, erase: [ANONYMOUS] };
    const meta = own?.meta ?? { ...NEW_META, generation: newId() };
    const list = { owner, meta: { ...meta, revision: meta.revision + 1 }, entries };
    return { device: now, lists: [list], erase: [ANONYMOUS] };
  });
  return now;
}

/** The anonymous todo as a creation in the user's list; null if there is nothing to move. */
function moved(entry: Entry, held: Entry | undefined): Entry | null {
  const fields = shown(entry);
  if (!hasText(fields) || isDeleted(fields)) return null;
  if (held && differing(shown(held), fields).length === 0) return null;
  const { createdAt = null, completedAt = null } = entry.unsent ?? {};
  const id = held ? newId() : entry.id;
  return { ...newEntry(id), unsent: changeOf(null, fields, { createdAt, completedAt }) };
}
