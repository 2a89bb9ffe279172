//! Which request provokes which code in which area of paths, or why none does.

use api_actix::error::Surface;
use domain::StoreError;
use domain::code::ErrorCode;
use domain::session::Revoked;
use domain::user::HasherError;
use serde_json::{Value, json};

use super::request::{Case, Request, Sender};
use crate::harness::{Limits, PASSWORD};

/// Why an area never answers with a code.
pub type Reason = &'static str;

/// The paths under one root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Area {
    V1,
    Auth,
    Todos,
    SignIn,
    Tasks,
    UserTasks,
}

impl Area {
    pub const ALL: [Self; 6] =
        [Self::V1, Self::Auth, Self::Todos, Self::SignIn, Self::Tasks, Self::UserTasks];

    pub const fn surface(self) -> Surface {
        match self {
            Self::V1 => Surface::V1,
            Self::Auth | Self::Todos => Surface::Todos,
            Self::SignIn | Self::Tasks | Self::UserTasks => Surface::Tasks,
        }
    }

    /// The prefix of its paths in the document.
    pub const fn root(self) -> &'static str {
        match self {
            Self::V1 => "/api/v1",
            Self::Auth => "/auth",
            Self::Todos => "/todos",
            Self::SignIn => "/api/auth",
            Self::Tasks => "/api/tasks",
            Self::UserTasks => "/api/{user_id}/tasks",
        }
    }

    /// A good request with a mandatory body.
    fn any(self) -> Request {
        let todo = json!({self.member(): "Buy bread"});
        match self {
            Self::V1 => Request::post("/api/v1/todos", todo).by(Sender::Ann),
            Self::Auth => Request::post("/auth/change-password", new_password()).by(Sender::Ann),
            Self::SignIn => Request::post("/api/auth/signup", account("new@example.com")),
            Self::Todos => Request::post("/todos", todo).by(Sender::Ann),
            Self::Tasks => Request::post("/api/tasks", todo).by(Sender::Ann),
            Self::UserTasks => Request::post("/api/{user}/tasks", todo).by(Sender::Ann),
        }
    }

    /// A mandatory string in that body.
    const fn member(self) -> &'static str {
        match self {
            Self::V1 => "text",
            Self::Auth => "new_password",
            Self::SignIn => "password",
            Self::Todos | Self::Tasks | Self::UserTasks => "title",
        }
    }

    /// A good request that needs an access token.
    fn secured(self) -> Result<Request, Reason> {
        if self == Self::SignIn { Err("takes no access tokens") } else { Ok(self.any()) }
    }

    fn registration(self) -> Result<Request, Reason> {
        match self {
            Self::V1 => Ok(Request::post("/api/v1/auth/register", account("new@example.com"))),
            Self::Auth => Ok(Request::post("/auth/register", account("new@example.com"))),
            Self::SignIn => Ok(self.any()),
            Self::Todos | Self::Tasks | Self::UserTasks => Err("creates no accounts"),
        }
    }

    fn log_in(self) -> Result<Request, Reason> {
        match self {
            Self::V1 => Ok(Request::post("/api/v1/auth/login", account("ann@example.com"))),
            Self::Auth => Ok(Request::post("/auth/login", account("ann@example.com"))),
            Self::SignIn => Ok(Request::post("/api/auth/signin", account("ann@example.com"))),
            Self::Todos | Self::Tasks | Self::UserTasks => Err("has no login"),
        }
    }

    fn refresh(self) -> Result<Request, Reason> {
        match self {
            Self::V1 => Ok(Request::post("/api/v1/auth/refresh", json!({"refresh_token": "{v1_refresh}"}))),
            Self::Auth => Ok(Request::post("/auth/refresh", json!({"refresh_token": "{refresh}"}))),
            _ => Err("takes no refresh tokens"),
        }
    }

    fn password_change(self) -> Result<Request, Reason> {
        match self {
            Self::V1 => Ok(Request::post("/api/v1/auth/change-password", new_password()).by(Sender::Ann)),
            Self::Auth => Ok(self.any()),
            _ => Err("changes no passwords"),
        }
    }

    fn creation(self) -> Result<Request, Reason> {
        match self {
            Self::Auth | Self::SignIn => Err("has no todos"),
            Self::V1 | Self::Todos | Self::Tasks | Self::UserTasks => Ok(self.any()),
        }
    }

    /// A request of the sync contract for something that the other contracts lack.
    fn v1_only(self, request: Request, reason: Reason) -> Result<Request, Reason> {
        if self == Self::V1 { Ok(request) } else { Err(reason) }
    }
}

fn account(email: &str) -> Value {
    json!({"email": email, "password": PASSWORD})
}

fn new_password() -> Value {
    json!({"current_password": PASSWORD, "new_password": "Giraffe-Spot-8"})
}

