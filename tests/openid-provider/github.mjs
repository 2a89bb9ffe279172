// An imitation of GitHub's OAuth, as documented: codes are valid for ten minutes, the token endpoint reports errors with status 200, and
// email addresses have an endpoint of their own. Settings: `client` with client_id, client_secret, redirect_uris.

import { createHash, randomBytes } from "node:crypto";
import { text } from "node:stream/consumers";

const random = (prefix) => prefix + randomBytes(18).toString("base64url");

export function github(server, { client }) {
  const codes = new Map();
  const tokens = new Map();

  function authorize(query, response) {
    const to = new URL(query.get("redirect_uri"));
    if (query.get("client_id") !== client.client_id || !client.redirect_uris.includes(to.href)) {
      return response.writeHead(404).end("no such application");
    }
    if (server.behaviour.deny) {
      to.searchParams.set("error", "access_denied");
      to.searchParams.set("error_description", "The user has denied your application access.");
    } else {
      const code = random("");
      server.codes.push(code);
      codes.set(code, { challenge: query.get("code_challenge"), redirect: to.href, user: server.behaviour.account });
      to.searchParams.set("code", code);
    }
    to.searchParams.set("state", query.get("state"));
    response.writeHead(302, { location: to.href }).end();
  }

  function exchange(form) {
    const code = codes.get(form.get("code"));
    codes.delete(form.get("code"));
    if (form.get("client_id") !== client.client_id || form.get("client_secret") !== client.client_secret) {
      return { error: "incorrect_client_credentials" };
    }
    if (form.get("redirect_uri") !== code?.redirect) return { error: "bad_verification_code" };
    const challenge = createHash("sha256").update(form.get("code_verifier") ?? "").digest("base64url");
    if (challenge !== code.challenge) return { error: "bad_verification_code" };
    const token = random("gho_");
    server.tokens.push(token);
    tokens.set(token, code.user);
    return { access_token: token, token_type: "bearer", scope: "read:user,user:email" };
  }

  server.handle = async (request, response) => {
    const url = new URL(request.url, server.url);
    const answer = (status, body) =>
      response.writeHead(status, { "content-type": "application/json; charset=utf-8" }).end(JSON.stringify(body));
    if (url.pathname === "/login/oauth/authorize") return authorize(url.searchParams, response);
    if (url.pathname === "/login/oauth/access_token") return answer(200, exchange(new URLSearchParams(await text(request))));
    const user = tokens.get(request.headers.authorization?.replace("Bearer ", ""));
    if (!user) return answer(401, { message: "Bad credentials" });
    if (!request.headers["user-agent"]) return answer(403, { message: "Request forbidden by administrative rules" });
    const { emails, ...profile } = user;
    if (url.pathname === "/user") return answer(200, profile);
    if (url.pathname === "/user/emails") return answer(200, emails);
    return answer(404, { message: "Not Found" });
  };
}
