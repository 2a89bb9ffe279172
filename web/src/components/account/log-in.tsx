"use client";

import Link from "next/link";
import { useRouter } from "next/navigation";
import { useState } from "react";
import { useSession } from "todo-sync-client/react";
import { useAsking } from "@/lib/asking";
import { useServer } from "@/lib/server";
import { texts } from "@/texts";
import { Field, Form } from "../form";
import { PageFrame } from "../page-frame";
import { ProviderButtons } from "./providers";

/** Logging in by the ways that the server offers. */
export function LogInPage() {
  const { session } = useSession();
  const router = useRouter();
  const { server, problem } = useServer();
  const password = useAsking();
  const link = useAsking();
  const [isSent, setSent] = useState(false);
  const words = texts.account.logIn;
  const logins = server?.logins;
  return (
    <PageFrame title={words.title}>
      {problem && <p className="problem">{problem}</p>}
      {logins?.password && (
        <Form
          submit={words.submit}
          {...password}
          onSubmit={(value) =>
            password.ask(() => session.logIn(value("email"), value("password")).then(() => router.push("/")))
          }
        >
          <Field label={texts.account.email} name="email" type="email" autoComplete="username" required />
          <Field
            label={texts.account.password}
            name="password"
            type="password"
            autoComplete="current-password"
            required
          />
          <p>
            <Link href="/forgot-password">{words.forgot}</Link>
          </p>
        </Form>
      )}
      {logins && logins.providers.length > 0 && <ProviderButtons providers={logins.providers} />}
      {logins?.magicLink && (
        <>
          {logins.password && <p className="or">{words.or}</p>}
          {isSent ? (
            <p role="status">{words.magicSent}</p>
          ) : (
            <Form
              tone="plain"
              submit={words.magic}
              {...link}
              onSubmit={(value) =>
                link.ask(() => session.requestMagicLink(value("link-email")).then(() => setSent(true)))
              }
            >
              <Field label={texts.account.email} name="link-email" type="email" autoComplete="email" required />
            </Form>
          )}
        </>
      )}
      {server?.registration === "open" && logins?.password && (
        <p>
          {words.none} <Link href="/register">{words.register}</Link>
        </p>
      )}
    </PageFrame>
  );
}
