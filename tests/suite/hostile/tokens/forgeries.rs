//! Signed by nobody who is trusted.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::Algorithm;
use serde_json::json;

use super::keys::{Key, part};
use super::{Hostile, NOT_TRUSTED, World, hostile};

/// The order of P-256 (FIPS 186-5, SP 800-186 section 3.2.1.3).
const P256_ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
/// What stands before the 32 bytes of an Ed25519 key in a `SubjectPublicKeyInfo` (RFC 8410 section 4).
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

pub fn all(world: &World) -> Vec<Hostile> {
    let parts =
        [algorithms(world), confusions(world), blanks(world), offers(world), names(world), strangers(world)];
    let forged = parts.into_iter().flatten();
    forged.map(|(name, token)| hostile(NOT_TRUSTED, name, token)).collect()
}

fn algorithms(world: &World) -> Vec<(String, String)> {
    let claims = part(world.claims.to_string());
    let signature = world.real.rsplit_once('.').expect("three parts").1;
    let mut all = Vec::new();
    for alg in ["none", "None", "NONE", "nOnE", "", "null", "HS256", "ES256", "RS256", "PS256", "EdDSA"] {
        let header = part(world.header(json!({"alg": alg})).to_string());
        all.push((format!("alg {alg:?}, unsigned"), format!("{header}.{claims}.")));
        if alg != "EdDSA" {
            all.push((
                format!("alg {alg:?} over the real signature"),
                format!("{header}.{claims}.{signature}"),
            ));
        }
    }
    for alg in ["hs256", "HS384", "HS512", "RS256", "EdDSA"] {
        let token = world.own_secret.signs(&json!({"alg": alg}), &world.claims);
        all.push((format!("alg {alg:?} over an HS256 of the right secret"), token));
    }
    for algorithm in [Algorithm::HS384, Algorithm::HS512] {
        let key = world.own_secret.used_for(algorithm);
        let named = key.signs(&json!({"alg": key.alg()}), &world.claims);
        all.push((format!("the right secret used for {algorithm:?}"), named));
        let mislabelled = key.signs(&json!({"alg": "HS256"}), &world.claims);
        all.push((format!("the right secret used for {algorithm:?} and labelled HS256"), mislabelled));
    }
    all
}

/// A public key taken for a secret, or a key for another's.
fn confusions(world: &World) -> Vec<(String, String)> {
    let x = world.own_pair.jwk["x"].as_str().expect("an Ed25519 key");
    let raw = URL_SAFE_NO_PAD.decode(x).expect("base64url");
    let spki = [SPKI_PREFIX.as_slice(), &raw].concat();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(&spki));
    let modulus = world.issuer_rsa.jwk["n"].as_str().expect("an RSA key");
    let kid = &world.header["kid"];
    let mut all = Vec::new();
    for (form, secret) in [
        ("its bytes", raw.clone()),
        ("its base64url", x.into()),
        ("its JWK", world.own_pair.jwk.to_string().into()),
        ("its DER", spki),
        ("its PEM", pem.into()),
    ] {
        let token = Key::secret(secret).signs(&json!({"alg": "HS256", "kid": kid}), &world.claims);
        all.push((format!("HS256 keyed with the published key, {form}"), token));
    }
    for (form, secret) in [
        ("its JWK", world.issuer_rsa.jwk.to_string().into_bytes()),
        ("its modulus", URL_SAFE_NO_PAD.decode(modulus).expect("base64url")),
    ] {
        let header = json!({"alg": "HS256", "kid": world.issuer_rsa.jwk["kid"]});
        all.push((
            format!("HS256 keyed with the issuer's RSA key, {form}"),
            Key::secret(secret).signs(&header, &world.issued),
        ));
    }
    let (ec, rsa) = (&world.issuer_ec, &world.issuer_rsa);
    let tokens = [
        (
            "the secret under the key id of the pair",
            world.own_secret.signs(&json!({"alg": "HS256", "kid": kid}), &world.claims),
        ),
        (
            "the issuer's key for the server's claims",
            ec.signs(&json!({"alg": "ES256"}), &world.claims(json!({}))),
        ),
        (
            "the issuer's RSA key under the id of the EC one",
            rsa.signs(&json!({"alg": "RS256", "kid": ec.jwk["kid"]}), &world.issued),
        ),
        (
            "the issuer's EC key under the id of the RSA one",
            ec.signs(&json!({"alg": "ES256", "kid": rsa.jwk["kid"]}), &world.issued),
        ),
        (
            "PS256 by a key that is for RS256",
            rsa.used_for(Algorithm::PS256)
                .signs(&json!({"alg": "PS256", "kid": rsa.jwk["kid"]}), &world.issued),
        ),
        (
            "PS256 labelled RS256",
            rsa.used_for(Algorithm::PS256)
                .signs(&json!({"alg": "RS256", "kid": rsa.jwk["kid"]}), &world.issued),
        ),
        (
            "RS512 by a key that is for RS256",
            rsa.used_for(Algorithm::RS512)
                .signs(&json!({"alg": "RS512", "kid": rsa.jwk["kid"]}), &world.issued),
        ),
    ];
    all.extend(tokens.map(|(name, token)| (name.to_owned(), token)));
    all
}

