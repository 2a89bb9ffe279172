//! The rate limits on passwords: on wrong ones, which may be guesses, and on right ones, which
//! occupy the hasher as well.

use super::AccountService;
use crate::limits::{Charge, LimitKey, RateLimits};
use crate::time::Stamp;
use crate::user::HashedFor;

/// A password that is charged to the limits but not compared yet.
pub(super) struct Attempt<'a> {
    limits: &'a RateLimits,
    wrong: Vec<LimitKey>,
    right: LimitKey,
    now: Stamp,
}

/// What the comparison found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Right,
    Wrong,
    /// The hasher or the store failed.
    Unknown,
}

impl AccountService {
    /// Charges a password before it is compared: to `wrong`, the limits of wrong passwords, and to
    /// the limit of right ones. Therefore concurrent attempts can't exceed a limit.
    pub(super) async fn begin_attempt(
        &self,
        wrong: Vec<LimitKey>,
        on_behalf: &HashedFor,
    ) -> Result<Attempt<'_>, Charge> {
        let (limits, now) = (&self.ports.limits, self.now());
        let right = LimitKey::RightPasswordOf(on_behalf.account.clone());
        limits.charge_all(&wrong, now).await?;
        if let Err(charge) = limits.charge(&right, now).await {
            limits.refund_all(&wrong, now).await;
            return Err(charge);
        }
        Ok(Attempt { limits, wrong, right, now })
    }
}

impl Attempt<'_> {
    /// Refunds what the attempt turned out not to count for.
    pub(super) async fn end(self, verdict: Verdict) {
        if verdict != Verdict::Wrong {
            self.limits.refund_all(&self.wrong, self.now).await;
        }
        if verdict != Verdict::Right {
            self.limits.refund(&self.right, self.now).await;
        }
    }
}
