"use client";

import { useCallback, useEffect, useState } from "react";
import { useSession } from "todo-sync-client/react";
import { useAsking } from "@/lib/asking";
import { useServer } from "@/lib/server";
import { texts } from "@/texts";
import { shownName } from "../account/providers";
import { Field } from "../form";

const words = texts.settings;

/** The providers that can log the user in. The server asks for the password or a recent login. */
export function ProvidersSection() {
  const { session } = useSession();
  const { server } = useServer();
  const { isBusy, problem, ask } = useAsking();
  const [linked, setLinked] = useState<readonly string[]>([]);
  const [password, setPassword] = useState("");
  const load = useCallback(async () => setLinked((await session.profile()).providers), [session]);
  useEffect(() => ask(load), [ask, load]);
  const offered = server?.logins.providers ?? [];
  if (offered.length === 0 && linked.length === 0) return null;
  const proof = password || undefined;
  return (
    <section className="card">
      <h2>{words.providers}</h2>
      {problem && (
        <p className="problem" role="alert">
          {problem}
        </p>
      )}
      <Field
        label={words.proof}
        name="proof"
        type="password"
        autoComplete="current-password"
        value={password}
        onChange={(event) => setPassword(event.target.value)}
      />
      <ul className="rows">
        {[...new Set([...offered, ...linked])].map((provider) => (
          <li key={provider}>
            <strong>{shownName(provider)}</strong>
            {linked.includes(provider) ? (
              <button
                type="button"
                className="button"
                disabled={isBusy}
                onClick={() => ask(() => session.unlinkProvider(provider, proof).then(load))}
              >
                {words.unlink(shownName(provider))}
              </button>
            ) : (
              <button
                type="button"
                className="button"
                disabled={isBusy}
                onClick={() => ask(async () => window.location.assign(await session.linkProvider(provider, proof)))}
              >
                {words.link(shownName(provider))}
              </button>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}
