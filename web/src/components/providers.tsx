"use client";

import { useEffect, useState, type ReactNode } from "react";
import { TodoClientProvider, useSession } from "todo-sync-client/react";
import { todoClient } from "@/lib/client";
import { claimDrafts } from "@/lib/drafts";
import { Notices } from "./notices";
import { Updates } from "./updates";

/** Lets nobody read what another user of this browser was typing. */
function Drafts() {
  const { user } = useSession();
  const id = user?.id;
  useEffect(() => {
    if (id) claimDrafts(id);
  }, [id]);
  return null;
}

/** What every page stands on: the client, notices, and the service worker. */
export function Providers({ children }: { readonly children: ReactNode }) {
  const [client] = useState(todoClient);
  return (
    <TodoClientProvider client={client}>
      <Drafts />
      {children}
      <Notices />
      <Updates />
    </TodoClientProvider>
  );
}
