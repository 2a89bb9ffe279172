"use client";

import Link from "next/link";
import { useRouter } from "next/navigation";
import { useState, type MouseEvent } from "react";
import { useSession } from "todo-sync-client/react";
import { useAsking } from "@/lib/asking";
import { hasLogin, useServer, type Description } from "@/lib/server";
import { texts } from "@/texts";
import { Field, Form } from "../form";
import { PageFrame } from "../page-frame";
import { Adoption } from "./adoption";
import { ProviderButtons } from "./providers";

const words = texts.account.logIn;

/** Logging in by the ways that the server offers. */
export function LogInPage() {
  const { server, problem } = useServer();
  const logins = server?.logins;
  const byEmail = logins && (logins.password || logins.magicLink);
  return (
    <PageFrame title={words.title}>
      {problem && <p className="problem">{problem}</p>}
      {server && !hasLogin(server) && <p role="status">{words.nowhere}</p>}
      {server && hasLogin(server) && <Adoption />}
      {byEmail && <EmailForm password={logins.password} magicLink={logins.magicLink} />}
      {logins && logins.providers.length > 0 && (
        <>
          {byEmail && <p className="or">{words.or}</p>}
          <ProviderButtons providers={logins.providers} />
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

/** One address for both ways: with a password, or by a link in an email. */
function EmailForm({ password, magicLink }: Pick<Description["logins"], "password" | "magicLink">) {
  const { session } = useSession();
  const router = useRouter();
  const asking = useAsking();
  const [isSent, setSent] = useState(false);
  const logIn = (email: string, password: string) =>
    asking.ask(() => session.logIn(email, password).then(() => router.push("/")));
  const sendLink = (email: string) =>
    asking.ask(async () => {
      setSent(false);
      await session.requestMagicLink(email);
      setSent(true);
    });
  const sendLinkInstead = ({ currentTarget }: MouseEvent<HTMLButtonElement>) => {
    const email = currentTarget.form?.elements.namedItem("email");
    if (email instanceof HTMLInputElement && email.reportValidity()) sendLink(email.value);
  };
  return (
    <Form
      submit={password ? words.submit : words.magic}
      {...asking}
      onSubmit={(value) => (password ? logIn(value("email"), value("password")) : sendLink(value("email")))}
      after={
        <>
          {password && magicLink && (
            <button type="button" className="button" disabled={asking.isBusy} onClick={sendLinkInstead}>
              {words.magicInstead}
            </button>
          )}
          {isSent && <p role="status">{words.magicSent}</p>}
        </>
      }
    >
      <Field label={texts.account.email} name="email" type="email" autoComplete="username" required />
      {password && (
        <>
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
        </>
      )}
    </Form>
  );
}
