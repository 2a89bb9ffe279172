//! How much of what is counted.

use domain::limits::{Quota, Quotas};

use super::layers::Layers;
use super::{SettingsError, known, read};

/// What is counted of logins, mails, flows and refreshes; `None` where nothing is.
pub fn read(layers: &Layers) -> Result<Option<Quotas>, SettingsError> {
    let usual = Quotas::default();
    let quotas = Quotas {
        login_from: read::quota(layers, known::RATE_LIMIT_LOGIN_PER_ADDRESS)?.unwrap_or(usual.login_from),
        login_to: read::quota(layers, known::RATE_LIMIT_LOGIN_PER_ACCOUNT)?.unwrap_or(usual.login_to),
        mail: read::quota(layers, known::RATE_LIMIT_MAIL)?.unwrap_or(usual.mail),
        flow: read::quota(layers, known::RATE_LIMIT_OAUTH)?.unwrap_or(usual.flow),
        refresh: read::quota(layers, known::RATE_LIMIT_REFRESH)?.unwrap_or(usual.refresh),
        api: usual.api,
    };
    Ok(enabled(layers)?.then_some(quotas))
}

/// How many requests a user may send; `None` where they are not counted.
pub fn api(layers: &Layers) -> Result<Option<Quota>, SettingsError> {
    let setting = known::RATE_LIMIT_API;
    if layers.text(setting)?.is_some_and(|text| text.eq_ignore_ascii_case("off")) {
        return Ok(None);
    }
    let usual = Quotas::default().api;
    let quota = read::quota(layers, setting)?.unwrap_or(usual);
    let burst = read::number(layers, known::RATE_LIMIT_API_BURST, 1..=1_000_000)?.unwrap_or(usual.burst);
    Ok(enabled(layers)?.then_some(Quota { burst, ..quota }))
}

fn enabled(layers: &Layers) -> Result<bool, SettingsError> {
    Ok(read::switch(layers, known::RATE_LIMIT_ENABLED)?.unwrap_or(true))
}
