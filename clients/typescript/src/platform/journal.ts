/**
 * A copy of the edits that are not in the store yet, in the browser's synchronous storage. A page
 * that is left within milliseconds of an edit aborts its write to IndexedDB; the next page takes
 * the edit from here.
 */

import type { Edit } from "../device/user.js";
import { newId } from "../ids.js";
import { isObject } from "../model/fields.js";

/** More characters than this are left to IndexedDB alone. */
const MOST = 100_000;

export interface Journal {
  /** Replaces what this page has written. */
  write(owner: string, edits: readonly Edit[]): void;
  /** Hands each edit that a page left behind for one of the owners to `redo`, and forgets it. */
  replay(owners: readonly string[], redo: (edit: Edit) => void): void;
  /** Forgets what pages left behind for the owner. */
  forget(owner: string): void;
}

/** The journal of this page. All pages of one origin share those of one prefix. */
export function journalOf(prefix: string): Journal {
  const own = `${prefix}:edits:${newId()}`;
  /** Calls `found` with what other pages wrote, and removes what that accepts. */
  const sweep = (found: (owner: unknown, edits: readonly unknown[]) => boolean): void => {
    const storage = globalThis.localStorage;
    for (const key of Object.keys(storage)) {
      if (!key.startsWith(`${prefix}:edits:`) || key === own) continue;
      const { owner, edits } = JSON.parse(storage.getItem(key) ?? "{}") as Record<string, unknown>;
      if (!Array.isArray(edits) || found(owner, edits)) storage.removeItem(key);
    }
  };
  return {
    write: (owner, edits) =>
      quietly(() => {
        const text = JSON.stringify({ owner, edits });
        if (edits.length > 0 && text.length <= MOST) localStorage.setItem(own, text);
        else localStorage.removeItem(own);
      }),
    replay: (owners, redo) =>
      quietly(() =>
        sweep((owner, edits) => {
          const isOurs = owners.includes(owner as string);
          for (const edit of isOurs ? edits : []) if (isEdit(edit)) redo(edit);
          return isOurs;
        }),
      ),
    forget: (owner) => quietly(() => sweep((other) => other === owner)),
  };
}

function isEdit(value: unknown): value is Edit {
  return isObject(value) && typeof value["id"] === "string" && isObject(value["fields"]);
}

/** A browser may refuse its storage, or have no room. Then IndexedDB has to be fast enough. */
function quietly(work: () => void): void {
  try {
    work();
  } catch {
    // As without a journal.
  }
}
