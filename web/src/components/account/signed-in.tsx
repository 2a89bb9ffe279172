"use client";

import Link from "next/link";
import { useRouter } from "next/navigation";
import { useEffect, useRef } from "react";
import { useSession } from "todo-sync-client/react";
import { useAsking } from "@/lib/asking";
import { useParameter } from "@/lib/server";
import { texts } from "@/texts";
import { PageFrame } from "../page-frame";

/** Where a provider's login, or the linking of a provider, comes back to. */
export function SignedInPage() {
  const { session } = useSession();
  const router = useRouter();
  const code = useParameter("code");
  const { problem, ask } = useAsking();
  const isUsed = useRef(false);
  useEffect(() => {
    if (!code || isUsed.current) return;
    isUsed.current = true;
    ask(() => session.finishProviderLogIn(code).then(() => router.replace("/")));
  }, [code, session, router, ask]);
  const words = texts.account.provider;
  const hasFailed = code === null || problem !== null;
  return (
    <PageFrame title={hasFailed ? words.failedTitle : words.title}>
      {hasFailed && (
        <>
          <p className="problem" role="alert">
            {problem ?? words.failed}
          </p>
          <p>
            <Link className="button" href="/login">
              {texts.account.logIn.title}
            </Link>
          </p>
        </>
      )}
    </PageFrame>
  );
}
