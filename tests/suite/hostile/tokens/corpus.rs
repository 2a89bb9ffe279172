//! The hostile tokens.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use super::keys::{Key, segment};
use super::{EXPIRED, Hostile, MALFORMED, NOT_TRUSTED, World, hostile};

/// The order of P-256 (FIPS 186-5, SP 800-186 section 3.2.1.3).
const P256_ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";

pub fn all(world: &World) -> Vec<Hostile> {
    let confused = confusions(world).into_iter().chain(blank_signatures(world)).chain(offered_keys(world));
    let mut all: Vec<_> = confused.map(|(name, token)| hostile(NOT_TRUSTED, name, token)).collect();
    all.extend(forgeries(world));
    all.extend(forms(world));
    all.extend(claims(world));
    all
}

/// Tokens that misuse a key of the issuer.
fn confusions(world: &World) -> Vec<(String, String)> {
    let (ec, rsa) = (&world.issuer_ec, &world.issuer_rsa);
    let modulus = rsa.jwk["n"].as_str().expect("an RSA key");
    let mut all = Vec::new();
    for (form, secret) in [
        ("its JWK", rsa.jwk.to_string().into_bytes()),
        ("its modulus", URL_SAFE_NO_PAD.decode(modulus).expect("base64url")),
    ] {
        let token = Key::secret(secret).sign(&json!({"alg": "HS256", "kid": rsa.jwk["kid"]}), &world.issued);
        all.push((format!("HS256 keyed with the issuer's RSA key, {form}"), token));
    }
    for (signed, named, algorithm) in [
        ("RS256", "RS256", Algorithm::RS256),
        ("PS256", "PS256", Algorithm::PS256),
        ("PS256", "RS256", Algorithm::PS256),
        ("RS512", "RS512", Algorithm::RS512),
    ] {
        let kid = if signed == "RS256" { &ec.jwk["kid"] } else { &rsa.jwk["kid"] };
        let token = rsa.used_for(algorithm).sign(&json!({"alg": named, "kid": kid}), &world.issued);
        all.push((format!("{signed} labelled {named} under the key id {kid}"), token));
    }
    let as_rsa = ec.sign(&json!({"alg": "ES256", "kid": rsa.jwk["kid"]}), &world.issued);
    let own_claims = ec.sign(&json!({"alg": "ES256"}), &world.claims(json!({})));
    all.push(("the issuer's EC key under the id of the RSA key".into(), as_rsa));
    all.push(("the server's own claims, signed by the issuer".into(), own_claims));
    all
}

/// Signatures that a careless verifier accepts for every key (CVE-2022-21449 is one).
fn blank_signatures(world: &World) -> Vec<(String, String)> {
    let digit = |i: usize| u8::from_str_radix(&P256_ORDER[2 * i..2 * i + 2], 16).expect("hexadecimal");
    let order: Vec<u8> = (0..32).map(digit).collect();
    let one = [[0; 31].as_slice(), &[1]].concat();
    let header = segment(json!({"alg": "ES256", "kid": world.issuer_ec.jwk["kid"]}).to_string());
    let message = format!("{header}.{}", segment(world.issued.to_string()));
    [
        ("zeros", vec![0; 64]),
        ("r = 0, s = 1", [[0; 32].as_slice(), &one].concat()),
        ("r = 1, s = 0", [one.as_slice(), &[0; 32]].concat()),
        ("r = s = the order", [order.as_slice(), &order].concat()),
        ("ones", vec![0xff; 64]),
        ("DER of zeros", vec![0x30, 6, 2, 1, 0, 2, 1, 0]),
    ]
    .map(|(name, bytes)| (format!("a signature of {name}"), format!("{message}.{}", segment(bytes))))
    .into()
}

/// Headers that embed a key, or name a URL to fetch one from.
fn offered_keys(world: &World) -> Vec<(String, String)> {
    let attacker = &world.attacker;
    let elsewhere = "https://attacker.example/keys.json";
    [
        ("an embedded jwk", json!({"jwk": attacker.jwk, "kid": null})),
        ("a jku", json!({"jku": elsewhere, "kid": attacker.jwk["kid"]})),
        ("a jku on this machine", json!({"jku": "http://127.0.0.1/.well-known/jwks.json", "kid": null})),
        ("a jku that is a file", json!({"jku": "file:///etc/passwd", "kid": null})),
        ("an x5u", json!({"x5u": elsewhere, "kid": null})),
        ("an x5c", json!({"x5c": [STANDARD.encode("a certificate")], "x5t": "AAAA", "kid": null})),
    ]
    .map(|(offer, header)| {
        let token = attacker.sign(&world.header(header), &world.claims);
        (format!("signed by the attacker, with {offer}"), token)
    })
    .into()
}

