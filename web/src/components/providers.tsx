"use client";

import { useState, type ReactNode } from "react";
import { TodoClientProvider } from "todo-sync-client/react";
import { todoClient } from "@/lib/client";
import { Notices } from "./notices";
import { Updates } from "./updates";

/** What every page stands on: the client, notices, and the service worker. */
export function Providers({ children }: { readonly children: ReactNode }) {
  const [client] = useState(todoClient);
  return (
    <TodoClientProvider client={client}>
      {children}
      <Notices />
      <Updates />
    </TodoClientProvider>
  );
}
