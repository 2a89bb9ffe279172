//! Rate limits.

use domain::limits::{Quota, Quotas};

use super::layers::Layers;
use super::parse::{number, quota, switch};
use super::setting;

/// The limits on logins, emails, OAuth flows, refreshes and API requests; `None` if nothing is limited.
pub fn read(layers: &Layers) -> Option<Quotas> {
    let default = Quotas::default();
    let read = |setting, default| layers.find(setting, quota).unwrap_or(default);
    let api = layers.find(&setting::RATE_LIMIT_API, quota_or_off).unwrap_or(Some(Quotas::API));
    let burst = layers.find(&setting::RATE_LIMIT_API_BURST, number(1..=1_000_000));
    let quotas = Quotas {
        login_from: read(&setting::RATE_LIMIT_LOGIN_PER_ADDRESS, default.login_from),
        login_to: read(&setting::RATE_LIMIT_LOGIN_PER_ACCOUNT, default.login_to),
        mail: read(&setting::RATE_LIMIT_MAIL, default.mail),
        flow: read(&setting::RATE_LIMIT_OAUTH, default.flow),
        refresh: read(&setting::RATE_LIMIT_REFRESH, default.refresh),
        api: api.map(|api| Quota { burst: burst.unwrap_or(Quotas::API.burst), ..api }),
    };
    layers.get(&setting::RATE_LIMIT_ENABLED, switch).then_some(quotas)
}

fn quota_or_off(text: &str) -> Result<Option<Quota>, String> {
    if text.eq_ignore_ascii_case("off") { Ok(None) } else { quota(text).map(Some) }
}
