//! The settings of mail, identities, proxies and limits.

use adapters_mail::SmtpTls;

use super::*;

const SERVER: [(&str, &str); 2] =
    [("SMTP_HOST", "smtp.example.com"), ("EMAILS_FROM", "Todos <t@example.com>")];

fn with<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [&SERVER[..], more].concat()
}

#[test]
fn production_wants_mail_that_arrives_and_links_that_nobody_reads() {
    let secret = "x".repeat(SECRET_BYTES);
    let production = |more: &[(&str, &str)]| {
        load(&[&[("ENVIRONMENT", "production"), ("SECRET_KEY", secret.as_str())], more].concat())
    };
    let https = ("FRONTEND_URL", "https://app.example.com");
    for (more, problem) in [
        (&[][..], "FRONTEND_URL must be an https address in production"),
        (
            &[("FRONTEND_URL", "http://app.example.com")],
            "FRONTEND_URL must be an https address in production",
        ),
        (&[https], "SMTP_HOST must be set in production"),
        (&[https, SERVER[0]], "EMAILS_FROM must be set where SMTP_HOST is"),
    ] {
        let refusal = production(more).expect_err("refused");
        assert!(refusal.starts_with(problem), "{refusal}");
    }
    assert!(production(&with(&[https])).is_ok());
}

#[test]
fn production_wants_secrets_that_nobody_guesses_and_logins_that_nobody_reads() {
    let secret = "x".repeat(SECRET_BYTES);
    let production = |more: &[(&str, &str)]| {
        let safe = [
            ("ENVIRONMENT", "production"),
            ("SECRET_KEY", &secret),
            ("FRONTEND_URL", "https://app.example.com"),
        ];
        load(&[&with(&safe)[..], more].concat())
    };
    let acme = [("OIDC_ACME_CLIENT_ID", "id"), ("OIDC_ACME_CLIENT_SECRET", "secret")];
    let (https, http) = ("https://id.example.com", "http://id.example.com");
    for (more, problem) in [
        (
            &[("BETTER_AUTH_SECRET", "short")][..],
            "BETTER_AUTH_SECRET must have 32 bytes or more in production",
        ),
        (
            &[("TOKEN_ENCRYPTION_KEY", "short")],
            "TOKEN_ENCRYPTION_KEY must have 32 bytes or more in production",
        ),
        (
            &[("BETTER_AUTH_SECRET", "change-me-to-the-secret-of-better-auth")],
            "BETTER_AUTH_SECRET must not be the example's in production",
        ),
        (
            &[("GITHUB_CLIENT_ID", "id"), ("GITHUB_CLIENT_SECRET", "secret")],
            "PUBLIC_URL must be an https address in production",
        ),
        (
            &[acme[0], acme[1], ("OIDC_ACME_ISSUER", https)],
            "PUBLIC_URL must be an https address in production",
        ),
        (
            &[acme[0], acme[1], ("OIDC_ACME_ISSUER", http), ("PUBLIC_URL", https)],
            "OIDC_ACME_ISSUER must be an https address in production",
        ),
    ] {
        let refusal = production(more).expect_err("refused");
        assert!(refusal.starts_with(problem), "{refusal}");
    }
    let good = [acme[0], acme[1], ("OIDC_ACME_ISSUER", https), ("PUBLIC_URL", https)];
    assert_eq!(production(&good).err(), None);
}

#[test]
fn the_port_of_a_mail_server_follows_from_how_it_is_protected() {
    let smtp = |more: &[(&str, &str)]| match load(&with(more)).expect("starts").mail.smtp {
        Smtp::Server(server) => server,
        Smtp::Folder(_) => panic!("a server was given"),
    };
    assert_eq!((smtp(&[]).port, smtp(&[]).tls), (587, SmtpTls::StartTls));
    assert_eq!(smtp(&[("SMTP_TLS", "tls")]).port, 465);
    assert_eq!(smtp(&[("SMTP_TLS", "none")]).port, 25);
    assert_eq!(smtp(&[("SMTP_TLS", "none"), ("SMTP_PORT", "2525")]).port, 2525);
    let login = smtp(&[("SMTP_USER", "ann"), ("SMTP_PASSWORD", "hush")]).login.expect("a login");
    assert_eq!((login.0.as_str(), login.1.expose_secret()), ("ann", "hush"));
}

