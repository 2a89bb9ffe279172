//! Which request makes which code in which tree of paths, or why none does.

use api_actix::error::Surface;
use domain::account::HasherError;
use domain::code::ErrorCode;
use domain::session::{RevocationNews, Revoked};
use domain::{Clock as _, StoreError};
use domain_testkit::build::uuid;
use serde_json::json;

use super::request::{Request, Scene, Trial, Who};
use crate::world::PASSWORD;

/// Why a tree of paths never answers with a code.
pub type Reason = &'static str;

/// The trees of paths of the contracts beside v1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tree {
    /// `/auth`
    Auth,
    /// `/todos`
    Todos,
    /// `/api/auth`
    SignIn,
    /// `/api/tasks`
    Tasks,
    /// `/api/{user_id}/tasks`
    UserTasks,
}

impl Tree {
    pub const ALL: [Self; 5] = [Self::Auth, Self::Todos, Self::SignIn, Self::Tasks, Self::UserTasks];

    pub const fn surface(self) -> Surface {
        match self {
            Self::Auth | Self::Todos => Surface::Todos,
            Self::SignIn | Self::Tasks | Self::UserTasks => Surface::Tasks,
        }
    }

    /// With what its paths begin in the document.
    pub const fn root(self) -> &'static str {
        match self {
            Self::Auth => "/auth",
            Self::Todos => "/todos",
            Self::SignIn => "/api/auth",
            Self::Tasks => "/api/tasks",
            Self::UserTasks => "/api/{user_id}/tasks",
        }
    }

    /// A good request with a body that has to be there.
    fn any(self) -> Request {
        let title = json!({"title": "Buy bread"});
        match self {
            Self::Auth => {
                let body = json!({"current_password": PASSWORD, "new_password": "Giraffe-Spot-8"});
                Request::post("/auth/change-password", body).by(Who::Ann)
            }
            Self::SignIn => Request::post("/api/auth/signup", account("new@example.com")),
            Self::Todos => Request::post("/todos", title).by(Who::Ann),
            Self::Tasks => Request::post("/api/tasks", title).by(Who::Ann),
            Self::UserTasks => Request::post("/api/{user}/tasks", title).by(Who::Ann),
        }
    }

    /// A member of that body that has to be a string.
    const fn member(self) -> &'static str {
        match self {
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
            Self::Auth => Ok(Request::post("/auth/register", account("new@example.com"))),
            Self::SignIn => Ok(self.any()),
            Self::Todos | Self::Tasks | Self::UserTasks => Err("makes no accounts"),
        }
    }

    fn log_in(self) -> Result<Request, Reason> {
        match self {
            Self::Auth => Ok(Request::post("/auth/login", account("ann@example.com"))),
            Self::SignIn => Ok(Request::post("/api/auth/signin", account("ann@example.com"))),
            Self::Todos | Self::Tasks | Self::UserTasks => Err("logs nobody in"),
        }
    }

    fn password_change(self) -> Result<Request, Reason> {
        if self == Self::Auth { Ok(self.any()) } else { Err("changes no passwords") }
    }

    fn creation(self) -> Result<Request, Reason> {
        match self {
            Self::Auth | Self::SignIn => Err("has no todos"),
            Self::Todos | Self::Tasks | Self::UserTasks => Ok(self.any()),
        }
    }
}

fn account(email: &str) -> serde_json::Value {
    json!({"email": email, "password": PASSWORD})
}

