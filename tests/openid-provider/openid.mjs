// An OpenID Connect provider, based on oidc-provider. Every browser is logged in as `behaviour.account` and consents, unless
// `behaviour.deny`. Settings:
//   client          its metadata: client_id, client_secret, redirect_uris, …
//   algorithm       the signature algorithm of ID tokens; ES256 by default
//   claimsInToken   whether the ID token has all claims, as Google's does, or only the userinfo endpoint
// `behaviour.idToken` forges ID tokens: {claims, signer}, with claims that replace the genuine ones (null removes one) and a signer:
// `own`, `another`, `secret` or `none`. `behaviour.signedUserinfo` answers at the userinfo endpoint with a JWT by that signer.
// `behaviour.tenants` makes its metadata those of several tenants, as Microsoft's are: the issuer ends in `{tenantid}`, and the metadata
// stand under `/common` too.

import { randomBytes } from "node:crypto";
import { SignJWT, UnsecuredJWT, decodeJwt, exportJWK, generateKeyPair, importJWK } from "jose";
import { Provider } from "oidc-provider";

// Its advice about production is of no interest here.
console.info = console.warn = () => {};

async function newKey(algorithm) {
  const { privateKey } = await generateKeyPair(algorithm, { extractable: true });
  const kid = randomBytes(8).toString("hex");
  return { ...(await exportJWK(privateKey)), kid, use: "sig", alg: algorithm };
}

export async function openid(server, { client, algorithm = "ES256", claimsInToken = false }) {
  let key;
  const accounts = new Map();

  const forge = (idToken, { claims = {}, signer }) => sign({ ...decodeJwt(idToken), ...claims }, signer);

  async function sign(payload, signer = "own") {
    for (const name in payload) if (payload[name] === null) delete payload[name];
    if (signer === "none") return new UnsecuredJWT(payload).encode();
    const token = new SignJWT(payload);
    if (signer === "secret") {
      return token.setProtectedHeader({ alg: "HS256" }).sign(new TextEncoder().encode(client.client_secret));
    }
    const by = signer === "another" ? await newKey(algorithm) : key;
    return token.setProtectedHeader({ alg: algorithm, kid: key.kid }).sign(await importJWK(by, algorithm));
  }

  server.rotate = async () => {
    key = await newKey(algorithm);
    const provider = new Provider(server.url, {
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
      // A client receives tokens in token responses and codes in redirects.
      const { body } = context;
      if (body?.id_token && server.behaviour.idToken) body.id_token = await forge(body.id_token, server.behaviour.idToken);
      if (body?.access_token) server.tokens.push(body.access_token, body.refresh_token, body.id_token);
      if (context.path === "/me") Object.assign(body, server.behaviour.userinfo);
      if (context.path === "/me" && server.behaviour.signedUserinfo) {
        const claims = { iss: server.url, aud: client.client_id, ...body };
        context.body = await sign(claims, server.behaviour.signedUserinfo);
        context.type = "application/jwt";
      }
      if (context.path.endsWith("/openid-configuration") && server.behaviour.tenants) {
        Object.assign(body, { issuer: `${server.url}/{tenantid}`, authorization_response_iss_parameter_supported: false });
      }
      const code = new URL(context.response.get("location") || "/", server.url).searchParams.get("code");
      if (code) server.codes.push(code);
    });
    const handle = provider.callback();
    server.handle = (request, response) => {
      if (server.behaviour.tenants) request.url = request.url.replace(/^\/common(?=\/\.well-known\/)/, "");
      return handle(request, response);
    };
  };

  async function interact(provider, { req, res }) {
    const { deny, account } = server.behaviour;
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

  await server.rotate();
}
