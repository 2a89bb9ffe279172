//! Every error is reported, each in one sentence without a secret.

use super::*;

/// Rows of given settings, and the beginning of each expected sentence.
const FAULTS: &str = r#"
    SENTRY_DSN=hush => SENTRY_DSN must be the DSN that Sentry shows for a project
    OTEL_EXPORTER_OTLP_ENDPOINT=x => OTEL_EXPORTER_OTLP_ENDPOINT must
    OTEL_EXPORTER_OTLP_ENDPOINT=http://otel:4318 & OTEL_EXPORTER_OTLP_HEADERS=hush => OTEL_EXPORTER_OTLP_HEADERS must be name=value
    OTEL_EXPORTER_OTLP_ENDPOINT=http://otel:4318 & OTEL_TRACES_SAMPLER=some => OTEL_TRACES_SAMPLER must be always_on, always_off or traceidratio
    OTEL_EXPORTER_OTLP_ENDPOINT=http://otel:4318 & OTEL_TRACES_SAMPLER_ARG=2 => OTEL_TRACES_SAMPLER_ARG must be a number between 0 and 1
    PORT=http => PORT must be a whole number from 0 to 65535, not "http"; for example: PORT=8000
    PORT=65536 => PORT must be a whole number from 0 to 65535, not "65536"
    METRICS_PORT=no => METRICS_PORT must be a whole number from 0 to 65535, not "no"
    METRICS_PORT=8000 => METRICS_PORT must be another port than PORT
    HOST=http://x => HOST must be an address or a host name alone, not "http://x"
    ENVIRONMENT=prod => ENVIRONMENT must be one of development, staging, production, not "prod"
    ENVIRONMENT=staging => SECRET_KEY must be set outside development
    DATABASE_URL=mysql://u:hush@h/d => DATABASE_URL must start with sqlite:// or postgres://
    DATABASE_URL=todos.db => DATABASE_URL must start with sqlite:// or postgres://
    DATABASE_URL=sqlite:// => DATABASE_URL must name a file after sqlite://
    DATABASE_URL=sqlite://a.db?mode=ro => DATABASE_URL must be a file without options after sqlite://
    DATABASE_URL=postgres:// => DATABASE_URL must name a server after postgres://
    MIGRATION_DATABASE_URL=postgres://h/d => MIGRATION_DATABASE_URL must name the same database as DATABASE_URL
    DATABASE_LISTEN_URL=postgres://h/d => DATABASE_LISTEN_URL must name the same database as DATABASE_URL
    DATABASE_URL=postgres://h/d & REDIS_URL=localhost:6379 => REDIS_URL must start with redis:// or, for TLS, rediss://
    DATABASE_URL=postgres://h/d & REDIS_URL=redis://:hu#sh@h => REDIS_URL must have no ? and no #: in a password
    DATABASE_URL=postgres://h/d & REDIS_URL=redis://:hush@h:port => REDIS_URL must have the form redis://user:password@host:port/number
    DATABASE_POOL_SIZE=0 => DATABASE_POOL_SIZE must be a whole number from 1 to 1000, not "0"
    DATABASE_TIMEOUT_MS=5s => DATABASE_TIMEOUT_MS must be a whole number from 100 to 600000, not "5s"
    DATABASE_WAIT_SECONDS=1m => DATABASE_WAIT_SECONDS must be a whole number from 0 to 3600, not "1m"
    DATABASE_ROW_SECURITY=off => DATABASE_ROW_SECURITY must be one of writes, all, not "off"
    DATABASE_EPOCH=wal => DATABASE_EPOCH must be one of stored, timeline, not "wal"
    DATABASE_EPOCH=timeline => DATABASE_EPOCH can be timeline on PostgreSQL only; for example: DATABASE_EPOCH=stored
    DATABASE_URL=postgres://h/d & BACKUP_EVERY=1d => BACKUP_EVERY can be set for SQLite only: back a PostgreSQL database up with pg_dump; for example: BACKUP_EVERY=off
    ACCESS_TOKEN_EXPIRE_MINUTES=0 => ACCESS_TOKEN_EXPIRE_MINUTES must be a whole number from 1 to 43200, not "0"
    REFRESH_TOKEN_EXPIRE_DAYS=1.5 => REFRESH_TOKEN_EXPIRE_DAYS must be a whole number from 1 to 366, not "1.5"
    REGISTRATION=maybe => REGISTRATION must be one of open, invite, closed, not "maybe"; for example: REGISTRATION=closed
    REGISTRATION=invite & PASSWORD_LOGIN=off => REGISTRATION must not be invite where PASSWORD_LOGIN is off: an invitation admits a password
    PASSWORD_LOGIN=maybe => PASSWORD_LOGIN must be one of true, false, 1, 0, yes, no, on, off
    BCRYPT_COST_FACTOR=9 => BCRYPT_COST_FACTOR must be a whole number from 10 to 15, not "9"
    BCRYPT_COST_FACTOR=16 => BCRYPT_COST_FACTOR must be a whole number from 10 to 15, not "16"
    ALLOWED_ORIGINS=* => ALLOWED_ORIGINS must not be *, as requests carry credentials: name each origin
    ALLOWED_ORIGINS=https://a.example/ => ALLOWED_ORIGINS must hold exact origins (scheme, host, port; no path, no trailing slash), not "https://a.example/"
    ALLOWED_ORIGINS=ftp://a.example => ALLOWED_ORIGINS must hold origins of pages, and no page that calls an API has ftp://
    ALLOWED_ORIGINS=https://*.a.example => ALLOWED_ORIGINS must name each origin without *, which "https://*.a.example" has
    DRAIN_SECONDS=1m => DRAIN_SECONDS must be a whole number from 0 to 3600, not "1m"
    ALLOWED_ORIGINS=["https://a.example", 1] => ALLOWED_ORIGINS must be a list of strings
    LOG_LEVEL=loud => LOG_LEVEL must be one of error, warn, warning, info, debug, trace, not "loud"
    JSON_LOGS=maybe => JSON_LOGS must be one of true, false, 1, 0, yes, no, on, off, not "maybe"
    RATE_LIMIT_LOGIN_PER_ADDRESS=5 => RATE_LIMIT_LOGIN_PER_ADDRESS must be a count, a slash and a time in s, m or h, not "5"
    RATE_LIMIT_API=many => RATE_LIMIT_API must be a count
    SECRET_KEY=hush,,b => SECRET_KEY must not hold an empty secret
    SECRET_KEY=hush-one & JWT_SECRET_KEY=hush-two => JWT_SECRET_KEY is another name of SECRET_KEY
    MAX_PAGE_SIZE=-1 => MAX_PAGE_SIZE must be a whole number from 1 to 1000, not "-1"
    MAX_BODY_BYTES=1023 => MAX_BODY_BYTES must be a whole number from 1024 to 67108864, not "1023"
    MAX_TEXT_BYTES_PER_USER=10 => MAX_TEXT_BYTES_PER_USER must be a whole number from 1024 to 1099511627776
    TOMBSTONE_AGE_DAYS=0 => TOMBSTONE_AGE_DAYS must be a whole number from 1 to 3650
    TRUSTED_PROXIES=10.0.0.0/8,proxy => TRUSTED_PROXIES must hold networks

    FRONTEND_URL=app.example.com => FRONTEND_URL must be an http or https address
    FRONTEND_URL=https://app.example.com/?a=b => FRONTEND_URL must be an http or https address
    FRONTEND_URL=https://u:hush@app.example.com => FRONTEND_URL must be an http or https address
    PUBLIC_URL=ftp://api.example.com => PUBLIC_URL must be an http or https address
    SMTP_HOST=smtp://x & EMAILS_FROM=a@b.example => SMTP_HOST must be an address or a host name alone
    SMTP_HOST=smtp.example.com => EMAILS_FROM must be set where SMTP_HOST is
    SMTP_TLS=ssl => SMTP_TLS must be one of starttls, tls, none
    SMTP_USER=ann => SMTP_PASSWORD must be set where SMTP_USER is
    SMTP_PASSWORD=hush => SMTP_USER must be set where SMTP_PASSWORD is
    SMTP_HOST=smtp.example.com & EMAILS_FROM=a@b.example & SMTP_TLS=none & SMTP_USER=a & SMTP_PASSWORD=hush => SMTP_TLS must not be none where a password is sent to another machine
    MAIL=pigeon => MAIL must be one of smtp, folder, off, not "pigeon"; for example: MAIL=off
    MAIL=smtp => SMTP_HOST must be set where MAIL is smtp
    EMAILS_FROM=nobody => EMAILS_FROM must be an address, or a name and an address

    PORT=0 & GITHUB_CLIENT_ID=x & GITHUB_CLIENT_SECRET=hush => PUBLIC_URL must be set where PORT is 0 and a provider is on
    PORT=0 & GITHUB_CLIENT_ID=x & GITHUB_CLIENT_SECRET=hush & PUBLIC_URL=http://localhost:8000 =>
    GOOGLE_CLIENT_ID=x => GOOGLE_CLIENT_SECRET must be set where GOOGLE_CLIENT_ID is
    GITHUB_CLIENT_SECRET=hush => GITHUB_CLIENT_ID must be set where GITHUB_CLIENT_SECRET is
    OIDC_ACME_ISSUER=https://id.example.com => OIDC_ACME_CLIENT_ID must be set for the provider "acme" to work | OIDC_ACME_CLIENT_SECRET must be set
    OIDC_ACME_CLIENT_ID=x & OIDC_ACME_CLIENT_SECRET=hush => OIDC_ACME_ISSUER must be set for the provider "acme" to work
    OIDC_GOOGLE_ISSUER=https://id.example.com => OIDC_GOOGLE_ISSUER must have another name in it
    OIDC_BETTER_AUTH_ISSUER=https://x.example => OIDC_BETTER_AUTH_ISSUER must have another name in it
    SECRET_KEY=a,hush & BETTER_AUTH_SECRET=hush => BETTER_AUTH_SECRET must not be SECRET_KEY
    TOKEN_ENCRYPTION_KEY=hush,,x => TOKEN_ENCRYPTION_KEY must not hold an empty secret
    JWT_PRIVATE_KEY=nowhere.pem => JWT_PRIVATE_KEY must be Ed25519 keys in PEM or a file of them
    JWT_PRIVATE_KEY=-----BEGIN RSA PRIVATE KEY----- => JWT_PRIVATE_KEY must contain a block

    LOG_LEVEL=loud & PORT=http & OIDC_ACME_CLIENT_ID=todos => PORT must be | OIDC_ACME_CLIENT_SECRET must be set | OIDC_ACME_ISSUER must be set | LOG_LEVEL must be
