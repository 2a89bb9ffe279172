"use client";

import Link from "next/link";
import { useRouter } from "next/navigation";
import { useSession, useTodoClient } from "todo-sync-client/react";
import { useAsking } from "@/lib/asking";
import { useServer } from "@/lib/server";
import { useInBrowser } from "@/lib/hooks";
import { texts } from "@/texts";
import { Field, Form } from "../form";
import { PageFrame } from "../page-frame";
import { ProviderButtons } from "./providers";

/** Creating an account. The todos of this browser move into it. */
export function RegisterPage() {
  const client = useTodoClient();
  const { session, status } = useSession();
  const router = useRouter();
  const { server, problem } = useServer();
  const asking = useAsking();
  const count = useInBrowser() && status === "anonymous" ? client.getSnapshot().todos.length : 0;
  const words = texts.account.register;
  const register = (value: (name: string) => string) =>
    asking.ask(() =>
      session
        .register(value("email"), value("password"), {
          displayName: value("name").trim() || undefined,
        })
        .then(() => router.push("/")),
    );
  return (
    <PageFrame title={words.title}>
      {problem && <p className="problem">{problem}</p>}
      {server && server.registration !== "open" && (
        <p role="status">{server.registration === "invite" ? words.invite : words.closed}</p>
      )}
      {server?.registration === "open" && server.logins.password && (
        <Form submit={words.submit} {...asking} onSubmit={register}>
          {count > 0 && <p>{words.adopt(count)}</p>}
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
