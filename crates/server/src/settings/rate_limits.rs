//! Rate limits.

use domain::limits::{Quota, Quotas};

use super::layers::Layers;
use super::parse::{number, quota, switch};
use super::setting;

/// The limits on logins, mails, OAuth flows and refreshes, and on API requests per user. `None` where
/// nothing is limited.
pub fn read(layers: &Layers) -> (Option<Quotas>, Option<Quota>) {
    let default = Quotas::default();
    let read = |setting, default| layers.find(setting, quota).unwrap_or(default);
    let quotas = Quotas {
        login_from: read(&setting::RATE_LIMIT_LOGIN_PER_ADDRESS, default.login_from),
        login_to: read(&setting::RATE_LIMIT_LOGIN_PER_ACCOUNT, default.login_to),
        mail: read(&setting::RATE_LIMIT_MAIL, default.mail),
        flow: read(&setting::RATE_LIMIT_OAUTH, default.flow),
        refresh: read(&setting::RATE_LIMIT_REFRESH, default.refresh),
        api: default.api,
    };
    let api = layers.find(&setting::RATE_LIMIT_API, quota_or_off).unwrap_or(Some(default.api));
    let burst = layers.find(&setting::RATE_LIMIT_API_BURST, number(1..=1_000_000));
    let api = api.map(|api| Quota { burst: burst.unwrap_or(default.api.burst), ..api });
    if layers.get(&setting::RATE_LIMIT_ENABLED, switch) { (Some(quotas), api) } else { (None, None) }
}

fn quota_or_off(text: &str) -> Result<Option<Quota>, String> {
    if text.eq_ignore_ascii_case("off") { Ok(None) } else { quota(text).map(Some) }
}