"#;

/// Rows of settings that replace or complete those of a production server, and the beginning of
/// each expected sentence.
const PRODUCTION_FAULTS: &str = r#"
    SECRET_KEY= => SECRET_KEY must be set outside development
    SECRET_KEY=hush => SECRET_KEY must have 32 bytes or more in production
    SECRET_KEY=Wd8vPZk2n5Qx7Rt4Lm9Cj3Hy6Bf1Gs0A,hush => SECRET_KEY must have 32 bytes or more in production
    SECRET_KEY=change-me-to-32-random-bytes-or-more => SECRET_KEY must not be the example's in production
    BETTER_AUTH_SECRET=hush => BETTER_AUTH_SECRET must have 32 bytes or more in production
    BETTER_AUTH_SECRET=change-me-to-the-secret-of-better-auth => BETTER_AUTH_SECRET must not be the example's in production
    TOKEN_ENCRYPTION_KEY=hush => TOKEN_ENCRYPTION_KEY must have 32 bytes or more in production
    FRONTEND_URL= => FRONTEND_URL must be an https address in production
    FRONTEND_URL=http://app.example.com => FRONTEND_URL must be an https address in production
    SMTP_HOST= => SMTP_HOST must be set in production
    EMAILS_FROM= => EMAILS_FROM must be set where SMTP_HOST is
    GITHUB_CLIENT_ID=id & GITHUB_CLIENT_SECRET=hush => PUBLIC_URL must be an https address in production
    OIDC_ACME_CLIENT_ID=id & OIDC_ACME_CLIENT_SECRET=hush & OIDC_ACME_ISSUER=https://id.example.com => PUBLIC_URL must be an https address in production
    OIDC_ACME_CLIENT_ID=id & OIDC_ACME_CLIENT_SECRET=hush & OIDC_ACME_ISSUER=http://id.example.com & PUBLIC_URL=https://api.example.com => OIDC_ACME_ISSUER must be an https address in production
    OIDC_ACME_CLIENT_ID=id & OIDC_ACME_CLIENT_SECRET=hush & OIDC_ACME_ISSUER=https://id.example.com & PUBLIC_URL=https://api.example.com =>
    OIDC_ACME_CLIENT_ID=id & OIDC_ACME_CLIENT_SECRET=hush & OIDC_ACME_ISSUER=http://id.example.com & PUBLIC_URL=https://api.example.com & ALLOW_INSECURE=OIDC_ACME_ISSUER =>
    BETTER_AUTH_URL=http://app.example.com => BETTER_AUTH_URL must be an https address in production, unless ALLOW_INSECURE names it
    BETTER_AUTH_JWKS_URL=HTTP://app.example.com/keys => BETTER_AUTH_JWKS_URL must be an https address in production, unless ALLOW_INSECURE names it
    BETTER_AUTH_URL=http://app.example.com & ALLOW_INSECURE=["BETTER_AUTH_URL"] =>
    GOOGLE_ISSUER=http://id.example.com => GOOGLE_ISSUER must be an https address in production
    GITHUB_BASE_URL=http://git.example.com & GITHUB_API_URL=http://git.example.com/api => GITHUB_BASE_URL must be an https address | GITHUB_API_URL must be an https address
    SMTP_TLS=none => SMTP_TLS must not be none where mail goes to another machine in production
    SMTP_TLS=none & SMTP_HOST=127.0.0.1 =>
    SMTP_TLS=none & ALLOW_INSECURE=SMTP_TLS =>
    DATABASE_URL=postgres://app:hush@db.example.com/todos?sslmode=disable => DATABASE_URL must not have sslmode=disable where the database is on another machine in production
    DATABASE_URL=postgres://app:hush@localhost/todos?sslmode=disable =>
    DATABASE_URL=postgres://app:hush@db.example.com/todos & MIGRATION_DATABASE_URL=postgres://owner:hush@db.example.com/todos?sslmode=disable => MIGRATION_DATABASE_URL must not have sslmode=disable
    ALLOWED_ORIGINS=https://a.example,http://b.example => ALLOWED_ORIGINS must hold https origins
    ALLOWED_ORIGINS=http://b.example & ALLOW_INSECURE=ALLOWED_ORIGINS =>
    TRUSTED_PROXIES=0.0.0.0/0 => TRUSTED_PROXIES must not hold a large part of the Internet
    TRUSTED_PROXIES=::/0 => TRUSTED_PROXIES must not hold a large part of the Internet
    TRUSTED_PROXIES=::ffff:0:0/96 => TRUSTED_PROXIES must not hold a large part of the Internet
    TRUSTED_PROXIES=0.0.0.0/1,128.0.0.0/1 => TRUSTED_PROXIES must not hold a large part of the Internet
    TRUSTED_PROXIES=2000::/3 => TRUSTED_PROXIES must not hold a large part of the Internet
    TRUSTED_PROXIES=3.0.0.0/8 => TRUSTED_PROXIES must not hold a large part of the Internet
    TRUSTED_PROXIES=104.16.0.0/13,104.24.0.0/14,2400:cb00::/32,fc00::/7 =>
    TRUSTED_PROXIES=2000::/3 & ALLOW_INSECURE=TRUSTED_PROXIES =>
    TRUSTED_PROXIES=10.0.0.0/8 =>
    RATE_LIMIT_ENABLED=false => RATE_LIMIT_ENABLED must not be false: passwords could be guessed in production
    RATE_LIMIT_ENABLED=false & ALLOW_INSECURE=RATE_LIMIT_ENABLED =>
    RATE_LIMIT_LOGIN_PER_ACCOUNT=1000000/1s => RATE_LIMIT_LOGIN_PER_ACCOUNT must be stricter: passwords could be guessed
    RATE_LIMIT_LOGIN_PER_ADDRESS=1000/15m & RATE_LIMIT_MAIL=500/1h => RATE_LIMIT_LOGIN_PER_ADDRESS must be stricter | RATE_LIMIT_MAIL must be stricter: strangers
    RATE_LIMIT_LOGIN_PER_ACCOUNT=1/1s =>
    RATE_LIMIT_MAIL=500/1h & ALLOW_INSECURE=RATE_LIMIT_MAIL =>
    SECRET_KEY=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa => SECRET_KEY must be random, without repetitions and sequences, in production
    SECRET_KEY=correcthorse7correcthorse7correcthorse7 => SECRET_KEY must be random
    SECRET_KEY=0123456789abcdef0123456789abcdef => SECRET_KEY must be random
    SECRET_KEY=abcdefghijklmnopqrstuvwxyz0123456789 => SECRET_KEY must be random
    SECRET_KEY=c0ffee5a7b9d13842f6e8a0b1c2d3e4f =>
    TOKEN_ENCRYPTION_KEY=abababababababababababababababababab => TOKEN_ENCRYPTION_KEY must be random
    ALLOW_INSECURE=EVERYTHING => ALLOW_INSECURE must hold names of settings, not "EVERYTHING"
    SMTP_TLS=none & RATE_LIMIT_ENABLED=false & TRUSTED_PROXIES=::/0 => RATE_LIMIT_ENABLED must not be false | TRUSTED_PROXIES must not hold | SMTP_TLS must not be none
    SECRET_KEY= & FRONTEND_URL= & SMTP_HOST= => SECRET_KEY must be set | FRONTEND_URL must be an https address | SMTP_HOST must be set
    =>
