"use client";

import { useEffect, useState } from "react";
import { useSession } from "todo-sync-client/react";
import { useAsking } from "@/lib/asking";
import { texts } from "@/texts";
import { Field, Form } from "../form";

const words = texts.settings;

/** The address, the name and the password. */
export function AccountSection() {
  const { session, user } = useSession();
  const [name, password, verification, profile] = [useAsking(), useAsking(), useAsking(), useAsking()];
  const [done, setDone] = useState<"name" | "password" | "verification" | null>(null);
  const [hasPassword, setHasPassword] = useState(false);
  const { ask } = profile;
  useEffect(() => ask(async () => setHasPassword((await session.profile()).hasPassword)), [session, ask]);
  return (
    <section className="card">
      <h2>{words.account}</h2>
      <p>{user?.email}</p>
      {profile.problem && <p className="problem">{profile.problem}</p>}
      {user && user.email && !user.emailVerified && (
        <p>
          {words.unverified}{" "}
          <button
            type="button"
            className="link"
            disabled={verification.isBusy}
            onClick={() => verification.ask(() => session.resendVerification().then(() => setDone("verification")))}
          >
            {words.resend}
          </button>{" "}
          <span role="status">{verification.problem ?? (done === "verification" ? words.resent : "")}</span>
        </p>
      )}
      <Form
        tone="plain"
        submit={words.saveName}
        {...name}
        onSubmit={(value) =>
          name.ask(async () => {
            await session.updateProfile({ displayName: value("display-name") });
            setDone("name");
          })
        }
      >
        <Field
          label={words.name}
          name="display-name"
          autoComplete="name"
          defaultValue={user?.displayName ?? ""}
          required
          maxLength={100}
        />
      </Form>
      <p role="status">{done === "name" ? words.saved : ""}</p>
      {hasPassword && (
        <>
          <h3>{words.password}</h3>
          <Form
            tone="plain"
            submit={words.changePassword}
            {...password}
            onSubmit={(value) =>
              password.ask(() =>
                session.changePassword(value("current"), value("next")).then(() => setDone("password")),
              )
            }
          >
            <Field
              label={texts.account.currentPassword}
              name="current"
              type="password"
              autoComplete="current-password"
              required
            />
            <Field
              label={texts.account.newPassword}
              name="next"
              type="password"
              autoComplete="new-password"
              required
              hint={texts.account.passwordHint}
            />
          </Form>
          <p role="status">{done === "password" ? words.passwordChanged : ""}</p>
        </>
      )}
    </section>
  );
}