/// Signatures that a careless verifier takes for anybody's (CVE-2022-21449 is one).
fn blanks(world: &World) -> Vec<(String, String)> {
    let order: Vec<u8> = (0..32)
        .map(|i| u8::from_str_radix(&P256_ORDER[2 * i..2 * i + 2], 16).expect("hexadecimal"))
        .collect();
    let one = [[0; 31].as_slice(), &[1]].concat();
    let ec = [
        ("zeros", vec![0; 64]),
        ("r = 0, s = 1", [[0; 32].as_slice(), &one].concat()),
        ("r = 1, s = 0", [one.as_slice(), &[0; 32]].concat()),
        ("r = s = the order", [order.as_slice(), &order].concat()),
        ("ones", vec![0xff; 64]),
        ("DER of zeros", vec![0x30, 6, 2, 1, 0, 2, 1, 0]),
    ];
    let ed = [("zeros", vec![0; 64]), ("the identity as R, s = 0", [&[1u8], [0; 63].as_slice()].concat())];
    let header = part(json!({"alg": "ES256", "kid": world.issuer_ec.jwk["kid"]}).to_string());
    let issued = format!("{header}.{}", part(world.issued.to_string()));
    let own = world.real.rsplit_once('.').expect("three parts").0;
    let signed = |alg: &str, message: &str, (what, bytes): (&str, Vec<u8>)| {
        (format!("{alg} with a signature of {what}"), format!("{message}.{}", part(bytes)))
    };
    let by_points = ec.map(|blank| signed("ES256", &issued, blank));
    by_points.into_iter().chain(ed.map(|blank| signed("EdDSA", own, blank))).collect()
}

/// A header that brings its key along, or says where it is.
fn offers(world: &World) -> Vec<(String, String)> {
    let attacker = &world.attacker;
    let mut jwk = attacker.jwk.clone();
    jwk["kid"] = world.header["kid"].clone();
    let elsewhere = "https://attacker.example/keys.json";
    [
        ("an embedded jwk", json!({"jwk": jwk})),
        ("an embedded jwk without a kid", json!({"jwk": attacker.jwk, "kid": null})),
        ("a jku", json!({"jku": elsewhere})),
        ("a jku under a kid of its own", json!({"jku": elsewhere, "kid": attacker.jwk["kid"]})),
        ("a jku on this machine", json!({"jku": "http://127.0.0.1/.well-known/jwks.json", "kid": null})),
        ("a jku that is a file", json!({"jku": "file:///etc/passwd", "kid": null})),
        ("an x5u", json!({"x5u": elsewhere, "kid": null})),
        ("an x5c", json!({"x5c": [STANDARD.encode("a certificate")], "x5t": "AAAA", "kid": null})),
    ]
    .map(|(offer, header)| {
        (
            format!("signed by the attacker, with {offer}"),
            attacker.signs(&world.header(header), &world.claims),
        )
    })
    .into()
}

