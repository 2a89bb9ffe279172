//! What production refuses unless `ALLOW_INSECURE` names the setting: values that undo a promise of
//! the server.

use ipnet::IpNet;

use super::Settings;
use super::database::DatabaseUrl;
use super::layers::Layers;
use super::parse::origin_of;
use super::secrets::MIN_BYTES;
use super::setting::{self, Setting};

/// A secret with fewer different bytes can be guessed, whatever its length.
const MIN_DIFFERENT_BYTES: usize = 8;

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
        if insecure && !self.exceptions.iter().any(|name| *name == setting.name) {
            let problem = format!("{problem} in production, unless ALLOW_INSECURE names it");
            self.layers.report(setting.error(problem));
        }
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
        let everyone = IpNet::aggregate(&settings.trusted_proxies);
        let everyone = everyone.iter().any(|network| network.prefix_len() == 0);
        let problem = "must not hold the whole Internet: clients could choose their address";
        self.refuse_if(everyone, &setting::TRUSTED_PROXIES, problem);
        // Another rule demands https of the frontend.
        let frontend = origin_of(&settings.mail.frontend_url);
        let mut others = settings.allowed_origins.iter().filter(|origin| **origin != frontend);
        let plain = others.any(|origin| is_plain(origin));
        let problem = "must hold https origins: whoever is on the network could alter an http page";
        self.refuse_if(plain, &setting::ALLOWED_ORIGINS, problem);
        let remote = settings.mail.sends_in_clear_to_another_machine();
        self.refuse_if(remote, &setting::SMTP_TLS, "must not be none where mail goes to another machine");
        let problem = "must not have sslmode=disable where the database is on another machine";
        let database = &settings.database;
        self.refuse_if(database.url.is_in_clear_to_another_machine(), &setting::DATABASE_URL, problem);
        for (setting, url) in [
            (&setting::MIGRATION_DATABASE_URL, &database.migration_url),
            (&setting::DATABASE_LISTEN_URL, &database.listen_url),
        ] {
            let in_clear = url.as_ref().is_some_and(DatabaseUrl::is_in_clear_to_another_machine);
            self.refuse_if(in_clear, setting, problem);
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
        let few = |text: &str| text.split(',').any(|secret| has_few_bytes(secret.trim()));
        let few = self.layers.find(setting, |text| Ok::<_, String>(few(text))).unwrap_or_default();
        self.refuse_if(few, setting, "must not consist of a few different characters");
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

/// Whether the secret is long enough, but not of enough different bytes. A short one is refused by
/// another rule.
fn has_few_bytes(secret: &str) -> bool {
    let mut bytes = secret.as_bytes().to_vec();
    bytes.sort_unstable();
    bytes.dedup();
    secret.len() >= MIN_BYTES && bytes.len() < MIN_DIFFERENT_BYTES
}
