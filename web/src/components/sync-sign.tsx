"use client";

import { useState } from "react";
import Link from "next/link";
import { useConflicts, useRejected, useStorage, useSync, useTodoClient } from "todo-sync-client/react";
import { save } from "@/lib/download";
import { ago } from "@/lib/format";
import { useInBrowser, useNow, useOnline } from "@/lib/hooks";
import { texts } from "@/texts";
import { Dialog } from "./dialog";

/** What the sign shows. Green is for `settled` alone: nothing waits, and the last sync succeeded. */
function useSign(): { tone: "good" | "busy" | "plain" | "warn"; text: string } {
  const sync = useSync();
  const [conflicts, rejected] = [useConflicts(), useRejected()];
  const isOnline = useOnline();
  if (!useInBrowser()) return { tone: "plain", text: texts.sync.label };
  if (conflicts.length + rejected.length > 0) return { tone: "warn", text: texts.sync.decide };
  if (sync.status === "local") return { tone: "plain", text: texts.sync.local };
  if (sync.status === "loggedOut") return { tone: "warn", text: texts.sync.loggedOut };
  if (!isOnline)
    return { tone: "plain", text: sync.pending > 0 ? texts.sync.waiting(sync.pending) : texts.sync.offline };
  if (sync.settled) return { tone: "good", text: texts.sync.synced };
  if (sync.status === "syncing") return { tone: "busy", text: texts.sync.syncing };
  return { tone: "plain", text: texts.sync.waiting(sync.pending) };
}

/** The quiet sign of the sync state; it opens what there is to say about it. */
export function SyncSign() {
  const [isOpen, setOpen] = useState(false);
  const { tone, text } = useSign();
  return (
    <>
      <button type="button" className="sync-sign" data-tone={tone} onClick={() => setOpen(true)} aria-haspopup="dialog">
        <span className="dot" aria-hidden="true" />
        <span className="visually-hidden">{texts.sync.label}: </span>
        {text}
      </button>
      {isOpen && <SyncDetails onClose={() => setOpen(false)} />}
    </>
  );
}

function SyncDetails({ onClose }: { readonly onClose: () => void }) {
  const client = useTodoClient();
  const sync = useSync();
  const storage = useStorage();
  const [conflicts, rejected, now] = [useConflicts(), useRejected(), useNow()];
  const isLocal = sync.status === "local";
  const isLoggedOut = sync.status === "loggedOut";
  return (
    <Dialog label={texts.sync.label} onClose={onClose}>
      <h2>{texts.sync.label}</h2>
      {isLocal && <p>{texts.sync.localText}</p>}
      {isLoggedOut && <p>{texts.sync.loggedOutText}</p>}
      {!isLocal && <p>{sync.lastSyncedAt ? texts.sync.last(ago(sync.lastSyncedAt, now)) : texts.sync.never}</p>}
      {!isLocal && sync.pending > 0 && <p>{texts.sync.pendingText(sync.pending)}</p>}
      {conflicts.length > 0 && <p>{texts.sync.conflictsText(conflicts.length)}</p>}
      {rejected.length > 0 && <p>{texts.sync.rejectedText(rejected.length)}</p>}
      {sync.settled && sync.verified && (
        <p>
          <strong>{texts.sync.same}.</strong> {texts.sync.verifiedText}
        </p>
      )}
      {sync.problem && !isLoggedOut && <p className="problem">{sync.problem.message}</p>}
      {sync.retryAt && <p>{texts.sync.retry(ago(sync.retryAt, now))}</p>}
      {storage.kind === "memory" && <p className="problem">{texts.sync.memory}</p>}
      {storage.problem && <p className="problem">{storage.problem}</p>}
      <div className="dialog-actions">
        {conflicts.length + rejected.length > 0 && (
          <Link className="button primary" href="/review">
            {texts.sync.review}
          </Link>
        )}
        {isLocal && (
          <Link className="button primary" href="/register">
            {texts.sync.account}
          </Link>
        )}
        {(isLocal || isLoggedOut) && (
          <Link className="button" href="/login">
            {texts.sync.logIn}
          </Link>
        )}
        {isLocal && (
          <button type="button" className="button" onClick={() => save("todos.json", client.exportLocal())}>
            {texts.sync.exportFile}
          </button>
        )}
        {!isLocal && !isLoggedOut && (
          <button type="button" className="button" onClick={() => void client.sync().catch(() => undefined)}>
            {texts.sync.now}
          </button>
        )}
        <button type="button" className="button quiet" onClick={onClose}>
          {texts.sync.close}
        </button>
      </div>
    </Dialog>
  );
}
