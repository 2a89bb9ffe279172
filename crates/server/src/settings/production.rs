//! What production refuses unless `ALLOW_INSECURE` names the setting: values that undo a promise of
//! the server.

use adapters_postgres::Tls;
use domain::limits::Quotas;
use ipnet::IpNet;
use secrecy::ExposeSecret;
use url::Url;

use super::Settings;
use super::database::DatabaseUrl;
use super::error::SettingWarning;
use super::layers::Layers;
use super::mail::is_loopback;
use super::parse::origin_of;
use super::secrets::MIN_BYTES;
use super::setting::{self, Setting};

/// A secret with fewer different bytes can be guessed, whatever its length.
const MIN_DIFFERENT_BYTES: usize = 8;
/// A secret that repeats a part of at most this many bytes can be guessed too.
const MAX_REPEATED_BYTES: usize = 16;
/// Public networks with shorter prefixes are not those of proxies: the largest of a CDN are a /12
/// and a /28.
const MIN_PREFIXES: (u8, u8) = (12, 24);

/// The demands of production.
pub struct Demands<'a> {
    layers: &'a Layers,
    /// The names of the settings that may be insecure.
    exceptions: Vec<String>,
}

impl<'a> Demands<'a> {
    pub fn read(layers: &'a Layers) -> Self {
        let exceptions = layers.list(&setting::ALLOW_INSECURE, setting_name).unwrap_or_default();
        Self { layers, exceptions }
    }

    /// Refuses an insecure value. `problem` continues a sentence that begins with the name.
    fn refuse_if(&self, insecure: bool, setting: &Setting, problem: &str) {
        if insecure && !self.is_excepted(setting) {
            let problem = format!("{problem} in production, unless ALLOW_INSECURE names it");
            self.layers.report(setting.error(problem));
        }
    }

    fn is_excepted(&self, setting: &Setting) -> bool {
        self.exceptions.iter().any(|name| *name == setting.name)
    }

    /// Checks all settings.
    pub fn check(&self, settings: &Settings) {
        self.addresses();
        for secret in [
            setting::SECRET_KEY,
            setting::JWT_SECRET_KEY,
            setting::TOKEN_ENCRYPTION_KEY,
            setting::BETTER_AUTH_SECRET,
        ] {
            self.secrets(&secret);
        }
        let disabled = settings.quotas.is_none();
        self.refuse_if(
            disabled,
            &setting::RATE_LIMIT_ENABLED,
            "must not be false: passwords could be guessed",
        );
        if let Some(quotas) = &settings.quotas {
            self.rate_limits(quotas);
        }
        let proxies = IpNet::aggregate(&settings.trusted_proxies);
        let problem = "must not hold a large part of the Internet: clients could choose their address";
        self.refuse_if(proxies.iter().any(is_much_of_the_internet), &setting::TRUSTED_PROXIES, problem);
        // Another rule demands https of the frontend.
        let frontend = origin_of(&settings.mail.frontend_url);
        let mut others = settings.allowed_origins.iter().filter(|origin| **origin != frontend);
        let plain = others.any(|origin| is_plain(origin));
        let problem = "must hold https origins: whoever is on the network could alter an http page";
        self.refuse_if(plain, &setting::ALLOWED_ORIGINS, problem);
        let remote = settings.mail.sends_in_clear_to_another_machine();
        self.refuse_if(remote, &setting::SMTP_TLS, "must not be none where mail goes to another machine");
        let database = &settings.database;
        self.database_url(&setting::DATABASE_URL, Some(&database.url));
        self.database_url(&setting::MIGRATION_DATABASE_URL, database.migration_url.as_ref());
        self.database_url(&setting::DATABASE_LISTEN_URL, database.listen_url.as_ref());
        let redis = settings.redis_url.as_ref().map(ExposeSecret::expose_secret);
        self.warn_if_in_clear(&setting::REDIS_URL, redis, "rediss://");
        let collector = settings.telemetry.traces.as_ref().map(|traces| &*traces.endpoint);
        self.warn_if_in_clear(&setting::OTEL_EXPORTER_OTLP_ENDPOINT, collector, "https://");
        let sentry = settings.telemetry.sentry.as_ref().map(ExposeSecret::expose_secret);
        self.warn_if_in_clear(&setting::SENTRY_DSN, sentry, "https://");
    }

    /// Warns of an address of another machine whose scheme is not that of TLS.
    fn warn_if_in_clear(&self, setting: &Setting, address: Option<&str>, tls: &'static str) {
        let is_remote =
            |url: &Url| url.host_str().is_some_and(|host| !is_loopback(host.trim_matches(['[', ']'])));
        let url = address.and_then(|address| Url::parse(address).ok()).filter(is_remote);
        if url.is_some_and(|url| !tls.starts_with(&format!("{}:", url.scheme())))
            && !self.is_excepted(setting)
        {
            self.layers.warn(SettingWarning::InClear { name: setting.name.to_string(), tls });
        }
    }

