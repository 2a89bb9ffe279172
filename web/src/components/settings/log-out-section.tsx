"use client";

import { useRouter } from "next/navigation";
import { useState } from "react";
import { UnsentChangesError } from "todo-sync-client";
import { useSession } from "todo-sync-client/react";
import { useAsking } from "@/lib/asking";
import { forgetDrafts } from "@/lib/drafts";
import { texts } from "@/texts";
import { Form } from "../form";

const words = texts.settings;

/** Logging out. What has not reached the server is lost only if the user says so. */
export function LogOutSection() {
  const { session } = useSession();
  const router = useRouter();
  const asking = useAsking();
  const [unsent, setUnsent] = useState<UnsentChangesError | null>(null);
  const [choices, setChoices] = useState({ keep: false, everywhere: false });
  const logOut = (discardUnsent: boolean) =>
    asking.ask(async () => {
      try {
        await session.logOut({ ...choices, discardUnsent });
        if (!choices.keep) forgetDrafts();
        router.push("/");
      } catch (error) {
        if (!(error instanceof UnsentChangesError)) throw error;
        setUnsent(error);
      }
    });
  return (
    <section className="card">
      <h2>{words.logOut}</h2>
      {unsent ? (
        <div role="alertdialog" aria-label={words.logOut}>
          <p className="problem">{words.unsent(unsent.pending, unsent.conflicts, unsent.rejected)}</p>
          <div className="dialog-actions">
            <button type="button" className="button primary" onClick={() => setUnsent(null)}>
              {words.stay}
            </button>
            <button type="button" className="button danger" onClick={() => logOut(true)}>
              {words.logOutAnyway}
            </button>
          </div>
        </div>
      ) : (
        <Form tone="plain" submit={words.logOut} {...asking} onSubmit={() => logOut(false)}>
          <label className="choice">
            <input
              type="checkbox"
              checked={choices.keep}
              onChange={(event) => setChoices({ ...choices, keep: event.target.checked })}
            />
            {words.logOutKeep}
          </label>
          <label className="choice">
            <input
              type="checkbox"
              checked={choices.everywhere}
              onChange={(event) => setChoices({ ...choices, everywhere: event.target.checked })}
            />
            {words.logOutEverywhere}
          </label>
        </Form>
      )}
    </section>
  );
}