/// Tokens without a signature by a trusted key.
fn forgeries(world: &World) -> Vec<Hostile> {
    let (message, signature) = world.real.rsplit_once('.').expect("three segments");
    let (header, claims) = message.split_once('.').expect("three segments");
    let flipped = format!("{}{}", if signature.starts_with('A') { 'B' } else { 'A' }, &signature[1..]);
    let other_user =
        segment(world.claims(json!({"sub": "01900000-0000-7000-8000-00000000000f"})).to_string());
    let unsigned =
        |alg: &str| format!("{}.{claims}.", segment(world.header(json!({"alg": alg})).to_string()));
    let (hs, ec_kid) = (json!({"alg": "HS256"}), &world.issuer_ec.jwk["kid"]);
    let other_issuer = Key::p256().sign(&json!({"alg": "ES256", "kid": ec_kid}), &world.issued);
    let example = Key::secret("change-me-to-32-random-bytes-or-more").sign(&hs, &world.claims);
    let unknown = world.own_pair.sign(&world.header(json!({"kid": "018f3a6e"})), &world.claims);
    [
        ("alg none", unsigned("none")),
        ("alg none in mixed case", unsigned("nOnE")),
        ("another server's key under this server's kid", Key::ed25519().sign(&world.header, &world.claims)),
        ("another issuer's key under this issuer's kid", other_issuer),
        ("the secret of the example settings", example),
        ("the right key under an unknown kid", unknown),
        ("a signature that differs in one bit", format!("{message}.{flipped}")),
        ("another user under the real signature", format!("{header}.{other_user}.{signature}")),
    ]
    .map(|(name, token)| hostile(NOT_TRUSTED, name, token))
    .into()
}

/// Texts that are not a JWS in compact form, or whose header requires an unsupported feature.
fn forms(world: &World) -> Vec<Hostile> {
    let real = &world.real;
    let segments: Vec<_> = real.split('.').collect();
    let [head, claims, signature] = segments[..] else { panic!("three segments") };
    let jwe = segment(r#"{"alg":"RSA-OAEP-256","enc":"A256GCM"}"#);
    let cached = json!({"typ": "better-auth.session-cache+jwt"});
    let nested = world.own_pair.sign_text(&world.header(json!({"cty": "JWT"})).to_string(), real);
    let alg_twice = world.header.to_string().replacen('{', r#"{"alg":"none","#, 1);
    let alg_twice = world.own_pair.sign_text(&alg_twice, &world.claims.to_string());
    let json = json!({"header": world.header, "payload": claims, "signature": signature}).to_string();
    [
        ("crit", world.own(json!({"crit": ["https://attacker.example/no-signature"]}), json!({}))),
        ("the session cache of Better Auth, signed by its key", world.by_issuer(cached, json!({}))),
        ("an encrypted token", format!("{jwe}.{claims}.{signature}.{claims}.{signature}")),
        ("two members alg", alg_twice),
        ("a token in JSON", json),
        ("a token within a token", nested),
        ("a token in quotes", format!("\"{real}\"")),
        ("a token after the scheme, twice", format!("Bearer {real}")),
        ("two tokens", format!("{real} {real}")),
        ("a token and a semicolon", format!("{real};")),
        ("a token with padding", format!("{real}==")),
        ("a space inside", real.replacen('.', " .", 1)),
        ("a tab inside", real.replacen('.', "\t.", 1)),
        ("dots in percent-encoding", real.replace('.', "%2E")),
        ("dots of another script", real.replace('.', "\u{3002}")),
        ("the word null", "null".to_owned()),
        ("the word undefined", "undefined".to_owned()),
        ("an object put into a string", "[object Object]".to_owned()),
        ("30,000 bytes of anything", "x".repeat(30_000)),
        ("a header nested 2,000 deep", format!("{}.{claims}.{signature}", segment("[".repeat(2_000)))),
        ("cut before its end", format!("{head}.{}", &claims[..claims.len() / 2])),
    ]
    .map(|(name, token)| hostile(MALFORMED, name, token))
    .into()
}

/// Correctly signed tokens that are not valid access tokens for this server.
fn claims(world: &World) -> Vec<Hostile> {
    let now = world.now();
    let own = [
        (MALFORMED, "a refresh token", json!({"type": "refresh"})),
        (MALFORMED, "without sid", json!({"sid": null})),
        (EXPIRED, "expired a minute ago", json!({"iat": now - 960, "exp": now - 60})),
        (NOT_TRUSTED, "from an hour ahead", json!({"iat": now + 3_600, "exp": now + 7_200})),
        (NOT_TRUSTED, "of another issuer", json!({"iss": "https://attacker.example"})),
        (NOT_TRUSTED, "for an audience that begins alike", json!({"aud": "todo-sync.attacker.example"})),
    ]
    .map(|(code, name, claims)| hostile(code, name, world.own(json!({}), claims)));
    let issued = [
        (MALFORMED, "without exp", json!({"exp": null})),
        (MALFORMED, "without sub", json!({"sub": null})),
        (NOT_TRUSTED, "for the session cache", json!({"aud": "better-auth:session-cache"})),
    ]
    .map(|(code, name, claims)| {
        hostile(code, format!("a token of the issuer, {name}"), world.by_issuer(json!({}), claims))
    });
    let shared = |claims: Value| world.issuer_secret.sign(&json!({"alg": "HS256"}), &claims);
    let expired = shared(world.issued(json!({"exp": now - 60})));
    own.into_iter().chain(issued).chain([hostile(EXPIRED, "the shared secret, expired", expired)]).collect()
}
