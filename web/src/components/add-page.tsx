"use client";

import { useRouter } from "next/navigation";
import { useEffect, useRef } from "react";
import { useTodoClient } from "todo-sync-client/react";
import { addTodos, short } from "@/lib/actions";
import { NEW_TODO, writeDraft } from "@/lib/drafts";
import { beyond, clean, fitting } from "@/lib/fitting";
import { notify } from "@/lib/notices";
import { texts } from "@/texts";
import { PageFrame } from "./page-frame";

/** `/add?text=…`, which other apps share to: adds the text as a todo and shows the list. */
export function AddPage() {
  const client = useTodoClient();
  const router = useRouter();
  const isAdded = useRef(false);
  useEffect(() => {
    if (isAdded.current) return;
    isAdded.current = true;
    const query = new URLSearchParams(window.location.search);
    const [title, text, url] = ["title", "text", "url"].map((name) => clean(query.get(name) ?? "").trim());
    const [first = "", ...others] = [title, text, url].filter(Boolean);
    const note = others.filter((other) => other !== first).join("\n");
    // The address must not add the todo again when the page is loaded again.
    window.history.replaceState(null, "", "/add");
    const length = beyond([first, note].join("\n"));
    if (length !== null) {
      writeDraft(NEW_TODO, [first, note].join(" "));
      notify(texts.add.beyond(length));
    } else if (first)
      addTodos(
        client,
        [fitting({ text: first, ...(note ? { description: note } : {}) })],
        texts.add.added(short(first)),
      );
    router.replace("/");
  }, [client, router]);
  return (
    <PageFrame title={texts.share.title}>
      <p>{texts.share.text}</p>
    </PageFrame>
  );
}
