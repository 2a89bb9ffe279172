/** A server that admits only whom its operator invited. */

import { afterAll, beforeAll, expect, test } from "vitest";

import { deviceOf, newEmail, PASSWORD, texts } from "../support/account.js";
import { TestServer } from "../support/server.js";

let server: TestServer;
const settings = { REGISTRATION: "invite", FRONTEND_URL: "https://todos.example" };
beforeAll(async () => void (server = await TestServer.start(settings)));
afterAll(() => server?.end());

/** The token in the link that the operator sends. */
function invitationFor(email: string): string {
  const link = /https:\/\/\S+/.exec(server.run("user", "invite", email))?.[0] ?? "";
  return new URL(link).searchParams.get("invitation") ?? "";
}

test("an invitation registers its address once, and adopts what was made before", async () => {
  const email = newEmail();
  const invitation = invitationFor(email);
  const device = deviceOf(server.url);
  expect((await device.session.describeServer()).registration).toBe("invite");
  device.add({ text: "Before the account" });
  const refused = { name: "ApiError", status: 403, code: "AUTHZ_002" };
  await expect(device.session.register(email, PASSWORD)).rejects.toMatchObject(refused);
  const unknown = { name: "ApiError", status: 400, code: "AUTH_008" };
  for (const wrong of ["no-such-invitation", invitationFor(newEmail())]) {
    const options = { invitation: wrong };
    await expect(device.session.register(email, PASSWORD, options)).rejects.toMatchObject(unknown);
  }
  expect(device.getSnapshot().session.status).toBe("anonymous");
  expect(texts(device)).toEqual(["Before the account"]);

  await device.session.register(email, PASSWORD, { displayName: "Ann", invitation });
  await device.sync();
  expect(device.getSnapshot().session.user).toMatchObject({ email, displayName: "Ann" });
  expect(device.getSnapshot().sync.settled).toBe(true);
  const late = deviceOf(server.url);
  await expect(late.session.register(newEmail(), PASSWORD, { invitation })).rejects.toMatchObject(
    unknown,
  );
});
