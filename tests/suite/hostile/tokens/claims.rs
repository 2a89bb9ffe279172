//! Rightly signed, and yet no access token for here and now.

use serde_json::{Value, json};

use super::{EXPIRED, Hostile, MALFORMED, NOT_TRUSTED, World, hostile};

pub fn all(world: &World) -> Vec<Hostile> {
    let own = own(world).into_iter();
    let mut all: Vec<_> =
        own.map(|(code, name, claims)| hostile(code, name, world.own(json!({}), claims))).collect();
    for name in ["sub", "iat", "exp", "jti", "sid", "scope", "type", "iss", "aud"] {
        all.push(hostile(MALFORMED, format!("no {name}"), world.own(json!({}), json!({ name: null }))));
    }
    let claims = world.claims.to_string();
    for (name, first) in [
        ("sub twice", r#"{"sub":"01900000-0000-7000-8000-00000000000f","#),
        ("exp twice", r#"{"exp":4000000000,"#),
        ("type twice", r#"{"type":"refresh","#),
    ] {
        let token = world.own_pair.signs_text(&world.header.to_string(), &claims.replacen('{', first, 1));
        all.push(hostile(MALFORMED, name, token));
    }
    for (name, claims) in [
        ("claims that are a list", "[]"),
        ("claims that are null", "null"),
        ("no claims at all", ""),
        ("half an object of claims", r#"{"sub":"#),
        ("claims with half a character", r#"{"sub":"\ud800"}"#),
    ] {
        all.push(hostile(MALFORMED, name, world.own_pair.signs_text(&world.header.to_string(), claims)));
    }
    all.extend(of_the_issuer(world));
    all
}

fn own(world: &World) -> Vec<(&'static str, &'static str, Value)> {
    let now = world.now();
    vec![
        (MALFORMED, "a refresh token, rightly signed", json!({"type": "refresh"})),
        (MALFORMED, "a type in capitals", json!({"type": "ACCESS"})),
        (MALFORMED, "a sub that is no id", json!({"sub": "ann@example.com"})),
        (MALFORMED, "an empty sub", json!({"sub": ""})),
        (MALFORMED, "a sub that is a number", json!({"sub": 1})),
        (MALFORMED, "a sid that is no id", json!({"sid": "../.."})),
        (MALFORMED, "a jti of SQL", json!({"jti": "x' OR '1'='1"})),
        (MALFORMED, "an exp that is a string", json!({"exp": "4000000000"})),
        (MALFORMED, "an exp past all dates", json!({"exp": i64::MAX})),
        (MALFORMED, "an exp past all numbers", json!({"exp": 1.9e300})),
        (MALFORMED, "an nbf that is a string", json!({"nbf": "soon"})),
        (MALFORMED, "an iat before all dates", json!({"iat": i64::MIN})),
        (MALFORMED, "an aud that is a list with ours in it", json!({"aud": [world.claims["aud"]]})),
        (MALFORMED, "a scope that is a list", json!({"scope": ["todos:read"]})),
        (EXPIRED, "expired a minute ago", json!({"iat": now - 960, "exp": now - 60})),
        (EXPIRED, "expired in 1970", json!({"iat": 0, "exp": 900})),
        (EXPIRED, "expired before 1970", json!({"iat": -1000, "exp": -1})),
        (NOT_TRUSTED, "an nbf an hour ahead", json!({"nbf": now + 3_600})),
        (NOT_TRUSTED, "an iat an hour ahead", json!({"iat": now + 3_600, "exp": now + 7_200})),
        (NOT_TRUSTED, "another issuer", json!({"iss": "https://attacker.example"})),
        (NOT_TRUSTED, "the issuer in capitals", json!({"iss": "TODO-SYNC"})),
        (NOT_TRUSTED, "an empty issuer", json!({"iss": ""})),
        (NOT_TRUSTED, "another audience", json!({"aud": "https://elsewhere.example"})),
        (NOT_TRUSTED, "an audience that begins like ours", json!({"aud": "todo-sync.attacker.example"})),
        (NOT_TRUSTED, "another issuer, and expired", json!({"iss": "x", "exp": now - 3_600})),
    ]
}

fn of_the_issuer(world: &World) -> Vec<Hostile> {
    let now = world.now();
    let mut all: Vec<_> = [
        (EXPIRED, "expired", json!({"exp": now - 60})),
        (MALFORMED, "without exp", json!({"exp": null})),
        (MALFORMED, "without sub", json!({"sub": null})),
        (MALFORMED, "with a blank sub", json!({"sub": " "})),
        (MALFORMED, "with a sub of 256 characters", json!({"sub": "s".repeat(256)})),
        (NOT_TRUSTED, "of another issuer", json!({"iss": "https://attacker.example"})),
        (NOT_TRUSTED, "for another audience", json!({"aud": "https://elsewhere.example"})),
        (NOT_TRUSTED, "for the session cache", json!({"aud": "better-auth:session-cache"})),
        (NOT_TRUSTED, "from an hour ahead", json!({"iat": now + 3_600, "exp": now + 7_200})),
        (NOT_TRUSTED, "for an hour from now", json!({"nbf": now + 3_600})),
    ]
    .map(|(code, name, claims)| {
        hostile(code, format!("a token of the issuer, {name}"), world.by_issuer(json!({}), claims))
    })
    .into();
    let shared = |claims: Value| world.issuer_secret.signs(&json!({"alg": "HS256"}), &claims);
    let session =
        json!({"session": {"userId": "Xq3Zt0mYb7"}, "user": {"id": "Xq3Zt0mYb7"}, "exp": now + 300});
    all.extend([
        hostile(
            MALFORMED,
            "the mail link of Better Auth",
            shared(json!({"email": "ann@example.com", "iat": now, "exp": now + 900})),
        ),
        hostile(MALFORMED, "the session cookie cache of Better Auth", shared(session)),
        hostile(MALFORMED, "the shared secret, without exp", shared(world.issued(json!({"exp": null})))),
        hostile(EXPIRED, "the shared secret, expired", shared(world.issued(json!({"exp": now - 60})))),
    ]);
    all
}
