//! `/api/v1/auth` and `/api/v1/users`.

mod cookie;
mod devices;
mod disabling;
mod export_and_deletion;
mod invitations;
mod login;
mod login_limits;
mod logout;
mod passwords;
mod profile;
mod proxies;
mod recent_login;
mod refresh;
mod refresh_races;
mod registration;
