/** A request of one user is never repeated as another, who logged in meanwhile. */

import { expect, test } from "vitest";

import { createTodoClient } from "../../src/index.js";
import { loggedInStore, NOTHING_NEW, until } from "../support/account.js";

const BOB = "0190163d-8694-739b-aea5-966c26f8ad92";

test.each([{ keep: true }, { discardUnsent: true }])(
  "what Ann left unsent is not sent as Bob, after %o",
  async (leaving) => {
    let refuse: () => void = () => undefined;
    const refused = new Promise<void>((done) => (refuse = done));
    const asked: { readonly token: string; readonly body: string }[] = [];
    const client = createTodoClient({
      store: await loggedInStore(),
      WebSocket: null,
      fetch: async (url, init) => {
        const path = String(url);
        const token = new Headers(init?.headers).get("Authorization") ?? "";
        asked.push({ token, body: String(init?.body) });
        if (path.endsWith("/auth/logout")) return new Response(null, { status: 204 });
        if (path.endsWith("/auth/login"))
          return Response.json({ access_token: "b", refresh_token: "rb", user: { id: BOB } });
        if (!String(init?.body).includes("Secret")) return Response.json(NOTHING_NEW);
        await refused;
        return Response.json({ error_code: "AUTH_004", message: "Ended" }, { status: 401 });
      },
    });
    await client.ready;
    client.add({ text: "Secret of Ann" });
    await until(
      () => asked.some(({ body }) => body.includes("Secret")),
      "Ann's todo is on its way",
    );
    await client.session.logOut(leaving);
    await client.session.logIn("bob@example.com", "irrelevant");
    refuse();
    await until(() => client.getSnapshot().sync.settled, "Bob has synced");
    const asBob = asked.filter(({ token }) => token === "Bearer b");
    expect(asBob.length).toBeGreaterThan(0);
    expect(asBob.filter(({ body }) => body.includes("Secret"))).toEqual([]);
    expect(client.getSnapshot()).toMatchObject({
      todos: [],
      session: { status: "loggedIn", user: { id: BOB } },
    });
    await client.close();
  },
);
