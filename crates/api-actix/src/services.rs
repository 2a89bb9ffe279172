//! The services of surfaces whose tokens live otherwise than v1's.

use std::time::Duration;

use domain::account::AccountService;
use domain::session::{Lifetimes, RefreshForm, SessionService};

/// Accounts and logins of one surface.
pub struct SurfaceServices {
    /// Accounts.
    pub accounts: AccountService,
    /// Logins.
    pub sessions: SessionService,
}

impl SurfaceServices {
    /// Of `/auth`: access tokens of an hour, refresh tokens that are JWTs.
    #[must_use]
    pub fn todos(accounts: &AccountService, sessions: &SessionService) -> Self {
        let access = Duration::from_hours(1);
        let lifetimes = Lifetimes { access, form: RefreshForm::Jwt, ..sessions.lifetimes() };
        Self::new(accounts, sessions, lifetimes)
    }

    /// Of `/api/auth`: access tokens of seven days.
    #[must_use]
    pub fn tasks(accounts: &AccountService, sessions: &SessionService) -> Self {
        let access = Duration::from_hours(7 * 24);
        Self::new(accounts, sessions, Lifetimes { access, ..sessions.lifetimes() })
    }

    fn new(accounts: &AccountService, sessions: &SessionService, lifetimes: Lifetimes) -> Self {
        // Whatever a surface gives out has to stay revoked for as long as it lives.
        let longest_access = lifetimes.longest_access.max(lifetimes.access);
        let sessions = sessions.with_lifetimes(Lifetimes { longest_access, ..lifetimes });
        Self { accounts: accounts.with_sessions(sessions.clone()), sessions }
    }
}
