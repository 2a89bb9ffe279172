//! What a test may change before the API is built.

use std::sync::Arc;

use api_actix::ApiSettings;
use api_actix::per_user_gate::PerUserGate;
use api_actix::realtime::Heartbeat;
use domain::Clock;
use domain::account::AccessPolicy;
use domain::limits::Quotas;
use domain::session::Revocations;
use domain::todo::{StorageLimits, TodoStore};
use domain_testkit::{ManualClock, MemoryStore};

use super::Limits;

/// An allowed origin.
pub const ORIGIN: &str = "https://app.example.com";
/// The password of every user here.
pub const PASSWORD: &str = "Zebra-Stripe-7";

type WrapClock = Box<dyn FnOnce(Arc<ManualClock>, Arc<Revocations>) -> Arc<dyn Clock>>;

/// What a test may change before the API is built.
pub struct Setup {
    pub settings: ApiSettings,
    /// The quotas; `None` limits nothing.
    pub quotas: Option<Quotas>,
    pub limits: Limits,
    pub storage: StorageLimits,
    pub turns: PerUserGate,
    pub heartbeat: Heartbeat,
    pub access: AccessPolicy,
    /// Whether Redis works; `None` if there is none.
    pub redis: Option<bool>,
    /// Wraps the store for syncs, sockets and exports.
    pub store: fn(Arc<MemoryStore>) -> Arc<dyn TodoStore>,
    /// Wraps the clock of the API and of authentication; the other services keep the plain one.
    pub clock: WrapClock,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            settings: settings(),
            quotas: Some(Quotas::default()),
            limits: Limits::GrantAll,
            storage: StorageLimits { live: 20_000, ..StorageLimits::default() },
            turns: PerUserGate::default(),
            heartbeat: Heartbeat::default(),
            access: AccessPolicy::default(),
            redis: None,
            store: |store| store,
            clock: Box::new(|clock, _| clock),
        }
    }
}

/// The settings of a [`Setup`] that changes none.
pub fn settings() -> ApiSettings {
    ApiSettings {
        allowed_origins: vec![ORIGIN.to_owned()],
        frontend_url: format!("{ORIGIN}/home"),
        ..ApiSettings::default()
    }
}
