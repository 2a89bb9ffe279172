"use client";

import Link from "next/link";
import { useState } from "react";
import { useSession } from "todo-sync-client/react";
import { useAsking } from "@/lib/asking";
import { useParameter } from "@/lib/server";
import { texts } from "@/texts";
import { Field, Form } from "../form";
import { PageFrame } from "../page-frame";

/** The page of the link in the email about a forgotten password. */
export function ResetPage() {
  const { session } = useSession();
  const token = useParameter("token");
  const asking = useAsking();
  const [isDone, setDone] = useState(false);
  const words = texts.account.reset;
  const reset = (value: (name: string) => string) =>
    asking.ask(() =>
      session.resetPassword(token ?? "", value("password"), value("unlink") === "on").then(() => setDone(true)),
    );
  return (
    <PageFrame title={words.title}>
      {token === null && <p className="problem">{texts.account.noToken}</p>}
      {token && !isDone && (
        <Form submit={words.submit} {...asking} onSubmit={reset}>
          <Field
            label={texts.account.newPassword}
            name="password"
            type="password"
            autoComplete="new-password"
            required
            hint={texts.account.passwordHint}
          />
          <label className="choice">
            <input type="checkbox" name="unlink" /> {words.unlink}
          </label>
        </Form>
      )}
      {isDone && (
        <p role="status">
          {words.done} <Link href="/login">{texts.account.logIn.title}</Link>
        </p>
      )}
    </PageFrame>
  );
}
