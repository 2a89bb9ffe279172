//! Counts what the rate limits refuse.

use std::sync::Arc;

use async_trait::async_trait;
use domain::Stamp;
use domain::limits::{Charge, LimitKey, Quota, RateLimiter};
use metrics::counter;

/// The values of the label `limit`.
pub const LABELS: [&str; 13] = [
    "login_network",
    "login_account",
    "password",
    "right_password",
    "registration_network",
    "mail_network",
    "mail_address",
    "mail_user",
    "login_change",
    "oauth",
    "refresh",
    "refresh_token",
    "api",
];

/// A rate limiter whose refusals are counted by limit.
pub struct Counted(pub Arc<dyn RateLimiter>);

#[async_trait]
impl RateLimiter for Counted {
    async fn charge(&self, key: &LimitKey, quota: Quota, now: Stamp) -> Charge {
        let charge = self.0.charge(key, quota, now).await;
        if !charge.allowed {
            counter!("rate_limit_refusals_total", "limit" => label(key)).increment(1);
        }
        charge
    }

    async fn refund(&self, key: &LimitKey, quota: Quota, now: Stamp) {
        self.0.refund(key, quota, now).await;
    }
}

const fn label(key: &LimitKey) -> &'static str {
    let index = match key {
        LimitKey::LoginFrom(_) => 0,
        LimitKey::LoginTo(_) => 1,
        LimitKey::PasswordOf(_) => 2,
        LimitKey::RightPasswordOf(_) => 3,
        LimitKey::RegistrationFrom(_) => 4,
        LimitKey::MailFrom(_) => 5,
        LimitKey::MailTo(_) => 6,
        LimitKey::MailOf(_) => 7,
        LimitKey::ChangeOf(_) => 8,
        LimitKey::FlowFrom(_) => 9,
        LimitKey::Refresh(_) => 10,
        LimitKey::RefreshToken(_) => 11,
        LimitKey::Api(_) => 12,
    };
    LABELS[index]
}
