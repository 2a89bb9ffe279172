"use client";

import { useRouter } from "next/navigation";
import { useSession } from "todo-sync-client/react";
import { useAsking } from "@/lib/asking";
import { useParameter } from "@/lib/server";
import { texts } from "@/texts";
import { Form } from "../form";
import { PageFrame } from "../page-frame";

/** The page of a login link. A button uses the token: mail scanners open links too. */
export function MagicPage() {
  const { session } = useSession();
  const router = useRouter();
  const token = useParameter("token");
  const asking = useAsking();
  const words = texts.account.magic;
  return (
    <PageFrame title={words.title}>
      {token === null && <p className="problem">{texts.account.noToken}</p>}
      {token && (
        <Form
          submit={words.submit}
          {...asking}
          onSubmit={() => asking.ask(() => session.useMagicLink(token).then(() => router.push("/")))}
        >
          <p>{words.explain}</p>
        </Form>
      )}
    </PageFrame>
  );
}
