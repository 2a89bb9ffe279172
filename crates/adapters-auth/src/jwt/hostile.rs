//! Forged and malformed tokens.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use domain::Stamp;
use domain::session::{AccessTokens as _, AuthFailure};
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde_json::{Value, json};

use super::{JwtAccessTokens, MAX_TOKEN_BYTES, secret_id};
use crate::key_ring::KeyRing;
use crate::signing_keys::KeyPair;

const SECRET: &str = "the server's own secret";
const NOW: i64 = 1_800_000_000;

fn verdict(token: &str) -> Result<(), AuthFailure> {
    verdict_with(&[], token)
}

fn verdict_with(key_pairs: &[KeyPair], token: &str) -> Result<(), AuthFailure> {
    let ring = KeyRing::parse(&SECRET.into()).expect("valid");
    let now = Stamp::from_micros(NOW * 1_000_000).expect("in range");
    JwtAccessTokens::new(&ring, key_pairs, "issuer", "audience").verify(token, now).map(drop)
}

fn good_header() -> Value {
    json!({"typ": "JWT", "alg": "HS256", "kid": secret_id(SECRET.as_bytes())})
}

fn good_claims() -> Value {
    json!({
        "sub": "01900000-0000-7000-8000-000000000002", "email": "ann@example.com", "iat": NOW, "exp": NOW + 900,
        "jti": "01900000-0000-7000-8000-000000000001", "sid": "01900000-0000-7000-8000-000000000003",
        "scope": "todos:read todos:write account", "type": "access", "iss": "issuer", "aud": "audience",
    })
}

fn segment(json: &str) -> String {
    URL_SAFE_NO_PAD.encode(json)
}

fn signed_raw(header: &str, claims: &str, secret: &str, algorithm: Algorithm) -> String {
    let message = format!("{}.{}", segment(header), segment(claims));
    let key = EncodingKey::from_secret(secret.as_bytes());
    let signature = crypto::sign(message.as_bytes(), &key, algorithm).expect("signed");
    format!("{message}.{signature}")
}

fn signed(header: &Value, claims: &Value) -> String {
    signed_raw(&header.to_string(), &claims.to_string(), SECRET, Algorithm::HS256)
}

/// The good token with changes to its header; a null removes the member.
fn with_header(changes: Value) -> String {
    signed(&merged(good_header(), changes), &good_claims())
}

/// The good token with changes to its claims; a null removes the claim.
fn with_claims(changes: Value) -> String {
    signed(&good_header(), &merged(good_claims(), changes))
}

fn merged(mut base: Value, changes: Value) -> Value {
    let (Value::Object(base_members), Value::Object(changes)) = (&mut base, changes) else {
        panic!("both are objects")
    };
    for (name, value) in changes {
        if value.is_null() {
            base_members.remove(&name);
        } else {
            base_members.insert(name, value);
        }
    }
    base
}

#[test]
fn the_unchanged_token_is_accepted() {
    assert_eq!(verdict(&signed(&good_header(), &good_claims())), Ok(()));
    // A program that shares the secret may sign tokens without `kid` and `typ`.
    assert_eq!(verdict(&with_header(json!({"kid": null, "typ": null}))), Ok(()));
    assert_eq!(verdict(&with_header(json!({"typ": "jwt"}))), Ok(()));
}

#[test]
fn every_other_algorithm_is_refused() {
    let claims = good_claims().to_string();
    for alg in
        ["none", "None", "NONE", "", "hs256", "HS384", "HS512", "RS256", "ES256", "EdDSA", "PS256", "HS256 "]
    {
        let header = merged(good_header(), json!({"alg": alg})).to_string();
        let unsigned = format!("{}.{}.", segment(&header), segment(&claims));
        assert_eq!(verdict(&unsigned), Err(AuthFailure::NotTrusted), "{alg:?} unsigned");
        let right = signed_raw(&header, &claims, SECRET, Algorithm::HS256);
        assert_eq!(verdict(&right), Err(AuthFailure::NotTrusted), "{alg:?} signed as HS256");
    }
    let header = merged(good_header(), json!({"alg": "HS512"})).to_string();
    let strong = signed_raw(&header, &claims, SECRET, Algorithm::HS512);
    assert_eq!(verdict(&strong), Err(AuthFailure::NotTrusted));
    let mislabelled = signed_raw(&good_header().to_string(), &claims, SECRET, Algorithm::HS384);
    assert_eq!(verdict(&mislabelled), Err(AuthFailure::NotTrusted));
}

