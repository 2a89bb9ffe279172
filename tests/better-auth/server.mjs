// A Better Auth server for the suite: `node server.mjs CONFIGURATION`, JSON with
//   algorithm         EdDSA, ES256, RS256, PS256: what the JWT plugin signs with; or HS256: what a hand-written signer does
//   rotationInterval  seconds after which the plugin makes a new key; never without it
//   cookieCache       compact, jwt, jwe: the strategy of the session cache, which is off without it
//   cookieCacheByKey  whether the plugin's keys sign that cache
// It prints its address and ends when its standard input does, so that it never outlives the test.

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
  // What the application's own code can have signed.
  if (request.url === "/sign") return answer(await auth.api.signJWT({ body: { payload: await json(request) } }));
  response.writeHead(404).end();
});

await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const baseURL = `http://127.0.0.1:${server.address().port}`;

// The plugin leaves HS256 to whoever brings a signer, and then wants to know where others find keys.
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
