// oidc-provider behind a place, without a browser's help: whoever comes is `behaviour.account` and consents, unless `behaviour.deny`.
// Settings:
//   client          its metadata: client_id, client_secret, redirect_uris, …
//   algorithm       what signs id tokens; ES256 by default
//   claimsInToken   whether the id token says more than the subject, as Google's does; else the userinfo endpoint does
// What it never does by itself is done to its id tokens on their way out: `behaviour.idToken` is {claims, signer}, with claims that
// replace its own (null removes one) and a signer out of `own`, `another`, `secret`, `nobody`.

import { randomBytes } from "node:crypto";
import { SignJWT, UnsecuredJWT, decodeJwt, exportJWK, generateKeyPair, importJWK } from "jose";
import { Provider } from "oidc-provider";

// What it says of how to run it in production is nothing to a test.
console.info = console.warn = () => {};

async function newKey(algorithm) {
  const { privateKey } = await generateKeyPair(algorithm, { extractable: true });
  const kid = randomBytes(8).toString("hex");
  return { ...(await exportJWK(privateKey)), kid, use: "sig", alg: algorithm };
}

export async function openid(place, { client, algorithm = "ES256", claimsInToken = false }) {
  let key;
  const accounts = new Map();

  async function forge(idToken, { claims = {}, signer = "own" }) {
    const payload = { ...decodeJwt(idToken), ...claims };
    for (const name in payload) if (payload[name] === null) delete payload[name];
    if (signer === "nobody") return new UnsecuredJWT(payload).encode();
    const token = new SignJWT(payload);
    if (signer === "secret") {
      return token.setProtectedHeader({ alg: "HS256" }).sign(new TextEncoder().encode(client.client_secret));
    }
    const by = signer === "another" ? await newKey(algorithm) : key;
    return token.setProtectedHeader({ alg: algorithm, kid: key.kid }).sign(await importJWK(by, algorithm));
  }

  place.rotate = async () => {
    key = await newKey(algorithm);
    const provider = new Provider(place.url, {
      clients: [{ id_token_signed_response_alg: algorithm, grant_types: ["authorization_code", "refresh_token"], ...client }],
      jwks: { keys: [key] },
      cookies: { keys: ["not a secret"] },
      claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
      conformIdTokenClaims: !claimsInToken,
      clientAuthMethods: ["client_secret_basic", "client_secret_post"].slice(client.token_endpoint_auth_method ? -1 : 0),
      features: { devInteractions: { enabled: false } },
      findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub, ...accounts.get(sub) }) }),
      interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
      issueRefreshToken: () => true,
      pkce: { required: () => true },
    });
    provider.use(async (context, next) => {
      if (context.path.startsWith("/interaction/")) return interact(provider, context);
      await next();
      // Whatever a client is given stands in a token answer or in the address it is sent back to.
      const { body } = context;
      if (body?.id_token && place.behaviour.idToken) body.id_token = await forge(body.id_token, place.behaviour.idToken);
      if (body?.access_token) place.tokens.push(body.access_token, body.refresh_token, body.id_token);
      if (context.path === "/me") Object.assign(body, place.behaviour.userinfo);
      const code = new URL(context.response.get("location") || "/", place.url).searchParams.get("code");
      if (code) place.codes.push(code);
    });
    place.handle = provider.callback();
  };

  async function interact(provider, { req, res }) {
    const { deny, account } = place.behaviour;
    const { prompt, params, session } = await provider.interactionDetails(req, res);
    const finish = (result) => provider.interactionFinished(req, res, result);
    if (deny) return finish({ error: "access_denied", error_description: "the user said no" });
    if (prompt.name === "login") {
      const { sub, ...claims } = account;
      accounts.set(sub, claims);
      return finish({ login: { accountId: sub } });
    }
    const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
    grant.addOIDCScope(params.scope);
    return finish({ consent: { grantId: await grant.save() } });
  }

  await place.rotate();
}
