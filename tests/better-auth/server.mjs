// A Better Auth server for the tests: `node server.mjs CONFIGURATION`, JSON with
//   algorithm         EdDSA, ES256, RS256 or PS256 for the JWT plugin; HS256 for a hand-written signer
//   rotationInterval  the interval of the plugin's key rotation in seconds; no rotation if absent
//   cookieCache       compact, jwt or jwe: the strategy of the session cache, which is off if absent
//   cookieCacheByKey  whether the plugin's keys sign the session cache
// Prints its address. Exits when standard input closes, so it never outlives the test.

import { createServer } from "node:http";
import { json } from "node:stream/consumers";
import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { toNodeHandler } from "better-auth/node";
import { jwt } from "better-auth/plugins";
import { SignJWT } from "jose";

const configuration = JSON.parse(process.argv[2]);
const secret = process.env.BETTER_AUTH_SECRET;
const outbox = [];

const server = createServer(async (request, response) => {
  const answer = (body) => response.setHeader("content-type", "application/json").end(JSON.stringify(body));
  if (request.url.startsWith("/api/auth/")) return handle(request, response);
  if (request.url === "/outbox") return answer(outbox);
  // Signs a payload with the app's own code.
  if (request.url === "/sign") return answer(await auth.api.signJWT({ body: { payload: await json(request) } }));
  response.writeHead(404).end();
});

await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const baseURL = `http://127.0.0.1:${server.address().port}`;

// For HS256 the plugin requires a custom signer and a URL for keys.
const signer = {
  jwt: {
    sign: (payload) =>
      new SignJWT(payload).setProtectedHeader({ alg: "HS256", typ: "JWT" }).sign(new TextEncoder().encode(secret)),
  },
  jwks: { remoteUrl: `${baseURL}/no-keys`, keyPairConfig: { alg: "EdDSA" } },
};
const keys = {
  jwks: { keyPairConfig: { alg: configuration.algorithm }, rotationInterval: configuration.rotationInterval },
  sessionCookieCache: configuration.cookieCacheByKey,
};

const auth = betterAuth({
  baseURL,
  secret,
  database: memoryAdapter({ user: [], session: [], account: [], verification: [], jwks: [] }),
  emailAndPassword: { enabled: true },
  emailVerification: {
    sendOnSignUp: true,
    sendVerificationEmail: async ({ user, token }) => void outbox.push({ to: user.email, token }),
  },
  rateLimit: { enabled: false },
  session: { cookieCache: { enabled: Boolean(configuration.cookieCache), strategy: configuration.cookieCache } },
  plugins: [jwt(configuration.algorithm === "HS256" ? signer : keys)],
});
const handle = toNodeHandler(auth);

process.stdin.resume().on("end", () => process.exit());
console.log(baseURL);