/// The request in `area` that is refused with `code`.
pub fn case(code: ErrorCode, area: Area) -> Result<Case, Reason> {
    use ErrorCode as C;
    Ok(match code {
        C::CredentialsWrong => area.log_in()?.with("password", "wrong").into(),
        C::AccessTokenExpired => area.secured()?.after(|scene| scene.pass_hours(2)),
        C::RefreshTokenExpired => area.refresh()?.after(|scene| scene.pass_hours(8 * 24)),
        C::TokenRevoked => {
            area.secured()?.after(|scene| scene.api.revoke(scene.ann.id, Revoked::User(scene.ann.id)))
        }
        C::TokenMalformed => area.secured()?.by(Sender::Malformed).into(),
        C::TokenNotTrusted => area.secured()?.by(Sender::Forger).into(),
        C::AccountGone => {
            area.log_in().or_else(|_| area.secured())?.after(|scene| scene.api.disable(scene.ann.id))
        }
        C::OneTimeTokenInvalid => {
            let registration = area.registration().map_err(|_| "takes no one-time tokens")?;
            registration.by_invitation().with("invitation", "made-up").into()
        }
        C::IdentityTaken => {
            let path = "/api/v1/auth/oauth/acme/callback?state={state}&code=a1%20ann@example.com";
            let request = Request::get(path).header("cookie", "{binding}");
            area.v1_only(request, "knows no OAuth providers")?.into()
        }
        C::ProviderFailed => {
            let request = Request::get("/api/v1/auth/oauth/broken/login");
            area.v1_only(request, "knows no OAuth providers")?.into()
        }
        C::NotYours => match area {
            Area::Todos => Request::get("/todos/{uuid}").by(Sender::Bob).into(),
            Area::UserTasks => Request::get("/api/{user}/tasks").by(Sender::Bob).into(),
            Area::V1 | Area::Tasks => return Err("another user's todo is not found"),
            Area::Auth | Area::SignIn => return Err("its paths name nothing that belongs to a user"),
        },
        C::ScopeMissing => match area.secured() {
            Ok(request) => request.by(Sender::WithoutScopes).into(),
            Err(_) => Request::preflight("/api/auth/signup", "https://evil.example").into(),
        },
        C::EmailInvalid => area.registration()?.with("email", "ann").into(),
        C::PasswordWeak => area.registration()?.with("password", "secret").into(),
        C::EmailTaken => area.registration()?.with("email", "ANN@example.com").into(),
        C::FieldRequired => area.any().with(area.member(), json!(null)).into(),
        C::ValueTooLong => match area {
            Area::Auth => return Err("an overlong address, password or token is malformed or weak"),
            Area::SignIn => area.any().with("name", "n".repeat(101)).into(),
            _ => area.any().with(area.member(), "t".repeat(501)).into(),
        },
        C::ValueInvalid => area.any().with(area.member(), 7).into(),
        C::CurrentPasswordWrong => area.password_change()?.with("current_password", "wrong").into(),
        C::PasswordUnchanged => area.password_change()?.with("new_password", PASSWORD).into(),
        C::BodyNotJson => area.any().raw("{").into(),
        C::TooLarge => area.any().with(area.member(), "t".repeat(3 * 1024 * 1024)).into(),
        C::ContentTypeWrong => area.any().header("content-type", "text/plain").into(),
        C::TodoNotFound => match area {
            Area::Auth | Area::SignIn => return Err("has no todos"),
            Area::V1 => Request::get("/api/v1/todos/{unknown}").by(Sender::Ann).into(),
            Area::Todos => Request::get("/todos/{unknown}").by(Sender::Ann).into(),
            Area::Tasks => Request::get("/api/tasks/999999").by(Sender::Ann).into(),
            Area::UserTasks => Request::get("/api/{user}/tasks/999999").by(Sender::Ann).into(),
        },
        C::ResourceNotFound => {
            let request = Request::delete("/api/v1/users/me/devices/{unknown}").by(Sender::Ann);
            area.v1_only(request, "names no users, devices or providers")?.into()
        }
        C::RouteNotFound => {
            let root = area.root().replace("{user_id}", "{user}");
            Request::get(&format!("{root}/no/such/route")).into()
        }
        C::VersionMismatch => {
            let request = Request::delete("/api/v1/todos/{uuid}?version=9").by(Sender::Ann);
            area.v1_only(request, "knows no versions")?.into()
        }
        C::PreconditionFailed => {
            let request = Request::delete("/api/v1/todos/{uuid}").by(Sender::Ann).header("if-match", "\"9\"");
            area.v1_only(request, "knows no versions")?.into()
        }
        C::IdInUse => {
            let body = json!({"id": "{uuid}", "text": "Buy bread"});
            let request = Request::post("/api/v1/todos", body).by(Sender::Ann);
            area.v1_only(request, "takes no ids from clients")?.into()
        }
        C::QuotaReached => area.creation()?.into(),
        C::ResyncRequired => {
            let ahead = json!({"last_sync": "9998-01-01T00:00:00Z"});
            let request = Request::post("/api/v1/todos/sync", ahead).by(Sender::Ann);
            area.v1_only(request, "knows no cursors")?.into()
        }
        C::RateLimited => area.any().after(|scene| scene.api.limiter.set(Limits::RefuseAll)),
        C::DatabaseUnavailable => area.any().after(|scene| scene.api.store.set_available(false)),
        C::Unexpected => area.any().after(|scene| scene.api.store.fail_with(Some(corrupt))),
        C::TokenNotVerifiable => area.secured()?.after(|scene| scene.pass_seconds_without_revocations(11)),
        C::MailOff => {
            let request = Request::post("/api/v1/auth/forgot-password", json!({"email": "ann@example.com"}));
            area.v1_only(request.without_mail(), "sends no mail")?.into()
        }
        C::HashingFailed => area
            .registration()
            .map_err(|_| "hashes no passwords")?
            .after(|scene| scene.api.hasher.fail_with(broken)),
    })
}

fn corrupt() -> StoreError {
    StoreError::corrupt("todos", "secret_column", "nonsense")
}

fn broken() -> HasherError {
    HasherError::Failed("secret salt".to_owned())
}
