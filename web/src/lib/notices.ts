/** The one notice that the app shows at a time, such as "Deleted …" with a button to undo. */

export interface Notice {
  readonly id: number;
  readonly text: string;
  readonly canUndo: boolean;
}

let notice: Notice | null = null;
let nextId = 1;
const listeners = new Set<() => void>();

function show(next: Notice | null) {
  notice = next;
  for (const listener of listeners) listener();
}

/** Shows a notice in the place of the one before it. */
export function notify(text: string, options: { readonly canUndo?: boolean } = {}) {
  show({ id: nextId++, text, canUndo: options.canUndo ?? false });
}

/** Takes the notice away, if it is still this one. */
export function dismiss(id: number) {
  if (notice?.id === id) show(null);
}

/** Takes away whatever notice there is, before it covers what the user opens. */
export function clearNotice() {
  show(null);
}

export const noticeStore = {
  subscribe(listener: () => void) {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
  get: () => notice,
};
