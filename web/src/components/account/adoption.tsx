"use client";

import { useSession, useTodoClient } from "todo-sync-client/react";
import { useInBrowser } from "@/lib/hooks";
import { texts } from "@/texts";

/** Says that what was written without an account moves into the one that is entered next. */
export function Adoption() {
  const client = useTodoClient();
  const { status } = useSession();
  const count = useInBrowser() && status === "anonymous" ? client.getSnapshot().todos.length : 0;
  return count > 0 ? <p>{texts.account.adopt(count)}</p> : null;
}