"#;

/// The errors of `given`, if they differ from the expected ones.
fn unexpected(given: &[(&str, &str)], sentences: &[&str]) -> Option<String> {
    let error = load(given).err().unwrap_or_default();
    let lines: Vec<_> = error.lines().collect();
    let is_sentence = |(line, sentence): (&&str, &&str)| {
        line.starts_with(sentence) && line.contains("or example: ") && !line.contains("hush")
    };
    let as_expected = lines.len() == sentences.len() && lines.iter().zip(sentences).all(is_sentence);
    (!as_expected).then(|| format!("{given:?}: {error}"))
}

#[test]
fn each_fault_is_one_sentence_with_the_variable_the_problem_and_an_example() {
    assert_all(rows(FAULTS).filter_map(|(given, sentences)| unexpected(&given, &sentences)));
}

#[test]
fn production_refuses_what_undoes_its_promises() {
    assert_all(rows(PRODUCTION_FAULTS).filter_map(|(changes, sentences)| {
        let unchanged = PRODUCTION.iter().filter(|(name, _)| changes.iter().all(|(other, _)| other != name));
        let given: Vec<_> = unchanged.chain(&changes).copied().collect();
        unexpected(&given, &sentences)
    }));
}

/// Rows of given variables, and the warnings that they lead to.
const WARNINGS: &str = r"
    REDIS_URL=redis://localhost => REDIS_URL is ignored: an SQLite file belongs to one instance
    REDIS_URL=hush => REDIS_URL is ignored: an SQLite file belongs to one instance
    OTEL_TRACES_SAMPLER=xray & OTEL_EXPORTER_OTLP_HEADERS=hush => OTEL_EXPORTER_OTLP_HEADERS is ignored without OTEL_EXPORTER_OTLP_ENDPOINT | OTEL_TRACES_SAMPLER is ignored without
    SMTP_PORT=tcp://10.0.0.1:25 & METRICS_PORT=udp://10.0.0.1:1 => METRICS_PORT is ignored: it is the address of a Kubernetes service | SMTP_PORT is ignored
    SENTRY_DSN= & JWT_ALGORITHM=HS256 & KUBERNETES_PORT=tcp://10.0.0.1:443 & METRIC_PORT=tcp://10.0.0.1:1 =>
    MAIL=/var/mail/ann => MAIL is ignored: it is the mailbox that login shells name, and not a way to send mail
    PATH=/bin & HOME=/root & MAILTO=ann & SHELL=/bin/sh & POSIXLY_CORRECT=1 & HTTP_PORT=80 & HOSTNAME=x & PS1=x & COST=1 & DB_PORT=5 & PORTAGE=x =>

    PROT=80 => PROT is not a setting; should it be PORT? For example: PORT=8000
    PORTS=80 & PORT=81 =>
    HOTS=x => HOTS is not a setting; should it be HOST?
    HOSTS=x & MIAL=off => HOSTS is not a setting; should it be HOST? | MIAL is not a setting; should it be MAIL?
    ENVIROMENT=production => ENVIROMENT is not a setting; should it be ENVIRONMENT? For example: ENVIRONMENT=production
    DATABSE_URL=x => DATABSE_URL is not a setting; should it be DATABASE_URL? For example: DATABASE_URL=sqlite
    SMTP_HOTS=x => SMTP_HOTS is not a setting; should it be SMTP_HOST? For example: SMTP_HOST=smtp
    BETTER_AUTH_ISUER=x => BETTER_AUTH_ISUER is not a setting; should it be BETTER_AUTH_ISSUER? For example: BETTER_AUTH_ISSUER=https
    OIDC_MY_IDP_ISUER=x => OIDC_MY_IDP_ISUER is not a setting; should it be OIDC_MY_IDP_ISSUER? For example: OIDC_MY_IDP_ISSUER=https
    OIDC_ACME_CLIENT_SECRETS=x => OIDC_ACME_CLIENT_SECRETS is not a setting; should it be OIDC_ACME_CLIENT_SECRET? For example: OIDC_ACME_CLIENT_SECRET=the