    /// Refuses a connection in clear to another machine, and warns of one that may become so.
    fn database_url(&self, setting: &Setting, url: Option<&DatabaseUrl>) {
        match url.and_then(DatabaseUrl::tls_to_another_machine) {
            Some(Tls::Never) => {
                let problem = "must not have sslmode=disable where the database is on another machine";
                self.refuse_if(true, setting, problem);
            }
            Some(Tls::IfOffered) if !self.is_excepted(setting) => {
                self.layers.warn(SettingWarning::MayBeInClear { name: setting.name.to_string() });
            }
            Some(Tls::IfOffered | Tls::Always) | None => {}
        }
    }

    /// Refuses limits that are a hundred times as loose as the defaults: they would stop no attack.
    fn rate_limits(&self, quotas: &Quotas) {
        let default = Quotas::default();
        let passwords = "must be stricter: passwords could be guessed";
        let mail = "must be stricter: strangers could be flooded with emails";
        for (setting, quota, default, problem) in [
            (setting::RATE_LIMIT_LOGIN_PER_ADDRESS, quotas.login_from, default.login_from, passwords),
            (setting::RATE_LIMIT_LOGIN_PER_ACCOUNT, quotas.login_to, default.login_to, passwords),
            (setting::RATE_LIMIT_MAIL, quotas.mail, default.mail, mail),
        ] {
            let is_loose = quota.burst >= 100 * default.burst || quota.interval() * 100 <= default.interval();
            self.refuse_if(is_loose, &setting, problem);
        }
    }

    /// Client secrets, codes and keys pass through these addresses.
    fn addresses(&self) {
        let providers = self.layers.providers();
        let of_providers = providers.iter().map(|name| setting::OIDC_EXAMPLE_ISSUER.of_provider(name));
        let fixed = [
            setting::GOOGLE_ISSUER,
            setting::GITHUB_BASE_URL,
            setting::GITHUB_API_URL,
            setting::BETTER_AUTH_URL,
            setting::BETTER_AUTH_JWKS_URL,
        ];
        for setting in fixed.into_iter().chain(of_providers) {
            let plain =
                self.layers.find(&setting, |text| Ok::<_, String>(is_plain(text))).unwrap_or_default();
            self.refuse_if(plain, &setting, "must be an https address");
        }
    }

    /// Checks the secrets of a setting.
    fn secrets(&self, setting: &Setting) {
        let weak = |text: &str| text.split(',').any(|secret| is_guessable(secret.trim().as_bytes()));
        let weak = self.layers.find(setting, |text| Ok::<_, String>(weak(text))).unwrap_or_default();
        self.refuse_if(weak, setting, "must be random, without repetitions and sequences,");
    }
}

fn setting_name(text: &str) -> Result<String, String> {
    match Setting::named(text) {
        Some(_) => Ok(text.to_owned()),
        None => Err(format!("must hold names of settings, not {text:?}")),
    }
}

fn is_plain(address: &str) -> bool {
    address.trim().get(..7).is_some_and(|start| start.eq_ignore_ascii_case("http://"))
}

/// Whether a public network, or one that holds public addresses, is too large for proxies.
fn is_much_of_the_internet(network: &IpNet) -> bool {
    const PRIVATE: [&str; 9] = [
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "::1/128",
        "fc00::/7",
        "fe80::/10",
    ];
    let is_private = PRIVATE
        .iter()
        .filter_map(|private| private.parse().ok())
        .any(|private: IpNet| private.contains(network));
    let min_prefix = if network.addr().is_ipv4() { MIN_PREFIXES.0 } else { MIN_PREFIXES.1 };
    !is_private && network.prefix_len() < min_prefix
}

/// Whether the secret is long enough, but a person made it. A short one is refused by another rule.
fn is_guessable(secret: &[u8]) -> bool {
    let mut different = secret.to_vec();
    different.sort_unstable();
    different.dedup();
    let repeats = |part: usize| secret.iter().zip(&secret[part..]).all(|(byte, next)| byte == next);
    let steps = secret.windows(2).filter(|pair| pair[0].abs_diff(pair[1]) <= 1).count();
    secret.len() >= MIN_BYTES
        && (different.len() < MIN_DIFFERENT_BYTES
            || (1..=MAX_REPEATED_BYTES).any(repeats)
            || steps > secret.len() / 2)
}