/// Key ids that look for a key where there is none, each signed with what would be found there.
fn names(world: &World) -> Vec<(String, String)> {
    let header = |kid| json!({"alg": "HS256", "kid": kid});
    let mut all: Vec<_> = [
        ("unknown", "018f3a6e", "a secret"),
        ("empty", "", ""),
        ("a path to nothing", "../../../../../../dev/null", ""),
        ("an absolute path", "/proc/sys/kernel/randomize_va_space", "2\n"),
        ("SQL", "x' UNION SELECT 'key' -- ", "key"),
        ("a command", "x|cat /dev/null", ""),
        ("a URL", "http://127.0.0.1/key", ""),
        ("NUL", "\u{0}", ""),
        ("not ASCII", "schlüssel", ""),
    ]
    .map(|(what, kid, secret)| {
        (format!("a kid that is {what}"), Key::secret(secret).signs(&header(kid), &world.claims))
    })
    .into();
    all.push((
        "a kid of 4,000 characters".into(),
        Key::secret("").signs(&header(&"k".repeat(4_000)), &world.claims),
    ));
    let unknown = world.own_pair.signs(&world.header(json!({"kid": "018f3a6e"})), &world.claims);
    all.push(("the right key under an unknown kid".into(), unknown));
    all
}

/// Signed by somebody else, or not this.
fn strangers(world: &World) -> Vec<(String, String)> {
    let (message, signature) = world.real.rsplit_once('.').expect("three parts");
    let (header, claims) = message.split_once('.').expect("three parts");
    let flipped = format!("{}{}", if signature.starts_with('A') { 'B' } else { 'A' }, &signature[1..]);
    let other_user = part(world.claims(json!({"sub": "01900000-0000-7000-8000-00000000000f"})).to_string());
    let longer = part(world.claims(json!({"exp": world.now() + 86_400})).to_string());
    let reworded = part(format!("{} ", world.header));
    let hs = json!({"alg": "HS256"});
    [
        (
            "another server's token, by its secret",
            Key::secret("a key of another server of 32 bytes").signs(&hs, &world.claims),
        ),
        (
            "another server's token, by its pair",
            Key::ed25519().signs(&world.header(json!({"kid": null})), &world.claims),
        ),
        ("another server's pair under this one's kid", Key::ed25519().signs(&world.header, &world.claims)),
        (
            "another issuer's token",
            Key::p256().signs(&json!({"alg": "ES256", "kid": world.issuer_ec.jwk["kid"]}), &world.issued),
        ),
        ("an empty secret", Key::secret("").signs(&hs, &world.claims)),
        ("a secret that everybody guesses", Key::secret("secret").signs(&hs, &world.claims)),
        (
            "the example's secret",
            Key::secret("change-me-to-32-random-bytes-or-more").signs(&hs, &world.claims),
        ),
        (
            "the secret with a space after it",
            Key::secret(format!("{} ", blackbox_tests::server::SECRET_KEY)).signs(&hs, &world.claims),
        ),
        ("no signature", format!("{message}.")),
        ("half a signature", format!("{message}.{}", &signature[..40])),
        ("a signature with more after it", format!("{message}.{signature}AAAA")),
        ("a signature that differs in one bit", format!("{message}.{flipped}")),
        ("another user under the real signature", format!("{header}.{other_user}.{signature}")),
        ("a longer life under the real signature", format!("{header}.{longer}.{signature}")),
        ("another header under the real signature", format!("{reworded}.{claims}.{signature}")),
    ]
    .map(|(name, token)| (name.to_owned(), token))
    .into()
}