";

#[test]
fn variables_that_are_ignored_are_a_warning() {
    assert_all(rows(WARNINGS).filter_map(|(given, expected)| {
        let settings = load(&given).unwrap_or_else(|error| panic!("{given:?}: {error}"));
        let warnings: Vec<_> = settings.warnings.iter().map(ToString::to_string).collect();
        let as_expected = warnings.len() == expected.len()
            && warnings.iter().zip(&expected).all(|(w, e)| w.starts_with(e) && !w.contains("hush"));
        (!as_expected).then(|| format!("{given:?}: {warnings:?}"))
    }));
}

#[test]
fn production_warns_of_redis_a_collector_and_sentry_that_are_reached_in_clear() {
    const REDIS: &str = "REDIS_URL";
    const COLLECTOR: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
    const SENTRY: &str = "SENTRY_DSN";
    let warned = |more: &[(&'static str, &'static str)]| {
        let database = ("DATABASE_URL", "postgres://localhost/todos");
        let settings = PRODUCTION.iter().copied().chain([database]).chain(more.iter().copied());
        let settings = load(&settings.collect::<Vec<_>>()).expect("starts");
        let texts: Vec<_> = settings.warnings.iter().map(ToString::to_string).collect();
        assert!(!texts.iter().any(|text| text.contains("hush")), "{texts:?}");
        let names = texts.iter().filter_map(|text| text.split_once(" has no TLS to another machine"));
        names.map(|(name, _)| name.to_owned()).collect::<Vec<_>>()
    };
    let both = [(REDIS, "redis://:hush@redis.example.com:6379/0"), (COLLECTOR, "HTTP://otel:4318")];
    assert_eq!(warned(&both), [COLLECTOR, REDIS]);
    let sentry = (SENTRY, "http://hush@sentry.example.com/2");
    assert_eq!(warned(&[sentry]), [SENTRY]);
    assert!(warned(&[sentry, ("ALLOW_INSECURE", SENTRY)]).is_empty());
    for tls_or_here in ["https://hush@sentry.example.com/2", "http://hush@127.0.0.1:9000/2"] {
        assert!(warned(&[(SENTRY, tls_or_here)]).is_empty(), "{tls_or_here}");
    }
    assert_eq!(
        warned(&[(REDIS, "redis://10.0.0.7"), (COLLECTOR, "http://[2001:db8::1]:4318")]),
        [COLLECTOR, REDIS]
    );
    let excepted = [both[0], both[1], ("ALLOW_INSECURE", "REDIS_URL,OTEL_EXPORTER_OTLP_ENDPOINT")];
    assert!(warned(&excepted).is_empty());
    for (redis, collector) in [
        ("rediss://:hush@redis.example.com", "https://otel.example.com"),
        ("redis://localhost:6379", "http://localhost:4318"),
        ("redis://127.0.0.1", "http://127.0.0.1:4318"),
        ("redis://[::1]:6379", "http://[::1]:4318"),
    ] {
        assert!(warned(&[(REDIS, redis), (COLLECTOR, collector)]).is_empty(), "{redis} {collector}");
    }
    let outside = [("DATABASE_URL", "postgres://localhost/todos"), both[0], both[1], sentry];
    assert!(load(&outside).expect("starts").warnings.is_empty(), "outside production");
}