/// What is given, and what is said about it.
const BAD: &[(&[(&str, &str)], &str)] = &[
    (&[("FRONTEND_URL", "app.example.com")], "FRONTEND_URL must be an http or https address"),
    (&[("FRONTEND_URL", "https://app.example.com/?a=b")], "FRONTEND_URL must be an http or https address"),
    (&[("FRONTEND_URL", "https://u:p@app.example.com")], "FRONTEND_URL must be an http or https address"),
    (&[("PUBLIC_URL", "ftp://api.example.com")], "PUBLIC_URL must be an http or https address"),
    (&[("SMTP_HOST", "smtp://x")], "SMTP_HOST must be an address or a host name alone"),
    (&[("SMTP_TLS", "ssl")], "SMTP_TLS must be one of starttls, tls, none"),
    (&[("SMTP_USER", "ann")], "SMTP_PASSWORD must be set where SMTP_USER is"),
    (&[("SMTP_PASSWORD", "hush")], "SMTP_USER must be set where SMTP_PASSWORD is"),
    (
        &[SERVER[0], ("SMTP_TLS", "none"), ("SMTP_USER", "a"), ("SMTP_PASSWORD", "hush")],
        "SMTP_TLS must not be none where a password is sent to another machine",
    ),
    (&[("EMAILS_FROM", "nobody")], "EMAILS_FROM must be an address"),
    (&[("TRUSTED_PROXIES", "10.0.0.0/8,proxy")], "TRUSTED_PROXIES must hold networks"),
    (&[("GOOGLE_CLIENT_ID", "x")], "GOOGLE_CLIENT_SECRET must be set where GOOGLE_CLIENT_ID is"),
    (&[("GITHUB_CLIENT_SECRET", "hush")], "GITHUB_CLIENT_ID must be set where GITHUB_CLIENT_SECRET is"),
    (&[("OIDC_ACME_ISSUER", "https://id.example.com")], "OIDC_ACME_CLIENT_ID must be set"),
    (
        &[("OIDC_ACME_CLIENT_ID", "x"), ("OIDC_ACME_CLIENT_SECRET", "hush")],
        "OIDC_ACME_ISSUER must be set for the provider",
    ),
    (&[("OIDC_GOOGLE_ISSUER", "https://id.example.com")], "OIDC_GOOGLE_ISSUER must have another name in it"),
    (
        &[("OIDC_BETTER_AUTH_ISSUER", "https://x.example")],
        "OIDC_BETTER_AUTH_ISSUER must have another name in it",
    ),
    (
        &[("SECRET_KEY", "a,hush"), ("BETTER_AUTH_SECRET", "hush")],
        "BETTER_AUTH_SECRET must not be SECRET_KEY",
    ),
    (&[("TOKEN_ENCRYPTION_KEY", "hush,,x")], "TOKEN_ENCRYPTION_KEY must not hold an empty secret"),
    (&[("JWT_PRIVATE_KEY", "nowhere.pem")], "JWT_PRIVATE_KEY must be Ed25519 keys in PEM or a file of them"),
    (&[("JWT_PRIVATE_KEY", "-----BEGIN RSA PRIVATE KEY-----")], "JWT_PRIVATE_KEY must contain a block"),
    (&[("RATE_LIMIT_API", "many")], "RATE_LIMIT_API must be a count"),
    (&[("TOMBSTONE_AGE_DAYS", "0")], "TOMBSTONE_AGE_DAYS must be a whole number from 1 to 3650"),
];

#[test]
fn each_bad_value_is_answered_with_its_problem_and_without_the_secrets_in_it() {
    for (given, problem) in BAD {
        let refusal = refusal(given);
        assert!(refusal.starts_with(problem) && !refusal.contains("hush"), "{refusal}");
    }
}

