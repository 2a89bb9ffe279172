"use client";

import Link from "next/link";
import { useRouter } from "next/navigation";
import { useSession } from "todo-sync-client/react";
import { useAsking } from "@/lib/asking";
import { hasLogin, useParameter, useServer, type Description } from "@/lib/server";
import { texts } from "@/texts";
import { Field, Form } from "../form";
import { PageFrame } from "../page-frame";
import { Adoption } from "./adoption";
import { ProviderButtons } from "./providers";

const words = texts.account.register;

/** Why the server takes no account from this page; null if it does. */
function refusal(server: Description, invitation: string | null): string | null {
  const { registration, logins } = server;
  if (!hasLogin(server)) return texts.account.logIn.nowhere;
  if (registration === "closed") return words.closed;
  if (registration === "invite") return invitation && logins.password ? null : words.invite;
  return logins.password ? null : words.noPasswords;
}

/** Creating an account, with an invitation where the server wants one. The todos of this browser move into it. */
export function RegisterPage() {
  const { session } = useSession();
  const router = useRouter();
  const { server, problem } = useServer();
  const invitation = useParameter("invitation") ?? null;
  const asking = useAsking();
  const reason = server ? refusal(server, invitation) : null;
  const register = (value: (name: string) => string) =>
    asking.ask(() =>
      session
        .register(value("email"), value("password"), {
          displayName: value("name").trim() || undefined,
          invitation: invitation ?? undefined,
        })
        .then(() => router.push("/")),
    );
  return (
    <PageFrame title={words.title}>
      {problem && <p className="problem">{problem}</p>}
      {reason && <p role="status">{reason}</p>}
      {server && !reason && (
        <Form submit={words.submit} {...asking} onSubmit={register}>
          {server.registration === "invite" && <p>{words.invited}</p>}
          <Adoption />
          <Field label={texts.account.email} name="email" type="email" autoComplete="username" required />
          <Field
            label={texts.account.password}
            name="password"
            type="password"
            autoComplete="new-password"
            required
            hint={texts.account.passwordHint}
          />
          <Field label={texts.account.displayName} name="name" autoComplete="name" maxLength={100} />
        </Form>
      )}
      {server && server.registration === "open" && server.logins.providers.length > 0 && (
        <ProviderButtons providers={server.logins.providers} />
      )}
      <p>
        {words.have} <Link href="/login">{words.logIn}</Link>
      </p>
    </PageFrame>
  );
}
