"use client";

import { useEffect, useSyncExternalStore } from "react";
import { useTodoClient } from "todo-sync-client/react";
import { undo } from "@/lib/actions";
import { dismiss, noticeStore } from "@/lib/notices";
import { texts } from "@/texts";

/** Long enough to read a notice and to reach its button (WCAG 2.2.1 asks for no limit on undo: Ctrl+Z stays). */
const VISIBLE = 8000;

/** The notice at the lower edge. Screen readers announce it. */
export function Notices() {
  const client = useTodoClient();
  const notice = useSyncExternalStore(noticeStore.subscribe, noticeStore.get, () => null);
  useEffect(() => {
    if (!notice) return;
    const timer = setTimeout(() => dismiss(notice.id), VISIBLE);
    return () => clearTimeout(timer);
  }, [notice]);
  return (
    <div className="notices">
      <div role="status" aria-live="polite">
        {notice && (
          <div className="notice" key={notice.id}>
            <span className="notice-text">{notice.text}</span>
            {notice.canUndo && (
              <button type="button" className="notice-action" onClick={() => undo(client)}>
                {texts.done.undo}
              </button>
            )}
          </div>
        )}
      </div>
    </div>
  );
}