#[test]
fn providers_have_the_name_that_stands_in_their_variables() {
    let settings = load(&[
        ("OIDC_MY_IDP_ISSUER", "https://id.example.com/realm/"),
        ("OIDC_MY_IDP_CLIENT_ID", "todos"),
        ("OIDC_MY_IDP_CLIENT_SECRET", "hush"),
        ("OIDC_OTHER_THING", "is none of ours"),
    ]);
    let settings = settings.expect("starts");
    let [(client, issuer)] = &settings.identity.providers[..] else { panic!("one provider") };
    assert_eq!((client.name.as_str(), client.id.as_str()), ("my-idp", "todos"));
    assert_eq!(issuer, "https://id.example.com/realm/");
    assert!(!format!("{settings:?}").contains("hush"));
}

#[test]
fn a_provider_may_stand_in_the_file_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = "oidc_acme_issuer = \"https://id.example.com\"\noidc_acme_client_id = \"todos\"";
    std::fs::write(folder.path().join("todo-sync.toml"), file).expect("written");
    let settings = load_in(folder.path(), &[("OIDC_ACME_CLIENT_SECRET", "hush")]).expect("starts");
    assert_eq!(settings.identity.providers[0].0.name, "acme");
}

#[test]
fn better_auth_is_known_by_its_base_url() {
    let issuers = |given: &[(&str, &str)]| load(given).expect("starts").identity.issuers;
    let [keys] = &issuers(&[("BETTER_AUTH_URL", "https://app.example.com/base/")])[..] else { panic!("one") };
    assert_eq!(keys.jwks_url.as_deref(), Some("https://app.example.com/base/api/auth/jwks"));
    assert_eq!(keys.issuer.as_deref(), Some("https://app.example.com"));
    assert_eq!(keys.audience.as_deref(), Some("https://app.example.com"));
    let [keys, secret] = &issuers(&[
        ("BETTER_AUTH_URL", "https://app.example.com"),
        ("BETTER_AUTH_JWKS_URL", "http://127.0.0.1:3000/keys"),
        ("BETTER_AUTH_SECRET", "shared"),
    ])[..] else {
        panic!("one by keys, one by secret")
    };
    assert_eq!(keys.jwks_url.as_deref(), Some("http://127.0.0.1:3000/keys"));
    assert!(keys.secret.is_none() && secret.jwks_url.is_none() && secret.issuer.is_none());
    assert_eq!(keys.name, secret.name);
}

#[test]
fn key_pairs_stand_in_a_file_or_in_the_variable() {
    let pem = "-----BEGIN PRIVATE KEY-----\n\
               MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
               -----END PRIVATE KEY-----\n";
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("keys.pem"), pem.repeat(2)).expect("written");
    let one_line = pem.replace('\n', "\\n");
    for given in ["keys.pem", pem, one_line.as_str()] {
        let settings = load_in(folder.path(), &[("JWT_PRIVATE_KEY", given)]).expect("starts");
        assert!(settings.identity.key_pairs.is_some());
    }
}

#[test]
fn proxies_are_networks_or_addresses() {
    let proxies =
        load(&[("TRUSTED_PROXIES", "10.0.0.0/8, 192.0.2.7,2001:db8::/32")]).expect("starts").trusted_proxies;
    let shown: Vec<_> = proxies.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32"]);
}

#[test]
fn limits_can_be_set_and_switched_off() {
    let of = |variables: &[(&str, &str)]| load(variables).expect("starts");
    let off = of(&[("RATE_LIMIT_ENABLED", "false")]);
    assert_eq!((off.quotas, off.api_quota), (None, None));
    let set =
        of(&[("RATE_LIMIT_LOGIN_PER_ACCOUNT", "3/1h"), ("RATE_LIMIT_MAIL", "2/1m")]).quotas.expect("on");
    assert_eq!((set.login_to.count, set.login_to.period), (3, Duration::from_hours(1)));
    assert_eq!((set.mail.count, set.refresh), (2, Quotas::default().refresh));
    assert_eq!(set.login_from, Quotas::default().login_from);
    let api_off = of(&[("RATE_LIMIT_API", "off")]);
    assert!(api_off.api_quota.is_none() && api_off.quotas.is_some());
    let api = of(&[("RATE_LIMIT_API", "60/1m"), ("RATE_LIMIT_API_BURST", "7")]).api_quota.expect("on");
    assert_eq!((api.count, api.burst), (60, 7));
}
