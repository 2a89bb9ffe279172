/** What is typed and not saved yet: it outlives a reload and a crash, and ends with a log-out. */

const PREFIX = "todo-sync:draft";

/** Whose drafts these are: the id of the account. */
const OWNER = "todo-sync:drafts-of";

/** The draft of the field that adds todos. */
export const NEW_TODO = PREFIX;

/** The draft of the editor of a todo: the fields that the user has changed, as JSON. */
export const editorDraft = (id: string) => `${PREFIX}:${id}`;

export function readDraft(key: string): string {
  try {
    return localStorage.getItem(key) ?? "";
  } catch {
    return "";
  }
}

export function writeDraft(key: string, text: string) {
  try {
    if (text) localStorage.setItem(key, text);
    else localStorage.removeItem(key);
  } catch {
    // Without storage, or for a text beyond its quota, the draft lives as long as the page.
  }
}

function keys(): readonly string[] {
  try {
    return Object.keys(localStorage).filter((key) => key === PREFIX || key.startsWith(`${PREFIX}:`));
  } catch {
    return [];
  }
}

/** The todos whose editors were left with something unsaved. */
export const editedTodos = (): readonly string[] =>
  keys()
    .filter((key) => key !== NEW_TODO)
    .map((key) => key.slice(PREFIX.length + 1));

/** Whoever uses this browser next must not read what the user before typed. */
export function forgetDrafts() {
  for (const key of keys()) writeDraft(key, "");
  writeDraft(OWNER, "");
}

/** Makes the drafts this user's: those typed without an account stay, another user's go. */
export function claimDrafts(user: string) {
  const owner = readDraft(OWNER);
  if (owner !== "" && owner !== user) forgetDrafts();
  writeDraft(OWNER, user);
}
