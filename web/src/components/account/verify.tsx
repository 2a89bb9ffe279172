"use client";

import Link from "next/link";
import { useState } from "react";
import { useSession } from "todo-sync-client/react";
import { useAsking } from "@/lib/asking";
import { useParameter } from "@/lib/server";
import { texts } from "@/texts";
import { Form } from "../form";
import { PageFrame } from "../page-frame";

/** The page of the link that confirms an address. A button uses the token: mail scanners open links too. */
export function VerifyPage() {
  const { session } = useSession();
  const token = useParameter("token");
  const asking = useAsking();
  const [isDone, setDone] = useState(false);
  const words = texts.account.verify;
  return (
    <PageFrame title={words.title}>
      {token === null && <p className="problem">{texts.account.noToken}</p>}
      {token && !isDone && (
        <Form
          submit={words.submit}
          {...asking}
          onSubmit={() => asking.ask(() => session.verifyEmail(token).then(() => setDone(true)))}
        >
          <p>{words.explain}</p>
        </Form>
      )}
      {isDone && (
        <p role="status">
          {words.done} <Link href="/">{texts.account.toList}</Link>
        </p>
      )}
    </PageFrame>
  );
}