#[test]
fn a_signature_by_another_key_or_a_missing_one_is_refused() {
    let (header, claims) = (good_header().to_string(), good_claims().to_string());
    for secret in ["", "another secret", "the server's own secre", "the server's own secret "] {
        let token = signed_raw(&header, &claims, secret, Algorithm::HS256);
        assert_eq!(verdict(&token), Err(AuthFailure::NotTrusted), "{secret:?}");
    }
    let good = signed(&good_header(), &good_claims());
    let (message, signature) = good.rsplit_once('.').expect("three segments");
    assert_eq!(verdict(&format!("{message}.")), Err(AuthFailure::NotTrusted));
    assert_eq!(verdict(&format!("{message}.{}", &signature[..40])), Err(AuthFailure::NotTrusted));
    assert_eq!(verdict(&format!("{message}.{}", "A".repeat(43))), Err(AuthFailure::NotTrusted));
    assert_eq!(verdict(&format!("{good}AAAA")), Err(AuthFailure::NotTrusted));
    let respelt = format!("{}.{}.{signature}", segment(&format!("{header} ")), segment(&claims));
    assert_eq!(verdict(&respelt), Err(AuthFailure::NotTrusted));
    let other_claims = merged(good_claims(), json!({"sub": "01900000-0000-7000-8000-00000000000f"}));
    let swapped = format!("{}.{}.{signature}", segment(&header), segment(&other_claims.to_string()));
    assert_eq!(verdict(&swapped), Err(AuthFailure::NotTrusted));
    let long = "k".repeat(1_000);
    for kid in [
        "",
        "0123456789abcdef",
        "../../dev/null",
        "/proc/sys/kernel/randomize_va_space",
        "x|cat /dev/null",
        "http://127.0.0.1/key",
        "x' UNION SELECT 'key' -- ",
        "\0",
        "schlüssel",
        &long,
    ] {
        assert_eq!(verdict(&with_header(json!({"kid": kid}))), Err(AuthFailure::NotTrusted), "{kid:?}");
        let header = merged(good_header(), json!({"kid": kid})).to_string();
        for secret in ["", "key"] {
            let token = signed_raw(&header, &claims, secret, Algorithm::HS256);
            assert_eq!(verdict(&token), Err(AuthFailure::NotTrusted), "{kid:?} and {secret:?}");
        }
    }
}

