/** Binds a login with a provider to this browser (RFC 7636, S256). */

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

/** A new secret, and what the server learns of it first. */
export async function pkce(): Promise<{ verifier: string; challenge: string }> {
  if (!globalThis.crypto?.subtle) throw new Error("Providers need https");
  const verifier = base64url(crypto.getRandomValues(new Uint8Array(32)));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  return { verifier, challenge: base64url(new Uint8Array(digest)) };
}
