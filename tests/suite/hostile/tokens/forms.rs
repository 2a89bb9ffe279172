//! Not a plain signed JWT in its one form.

use serde_json::json;

use super::keys::part;
use super::{Hostile, MALFORMED, World, hostile};

pub fn all(world: &World) -> Vec<Hostile> {
    let odd = [headers(world), shapes(world), encodings(world)].into_iter().flatten();
    odd.map(|(name, token)| hostile(MALFORMED, name, token)).collect()
}

/// Headers with the right signature that ask for more than is understood, or name another type.
fn headers(world: &World) -> Vec<(String, String)> {
    let mut all: Vec<_> = [
        ("crit naming a claim", json!({"crit": ["exp"]})),
        ("crit naming nothing", json!({"crit": []})),
        ("crit naming what nobody knows", json!({"crit": ["https://attacker.example/no-signature"]})),
        ("crit with b64 false", json!({"crit": ["b64"], "b64": false})),
        ("the type of Better Auth's session cache", json!({"typ": "better-auth.session-cache+jwt"})),
        ("the type of access tokens of another profile", json!({"typ": "at+jwt"})),
        ("the type of logout tokens", json!({"typ": "logout+jwt"})),
        ("the type of proofs of possession", json!({"typ": "dpop+jwt"})),
        ("an empty type", json!({"typ": ""})),
        ("a type that is a number", json!({"typ": 1})),
        ("a kid that is a number", json!({"kid": 7})),
        ("a kid that is a list", json!({"kid": [world.header["kid"]]})),
        ("no alg", json!({"alg": null})),
        ("an alg that is a list", json!({"alg": ["EdDSA", "none"]})),
    ]
    .map(|(name, header)| (name.to_owned(), world.own(header, json!({}))))
    .into();
    let header = world.header.to_string();
    for (name, first) in [
        ("alg twice, none first", r#"{"alg":"none","#),
        ("kid twice", r#"{"kid":"x","#),
        ("crit that is null", r#"{"crit":null,"#),
        ("alg twice, spelt with an escape", r#"{"\u0061lg":"none","#),
    ] {
        let header = header.replacen('{', first, 1);
        all.push((name.to_owned(), world.own_pair.signs_text(&header, &world.claims.to_string())));
    }
    let cached = json!({"typ": "better-auth.session-cache+jwt"});
    all.push((
        "the session cache of Better Auth, signed by its key".into(),
        world.by_issuer(cached, json!({})),
    ));
    all
}

fn shapes(world: &World) -> Vec<(String, String)> {
    let real = &world.real;
    let parts: Vec<_> = real.split('.').collect();
    let [head, claims, signature] = parts[..] else { panic!("three parts") };
    let jwe = part(r#"{"alg":"RSA-OAEP-256","enc":"A256GCM"}"#);
    let direct = part(r#"{"alg":"dir","enc":"A128CBC-HS256"}"#);
    let unencoded = world.claims(json!({"email": null})).to_string();
    let b64 = part(world.header(json!({"b64": false})).to_string());
    [
        ("one part", head.to_owned()),
        ("two parts", format!("{head}.{claims}")),
        ("four parts", format!("{real}.{signature}")),
        ("nothing but dots", "..".to_owned()),
        ("an encrypted token", format!("{jwe}.{claims}.{signature}.{claims}.{signature}")),
        ("an encrypted token without a wrapped key", format!("{direct}..{signature}.{claims}.{signature}")),
        (
            "a token in JSON",
            json!({"protected": head, "payload": claims, "signature": signature}).to_string(),
        ),
        (
            "a token with its header beside it",
            json!({"header": world.header, "payload": claims, "signature": signature}).to_string(),
        ),
        ("a token in quotes", format!("\"{real}\"")),
        ("a token after the scheme, twice", format!("Bearer {real}")),
        ("two tokens", format!("{real} {real}")),
        ("a token and a semicolon", format!("{real};")),
        (
            "a token within a token",
            world.own_pair.signs_text(&world.header(json!({"cty": "JWT"})).to_string(), real),
        ),
        ("the payload as it is, b64 false without crit", world.own_pair.signs_parts(&b64, &unencoded)),
        ("cut before its end", real[..real.len() / 2].to_owned()),
        ("without its first character", real[1..].to_owned()),
        ("the word null", "null".to_owned()),
        ("the word undefined", "undefined".to_owned()),
        ("an object put into a string", "[object Object]".to_owned()),
        ("9,000 bytes of claims, rightly signed", world.own(json!({}), json!({"email": "a".repeat(9_000)}))),
        ("30,000 bytes of anything", "x".repeat(30_000)),
        ("a header nested 2,000 deep", format!("{}.{claims}.{signature}", part("[".repeat(2_000)))),
        ("a header that is a list", format!("{}.{claims}.{signature}", part("[]"))),
        ("a header that is no JSON", format!("{}.{claims}.{signature}", part("{"))),
        ("a header that is no text", format!("{}.{claims}.{signature}", part([0xff, 0xfe]))),
        ("an empty header", format!(".{claims}.{signature}")),
    ]
    .map(|(name, token)| (name.to_owned(), token))
    .into()
}

/// The real token, written otherwise than RFC 7515 section 2 has it.
fn encodings(world: &World) -> Vec<(String, String)> {
    let real = &world.real;
    let (message, signature) = real.rsplit_once('.').expect("three parts");
    // 64 bytes leave four bits of the last character unused, which have to be zero (RFC 4648 section 3.5).
    let last = signature.chars().last().expect("a character");
    let next = match last {
        'A' => 'B',
        'Q' => 'R',
        'g' => 'h',
        'w' => 'x',
        other => panic!("{other} does not end 64 bytes"),
    };
    let head = part(format!("{} ", world.header));
    [
        ("a signature with padding", format!("{real}==")),
        (
            "a signature whose spare bits are set",
            format!("{message}.{}{next}", &signature[..signature.len() - 1]),
        ),
        ("a signature in the standard alphabet", format!("{message}.+/{}", &signature[2..])),
        ("a header with padding", real.replacen('.', "=.", 1)),
        (
            "a header of an impossible length",
            format!("{}.{}", &head[..=(head.len() - 1) / 4 * 4], real.split_once('.').expect("parts").1),
        ),
        ("a space inside", real.replacen('.', " .", 1)),
        ("a tab inside", real.replacen('.', "\t.", 1)),
        ("dots in percent-encoding", real.replace('.', "%2E")),
        ("dots of another script", real.replace('.', "\u{3002}")),
    ]
    .map(|(name, token)| (name.to_owned(), token))
    .into()
}