#[test]
fn a_public_key_is_not_an_hmac_secret_and_a_blank_signature_is_refused() {
    let pair = KeyPair::generate();
    let jwk = pair.public_jwk();
    let x = jwk["x"].as_str().expect("text");
    let bytes = URL_SAFE_NO_PAD.decode(x).expect("base64url");
    // A SubjectPublicKeyInfo (RFC 8410 section 4).
    let der = [&b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00"[..], &bytes].concat();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(&der));
    let key_pairs = [pair];
    let claims = good_claims().to_string();
    for secret in [bytes.clone(), x.into(), jwk.to_string().into(), der, pem.into()] {
        let key = EncodingKey::from_secret(&secret);
        for header in [json!({"alg": "HS256", "kid": jwk["kid"]}), json!({"alg": "HS256"})] {
            let message = format!("{}.{}", segment(&header.to_string()), segment(&claims));
            let signature = crypto::sign(message.as_bytes(), &key, Algorithm::HS256).expect("signed");
            let token = format!("{message}.{signature}");
            assert_eq!(verdict_with(&key_pairs, &token), Err(AuthFailure::NotTrusted), "{header}");
        }
    }
    let labelled_as_the_public_key = json!({"alg": "HS256", "kid": jwk["kid"]}).to_string();
    let token = signed_raw(&labelled_as_the_public_key, &claims, SECRET, Algorithm::HS256);
    assert_eq!(verdict_with(&key_pairs, &token), Err(AuthFailure::NotTrusted));
    let header = segment(&json!({"alg": "EdDSA", "kid": jwk["kid"]}).to_string());
    let identity = [&[1], &[0; 63][..]].concat();
    for blank in [vec![], vec![0; 32], vec![0; 64], vec![0xff; 64], identity] {
        let token = format!("{header}.{}.{}", segment(&claims), URL_SAFE_NO_PAD.encode(blank));
        assert_eq!(verdict_with(&key_pairs, &token), Err(AuthFailure::NotTrusted), "{token}");
    }
    let message = format!("{header}.{}", segment(&claims));
    let signature = crypto::sign(message.as_bytes(), &key_pairs[0].encoding_key(), Algorithm::EdDSA);
    let signature = signature.expect("signed");
    assert_eq!(verdict_with(&key_pairs, &format!("{message}.{signature}")), Ok(()));
    let longer = format!("{message}.{signature}AAAA");
    assert_eq!(verdict_with(&key_pairs, &longer), Err(AuthFailure::NotTrusted));
    for alg in ["none", "HS256", "ES256", "RS256"] {
        let header = segment(&json!({"alg": alg, "kid": jwk["kid"]}).to_string());
        let token = format!("{header}.{}.{signature}", segment(&claims));
        assert_eq!(verdict_with(&key_pairs, &token), Err(AuthFailure::NotTrusted), "{alg}");
    }
}

#[test]
fn a_key_in_the_header_is_not_used() {
    let own_key = json!({"kty": "oct", "k": URL_SAFE_NO_PAD.encode("mine")});
    for offer in [
        json!({"jwk": own_key, "kid": null}),
        json!({"jwk": own_key}),
        json!({"jku": "https://evil.example/keys"}),
        json!({"jku": "https://evil.example/keys", "kid": null}),
        json!({"x5u": "https://evil.example/cert", "kid": null}),
        json!({"x5c": ["AAAA"], "x5t": "AAAA", "kid": null}),
    ] {
        let header = merged(good_header(), offer).to_string();
        let token = signed_raw(&header, &good_claims().to_string(), "mine", Algorithm::HS256);
        assert_eq!(verdict(&token), Err(AuthFailure::NotTrusted), "{header}");
    }
}

#[test]
fn a_header_with_crit_or_another_type_is_malformed() {
    for change in [
        json!({"crit": ["exp"]}),
        json!({"crit": []}),
        json!({"crit": ["b64"], "b64": false}),
        json!({"typ": "better-auth.session-cache+jwt"}),
        json!({"typ": "at+jwt"}),
        json!({"typ": "logout+jwt"}),
        json!({"typ": "dpop+jwt"}),
        json!({"typ": "JWE"}),
        json!({"typ": ""}),
        json!({"typ": 1}),
        json!({"kid": 7}),
        json!({"kid": [secret_id(SECRET.as_bytes())]}),
        json!({"alg": null}),
        json!({"alg": ["HS256"]}),
    ] {
        assert_eq!(verdict(&with_header(change.clone())), Err(AuthFailure::Malformed), "{change}");
    }
    let null_crit = good_header().to_string().replacen('{', "{\"crit\":null,", 1);
    let token = signed_raw(&null_crit, &good_claims().to_string(), SECRET, Algorithm::HS256);
    assert_eq!(verdict(&token), Err(AuthFailure::Malformed));
    for first in [r#"{"alg":"none","#, r#"{"\u0061lg":"none","#, r#"{"kid":"x","#] {
        let twice = good_header().to_string().replacen('{', first, 1);
        let token = signed_raw(&twice, &good_claims().to_string(), SECRET, Algorithm::HS256);
        assert_eq!(verdict(&token), Err(AuthFailure::Malformed), "{first}");
    }
}

#[test]
fn a_missing_claim_or_one_of_another_type_is_malformed() {
    for name in ["sub", "iat", "exp", "jti", "sid", "scope", "type", "iss", "aud"] {
        for value in [Value::Null, json!({}), json!([1]), json!(true)] {
            let token = with_claims(json!({ name: value }));
            assert_eq!(verdict(&token), Err(AuthFailure::Malformed), "{name} {value}");
        }
    }
    for change in [
        json!({"sub": "ann"}),
        json!({"sub": ""}),
        json!({"sid": "1"}),
        json!({"jti": "../x"}),
        json!({"type": "refresh"}),
        json!({"type": "ACCESS"}),
        json!({"exp": "1900000000"}),
        json!({"exp": 1.9e300}),
        json!({"exp": i64::MAX}),
        json!({"exp": u64::MAX}),
        json!({"iat": i64::MIN}),
        json!({"nbf": "soon"}),
        json!({"nbf": i64::MAX}),
        json!({"email": 1}),
        json!({"aud": ["audience"]}),
    ] {
        assert_eq!(verdict(&with_claims(change.clone())), Err(AuthFailure::Malformed), "{change}");
    }
    for first in [
        r#"{"sub":"01900000-0000-7000-8000-00000000000f","#,
        r#"{"exp":4000000000,"#,
        r#"{"type":"refresh","#,
    ] {
        let twice = good_claims().to_string().replacen('{', first, 1);
        let token = signed_raw(&good_header().to_string(), &twice, SECRET, Algorithm::HS256);
        assert_eq!(verdict(&token), Err(AuthFailure::Malformed), "{first}");
    }
}

#[test]
fn another_issuer_or_audience_or_a_token_from_the_future_is_refused() {
    for change in [
        json!({"iss": "issuer "}),
        json!({"iss": ""}),
        json!({"iss": "Issuer"}),
        json!({"aud": "another"}),
        json!({"aud": ""}),
        json!({"iat": NOW + 31}),
        json!({"nbf": NOW + 31}),
        json!({"iss": "another", "exp": NOW - 3600}),
    ] {
        assert_eq!(verdict(&with_claims(change.clone())), Err(AuthFailure::NotTrusted), "{change}");
    }
    assert_eq!(verdict(&with_claims(json!({"iat": NOW + 30, "nbf": NOW + 30}))), Ok(()));
}

#[test]
fn a_token_past_its_leeway_is_expired() {
    for exp in [NOW - 30, NOW - 3600, 0, -1] {
        let token = with_claims(json!({"exp": exp, "iat": exp - 900}));
        assert_eq!(verdict(&token), Err(AuthFailure::Expired), "{exp}");
    }
}

#[test]
fn a_text_that_is_not_a_jwt_is_malformed() {
    let good = signed(&good_header(), &good_claims());
    let segments: Vec<_> = good.split('.').collect();
    let padded = format!("{}.{}.{}=", segments[0], segments[1], segments[2]);
    let standard = format!("{}.{}.{}", segments[0], segments[1], STANDARD.encode([0xfb; 32]));
    let header_padded =
        format!("{}.{}.{}", URL_SAFE.encode("{\"alg\":\"HS256\"} "), segments[1], segments[2]);
    let not_json = format!("{}.{}.{}", segment("{"), segments[1], segments[2]);
    let header_array = format!("{}.{}.{}", segment("[]"), segments[1], segments[2]);
    let not_utf8 = format!("{}.{}.{}", URL_SAFE_NO_PAD.encode([0xff, 0xfe]), segments[1], segments[2]);
    let deeply_nested = format!("{}.{}.{}", segment(&"[".repeat(5_000)), segments[1], segments[2]);
    let jwe_header = segment(r#"{"alg":"dir","enc":"A256GCM"}"#);
    let jwe = format!("{jwe_header}..{}.{}.{}", segments[2], segments[1], segments[2]);
    let json_serialization =
        json!({"protected": segments[0], "payload": segments[1], "signature": segments[2]}).to_string();
    // 32 bytes leave two unused bits in the last character, which must be zero (RFC 4648 section 3.5).
    let spare_bits = format!("{}.{}.{}B", segments[0], segments[1], "A".repeat(42));
    let five_segments = format!("{good}.{}.{}", segments[1], segments[2]);
    let four_segments = format!("{good}.{}", segments[2]);
    let oversized = with_claims(json!({"email": "a".repeat(MAX_TOKEN_BYTES)}));
    for token in [
        "",
        ".",
        "..",
        "...",
        "a",
        "a.b",
        "a.b.c",
        "null",
        "\u{0}.\u{0}.\u{0}",
        "é.é.é",
        &good[1..],
        &good.replacen('.', "", 1),
        &format!(" {good}"),
        &format!("{good}\n"),
        &padded,
        &standard,
        &header_padded,
        &not_json,
        &header_array,
        &not_utf8,
        &deeply_nested,
        &oversized,
        &four_segments,
        &five_segments,
        &jwe,
        &json_serialization,
        &spare_bits,
    ] {
        assert_eq!(verdict(token), Err(AuthFailure::Malformed), "{token:.60}");
    }
}

#[test]
fn a_signed_payload_that_is_not_a_json_object_is_malformed() {
    for claims in ["", "{", "[]", "null", "\"x\"", "1", "{\"sub\":\"\\ud800\"}"] {
        let token = signed_raw(&good_header().to_string(), claims, SECRET, Algorithm::HS256);
        assert_eq!(verdict(&token), Err(AuthFailure::Malformed), "{claims:?}");
    }
    // An unencoded payload (RFC 7797), which the server does not implement.
    let header = segment(&merged(good_header(), json!({"b64": false})).to_string());
    let message = format!("{header}.{}", merged(good_claims(), json!({"email": null})));
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let signature = crypto::sign(message.as_bytes(), &key, Algorithm::HS256).expect("signed");
    assert_eq!(verdict(&format!("{message}.{signature}")), Err(AuthFailure::Malformed));
}
