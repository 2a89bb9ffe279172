"use client";

import Link from "next/link";
import { useState } from "react";
import { useSession } from "todo-sync-client/react";
import { useAsking } from "@/lib/asking";
import { texts } from "@/texts";
import { Field, Form } from "../form";
import { PageFrame } from "../page-frame";

/** Asking for a link that sets a new password. */
export function ForgotPage() {
  const { session } = useSession();
  const asking = useAsking();
  const [isSent, setSent] = useState(false);
  const words = texts.account.forgot;
  return (
    <PageFrame title={words.title}>
      {isSent ? (
        <p role="status">{words.sent}</p>
      ) : (
        <Form
          submit={words.submit}
          {...asking}
          onSubmit={(value) => asking.ask(() => session.forgotPassword(value("email")).then(() => setSent(true)))}
        >
          <p>{words.explain}</p>
          <Field label={texts.account.email} name="email" type="email" autoComplete="username" required />
        </Form>
      )}
      <p>
        <Link href="/login">{words.back}</Link>
      </p>
    </PageFrame>
  );
}