/// What makes `tree` answer with `code`.
pub fn trial(code: ErrorCode, tree: Tree) -> Result<Trial, Reason> {
    use ErrorCode as C;
    Ok(match code {
        C::CredentialsWrong => tree.log_in()?.with("password", "wrong").into(),
        C::AccessTokenExpired => tree.secured()?.after(|scene| scene.wait_hours(2)),
        C::RefreshTokenExpired if tree == Tree::Auth => {
            let refresh = |scene: &Scene| json!({"refresh_token": scene.ann.refresh});
            Request::post_of("/auth/refresh", refresh).after(|scene| scene.wait_hours(8 * 24))
        }
        C::RefreshTokenExpired => return Err("takes no refresh tokens"),
        C::TokenRevoked => tree.secured()?.after(|scene| scene.revoke(Revoked::User(scene.ann.user_id()))),
        C::TokenMalformed => tree.secured()?.by(Who::Nonsense).into(),
        C::TokenNotTrusted => tree.secured()?.by(Who::Forger).into(),
        C::AccountGone => tree.log_in().or_else(|_| tree.secured())?.after(disable),
        C::OneTimeTokenInvalid => return Err("takes no one-time tokens"),
        C::IdentityTaken | C::ProviderFailed => return Err("knows no OAuth providers"),
        C::NotYours => match tree {
            Tree::Todos => Request::get("/todos/{uuid}").by(Who::Bob).into(),
            Tree::UserTasks => Request::get("/api/{user}/tasks").by(Who::Bob).into(),
            Tree::Tasks => return Err("another user's task is none"),
            Tree::Auth | Tree::SignIn => return Err("names nothing that is somebody's"),
        },
        C::ScopeMissing => match tree.secured() {
            Ok(request) => request.by(Who::Scopeless).into(),
            Err(_) => Request::preflight("/api/auth/signup", "https://evil.example").into(),
        },
        C::EmailInvalid => tree.registration()?.with("email", "ann").into(),
        C::PasswordWeak => tree.registration()?.with("password", "short").into(),
        C::EmailTaken => tree.registration()?.with("email", "ANN@example.com").into(),
        C::FieldRequired => tree.any().with(tree.member(), json!(null)).into(),
        C::ValueTooLong => match tree {
            Tree::Auth => return Err("what is too long is no address, password or token"),
            Tree::SignIn => tree.any().with("name", "n".repeat(101)).into(),
            Tree::Todos | Tree::Tasks | Tree::UserTasks => tree.any().with("title", "t".repeat(501)).into(),
        },
        C::ValueInvalid => tree.any().with(tree.member(), 7).into(),
        C::CurrentPasswordWrong => tree.password_change()?.with("current_password", "wrong").into(),
        C::PasswordUnchanged => tree.password_change()?.with("new_password", PASSWORD).into(),
        C::BodyNotJson => tree.any().raw("{").into(),
        C::TooLarge => tree.any().with(tree.member(), "t".repeat(3 * 1024 * 1024)).into(),
        C::ContentTypeWrong => tree.any().typed("text/plain").into(),
        C::TodoNotFound => match tree {
            Tree::Auth | Tree::SignIn => return Err("has no todos"),
            Tree::Todos => Request::get(&format!("/todos/{}", uuid())).by(Who::Ann).into(),
            Tree::Tasks => Request::get("/api/tasks/999999").by(Who::Ann).into(),
            Tree::UserTasks => Request::get("/api/{user}/tasks/999999").by(Who::Ann).into(),
        },
        C::ResourceNotFound => return Err("names no users, devices or providers"),
        C::RouteNotFound => {
            let root = tree.root().replace("{user_id}", "{user}");
            Request::get(&format!("{root}/no/such/route")).into()
        }
        C::VersionMismatch | C::PreconditionFailed => return Err("knows no versions"),
        C::IdInUse => return Err("takes no ids from clients"),
        C::QuotaReached => tree.creation()?.into(),
        C::ResyncRequired => return Err("knows no cursors"),
        C::RateLimited => tree.any().after(|scene| scene.world.gate.close()),
        C::DatabaseUnavailable => tree.any().after(|scene| scene.world.store.set_available(false)),
        C::Unexpected => tree.any().after(|scene| scene.world.store.fail_with(Some(corrupt))),
        C::RevocationsUnknown => tree.secured()?.after(|scene| scene.wait_unheard_seconds(11)),
        C::HashingFailed => match tree {
            Tree::Auth | Tree::SignIn => {
                tree.registration()?.after(|scene| scene.world.hasher.fail_with(broken))
            }
            Tree::Todos | Tree::Tasks | Tree::UserTasks => return Err("hashes no passwords"),
        },
    })
}

fn disable(scene: &Scene) {
    let ann = scene.ann.user_id();
    scene.world.store.set_active(ann, false);
    let news = RevocationNews { disabled: vec![ann], ..RevocationNews::default() };
    scene.world.revocations.refresh(&news, scene.world.clock.reading());
}

fn corrupt() -> StoreError {
    StoreError::corrupt("todos", "secret_column", "nonsense")
}

fn broken() -> HasherError {
    HasherError::Failed("secret salt".to_owned())
}