#[test]
fn production_warns_of_a_database_that_may_be_reached_in_clear() {
    const ELSEWHERE: &str = "postgres://app:hush@db.example.com/todos";
    let warned = |more: &[(&'static str, &'static str)]| {
        let settings = load(&PRODUCTION.iter().chain(more).copied().collect::<Vec<_>>()).expect("starts");
        let texts: Vec<_> = settings.warnings.iter().map(ToString::to_string).collect();
        assert!(!texts.iter().any(|text| text.contains("hush")), "{texts:?}");
        let names = texts.iter().filter_map(|text| text.split_once(" permits a connection without TLS"));
        names.map(|(name, _)| name.to_owned()).collect::<Vec<_>>()
    };
    let owner = ("MIGRATION_DATABASE_URL", "postgres://owner:hush@db.example.com/todos?sslmode=prefer");
    assert_eq!(warned(&[("DATABASE_URL", ELSEWHERE), owner]), ["DATABASE_URL", "MIGRATION_DATABASE_URL"]);
    assert!(warned(&[("DATABASE_URL", ELSEWHERE), ("ALLOW_INSECURE", "DATABASE_URL")]).is_empty());
    for fine in
        ["postgres://app:hush@db.example.com/todos?sslmode=require", "postgres://app:hush@localhost/todos"]
    {
        assert!(warned(&[("DATABASE_URL", fine)]).is_empty(), "{fine}");
    }
    assert!(load(&[("DATABASE_URL", ELSEWHERE)]).expect("starts").warnings.is_empty(), "outside production");
}
