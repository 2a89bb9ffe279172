"use client";

import { useCallback, useEffect, useState } from "react";
import type { Session } from "todo-sync-client";
import { useSession } from "todo-sync-client/react";
import { useAsking } from "@/lib/asking";
import { useServer } from "@/lib/server";
import { texts } from "@/texts";
import { shownName } from "../account/providers";
import { Field } from "../form";

const words = texts.settings;
type Profile = Awaited<ReturnType<Session["profile"]>>;

/**
 * The providers that can log the user in. Linking and unlinking need a recent login, or the
 * password where the account has one.
 */
export function ProvidersSection() {
  const { session } = useSession();
  const { server } = useServer();
  const { isBusy, problem, ask } = useAsking();
  const [profile, setProfile] = useState<Profile | null>(null);
  const [password, setPassword] = useState("");
  const [unlinked, setUnlinked] = useState<string | null>(null);
  const load = useCallback(async () => setProfile(await session.profile()), [session]);
  useEffect(() => ask(load), [ask, load]);
  const linked = profile?.providers ?? [];
  const offered = server?.logins.providers ?? [];
  if (offered.length === 0 && linked.length === 0) return null;
  const proof = password || undefined;
  const unlink = (provider: string) =>
    ask(async () => {
      setUnlinked(null);
      await session.unlinkProvider(provider, proof);
      setPassword("");
      await load();
      setUnlinked(provider);
    });
  const link = (provider: string) =>
    ask(async () => window.location.assign(await session.linkProvider(provider, proof, window.location.href)));
  return (
    <section className="card">
      <h2>{words.providers}</h2>
      {problem && (
        <p className="problem" role="alert">
          {problem}
        </p>
      )}
      {profile?.hasPassword && (
        <Field
          label={words.proof}
          name="proof"
          type="password"
          autoComplete="current-password"
          value={password}
          onChange={(event) => setPassword(event.target.value)}
        />
      )}
      <ul className="rows">
        {profile &&
          [...new Set([...offered, ...linked])].map((provider) => {
            const [does, word] = linked.includes(provider) ? [unlink, words.unlink] : [link, words.link];
            return (
              <li key={provider}>
                <strong>{shownName(provider)}</strong>
                <button type="button" className="button" disabled={isBusy} onClick={() => does(provider)}>
                  {word(shownName(provider))}
                </button>
              </li>
            );
          })}
      </ul>
      <p role="status">{unlinked && words.unlinked(shownName(unlinked))}</p>
    </section>
  );
}
