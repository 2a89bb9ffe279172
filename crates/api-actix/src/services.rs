//! The services of surfaces whose tokens have other lifetimes than those of v1.

use std::time::Duration;

use domain::account::AccountService;
use domain::session::{Lifetimes, RefreshForm, SessionService};

/// Accounts and logins of one surface.
pub struct SurfaceServices {
    pub accounts: AccountService,
    pub sessions: SessionService,
}

impl SurfaceServices {
    /// Services of `/auth`, whose refresh tokens are JWTs. Access tokens are valid for an hour
    /// unless `access` sets another lifetime.
    pub fn todos(accounts: &AccountService, sessions: &SessionService, access: Option<Duration>) -> Self {
        let access = access.unwrap_or(Duration::from_hours(1));
        let lifetimes = Lifetimes { access, form: RefreshForm::Jwt, ..sessions.lifetimes() };
        Self::new(accounts, sessions, lifetimes)
    }

    /// Services of `/api/auth`. Access tokens are valid for seven days unless `access` sets another
    /// lifetime.
    pub fn tasks(accounts: &AccountService, sessions: &SessionService, access: Option<Duration>) -> Self {
        let access = access.unwrap_or(Duration::from_hours(7 * 24));
        Self::new(accounts, sessions, Lifetimes { access, ..sessions.lifetimes() })
    }

    fn new(accounts: &AccountService, sessions: &SessionService, lifetimes: Lifetimes) -> Self {
        let sessions = sessions.with_lifetimes(lifetimes);
        Self { accounts: accounts.with_sessions(sessions.clone()), sessions }
    }
}
