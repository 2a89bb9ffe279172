"use client";

import { useSession } from "todo-sync-client/react";
import { useAsking } from "@/lib/asking";
import { texts } from "@/texts";

/** The name of a provider as people write it. */
export const shownName = (provider: string) =>
  ({ github: "GitHub" })[provider] ??
  provider.replace(/(^|-)\p{L}/gu, (start) => start.replace("-", " ").toUpperCase());

/** A button for each provider. The browser comes back to `/signed-in`. */
export function ProviderButtons({ providers }: { readonly providers: readonly string[] }) {
  const { session } = useSession();
  const { isBusy, problem, ask } = useAsking();
  const begin = (provider: string) =>
    ask(async () => {
      window.location.assign(await session.startProviderLogIn(provider, `${window.location.origin}/signed-in`));
    });
  return (
    <div className="providers">
      {providers.map((provider) => (
        <button key={provider} type="button" className="button" disabled={isBusy} onClick={() => begin(provider)}>
          {texts.account.logIn.with(shownName(provider))}
        </button>
      ))}
      {problem && (
        <p className="problem" role="alert">
          {problem}
        </p>
      )}
    </div>
  );
}
