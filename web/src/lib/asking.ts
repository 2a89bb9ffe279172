"use client";

import { useCallback, useState } from "react";
import { ApiError, NetworkError } from "todo-sync-client";
import { texts } from "@/texts";

/** Why a request failed, in words for the user. */
export function reasonOf(error: unknown): string {
  if (error instanceof NetworkError) return texts.account.offline;
  return error instanceof ApiError || (error instanceof Error && error.name !== "TypeError")
    ? error.message
    : texts.account.unknown;
}

/** A request that a form makes: whether it is under way, and why it failed. */
export function useAsking(): { isBusy: boolean; problem: string | null; ask: (request: () => Promise<void>) => void } {
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const ask = useCallback((request: () => Promise<void>) => {
    setBusy(true);
    setProblem(null);
    request()
      .catch((error: unknown) => setProblem(reasonOf(error)))
      .finally(() => setBusy(false));
  }, []);
  return { isBusy, problem, ask };
}
