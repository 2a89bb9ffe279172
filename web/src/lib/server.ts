"use client";

import { useEffect, useState } from "react";
import type { Session } from "todo-sync-client";
import { useSession } from "todo-sync-client/react";
import { reasonOf } from "./asking";

export type Description = Awaited<ReturnType<Session["describeServer"]>>;

/** Whether the server lets anybody log in from this app. */
export const hasLogin = ({ logins }: Description) =>
  logins.password || logins.magicLink || logins.providers.length > 0;

/** What the server offers, or why that is not known. */
export function useServer(): { server: Description | null; problem: string | null } {
  const { session } = useSession();
  const [server, setServer] = useState<Description | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => {
    session.describeServer().then(setServer, (error: unknown) => setProblem(reasonOf(error)));
  }, [session]);
  return { server, problem };
}

/** A parameter of the address, such as the token of a link in an email. Not known while prerendered. */
export function useParameter(name: string): string | null | undefined {
  const [value, setValue] = useState<string | null>();
  useEffect(() => {
    const address = new URL(window.location.href);
    setValue(address.searchParams.get(name));
    // A secret should not stay in the address bar, in the history or in a screenshot.
    address.searchParams.delete(name);
    window.history.replaceState(null, "", address);
  }, [name]);
  return value;
}
