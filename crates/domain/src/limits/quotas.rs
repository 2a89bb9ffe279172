//! How much of each kind is allowed.

use std::time::Duration;

use super::{LimitKey, Network};

/// At most `count` requests per `period`. A full burst is allowed, then one more every `period / count`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// At least 1.
    pub count: u32,
    pub period: Duration,
    /// The number of requests that may arrive at the same time.
    pub burst: u32,
}

impl Quota {
    /// `count` per `period`, with a burst of `count`.
    #[must_use]
    pub const fn new(count: u32, period: Duration) -> Self {
        Self { count, period, burst: count }
    }

    /// The quota of a network, given that of the smallest one: an IPv6 site has eight times as much.
    const fn of_network(self, network: Network) -> Self {
        const OF_SITE: u32 = 8;
        if network.is_ipv4() || network.prefix() == 64 {
            return self;
        }
        let (count, burst) = (self.count.saturating_mul(OF_SITE), self.burst.saturating_mul(OF_SITE));
        Self { count, burst, ..self }
    }

    /// The time after which one more request is allowed, in whole microseconds, the unit of a
    /// [`Stamp`](crate::Stamp).
    #[must_use]
    pub fn interval(&self) -> Duration {
        let micros = self.period.as_micros() / u128::from(self.count.max(1));
        Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX).max(1))
    }
}

/// The quotas of everything that is limited; each is a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// Failed logins from one network.
    pub login_from: Quota,
    /// Failed logins to one account and, counted separately, wrong passwords in its authenticated requests.
    pub login_to: Quota,
    /// Registrations and requested mails: from one network, to one address, and by one user.
    pub mail: Quota,
    /// OAuth logins started from one network.
    pub flow: Quota,
    /// Refreshes of one session.
    pub refresh: Quota,
    /// Requests of one user; `None` does not limit them.
    pub api: Option<Quota>,
}

impl Default for Quotas {
    fn default() -> Self {
        let quarter = Duration::from_mins(15);
        Self {
            login_from: Quota::new(5, quarter),
            login_to: Quota::new(10, quarter),
            mail: Quota::new(5, Duration::from_hours(1)),
            flow: Quota::new(60, Duration::from_mins(1)),
            refresh: Quota::new(60, Duration::from_mins(1)),
            api: Some(Self::API),
        }
    }
}

impl Quotas {
    /// The default quota of requests by one user.
    pub const API: Quota = Quota { count: 600, period: Duration::from_mins(1), burst: 100 };

    /// How often one refresh token may be presented; not a setting.
    const PRESENTATIONS: Quota = Quota::new(240, Duration::from_secs(30));

    /// How often one account may present its correct password; not a setting. A person logs in less
    /// often, and a program can keep its tokens.
    const RIGHT_PASSWORDS: Quota = Quota::new(60, Duration::from_mins(15));

    /// How often one account may change how it logs in; not a setting.
    const CHANGES: Quota = Quota::new(10, Duration::from_hours(1));

    pub(super) const fn of(&self, key: &LimitKey) -> Option<Quota> {
        match key {
            LimitKey::LoginFrom(network) => Some(self.login_from.of_network(*network)),
            LimitKey::LoginTo(_) | LimitKey::PasswordOf(_) => Some(self.login_to),
            LimitKey::RightPasswordOf(_) => Some(Self::RIGHT_PASSWORDS),
            LimitKey::RegistrationFrom(network) | LimitKey::MailFrom(network) => {
                Some(self.mail.of_network(*network))
            }
            LimitKey::MailTo(_) | LimitKey::MailOf(_) => Some(self.mail),
            LimitKey::ChangeOf(_) => Some(Self::CHANGES),
            LimitKey::FlowFrom(network) => Some(self.flow.of_network(*network)),
            LimitKey::Refresh(_) => Some(self.refresh),
            LimitKey::RefreshToken(_) => Some(Self::PRESENTATIONS),
            LimitKey::Api(_) => self.api,
        }
    }
}
