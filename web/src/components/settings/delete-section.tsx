"use client";

import { useRouter } from "next/navigation";
import { useState } from "react";
import { useSession } from "todo-sync-client/react";
import { useAsking } from "@/lib/asking";
import { forgetDrafts } from "@/lib/drafts";
import { texts } from "@/texts";
import { Field, Form } from "../form";

const words = texts.settings;

/** Deleting the account, in two steps. */
export function DeleteSection() {
  const { session } = useSession();
  const router = useRouter();
  const asking = useAsking();
  const [isSure, setSure] = useState(false);
  return (
    <section className="card">
      <h2>{words.remove}</h2>
      <p>{words.removeText}</p>
      {isSure ? (
        <Form
          tone="danger"
          submit={words.removeConfirm}
          {...asking}
          onSubmit={(value) =>
            asking.ask(async () => {
              await session.deleteAccount(value("delete-password") || undefined);
              forgetDrafts();
              router.push("/");
            })
          }
        >
          <Field
            label={texts.account.currentPassword}
            name="delete-password"
            type="password"
            autoComplete="current-password"
          />
          <button type="button" className="button" onClick={() => setSure(false)}>
            {words.cancel}
          </button>
        </Form>
      ) : (
        <button type="button" className="button danger" onClick={() => setSure(true)}>
          {words.remove}
        </button>
      )}
    </section>
  );
}
