//! The HTTP status of every error code on every surface. This is the only such table in the code; a test
//! compares `docs/errors.md` with it.

use actix_web::http::StatusCode;
use domain::code::ErrorCode;

use crate::surface::Surface;

/// The status of `code` on `surface`. [`Problem::wrong_method`](super::Problem::wrong_method) overrides it
/// with 405: a wrong method shares its code with an unknown route.
#[must_use]
pub const fn status(code: ErrorCode, surface: Surface) -> StatusCode {
    use ErrorCode as C;
    let tasks = matches!(surface, Surface::Tasks);
    match code {
        C::CredentialsWrong
        | C::AccessTokenExpired
        | C::RefreshTokenExpired
        | C::TokenRevoked
        | C::TokenMalformed
        | C::TokenNotTrusted
        | C::AccountGone => StatusCode::UNAUTHORIZED,
        C::OneTimeTokenInvalid | C::BodyNotJson => StatusCode::BAD_REQUEST,
        C::IdentityTaken | C::VersionMismatch | C::IdInUse | C::QuotaReached => StatusCode::CONFLICT,
        C::ProviderFailed => StatusCode::BAD_GATEWAY,
        C::NotYours | C::ScopeMissing => StatusCode::FORBIDDEN,
        C::EmailTaken if matches!(surface, Surface::V1) => StatusCode::CONFLICT,
        C::EmailTaken
        | C::EmailInvalid
        | C::PasswordWeak
        | C::FieldRequired
        | C::ValueTooLong
        | C::ValueInvalid
        | C::CurrentPasswordWrong
        | C::PasswordUnchanged => {
            if tasks {
                StatusCode::BAD_REQUEST
            } else {
                StatusCode::UNPROCESSABLE_ENTITY
            }
        }
        C::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        C::ContentTypeWrong => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        C::TodoNotFound | C::ResourceNotFound | C::RouteNotFound => StatusCode::NOT_FOUND,
        C::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
        C::ResyncRequired => StatusCode::GONE,
        C::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        C::MailOff => StatusCode::SERVICE_UNAVAILABLE,
        C::DatabaseUnavailable | C::TokenNotVerifiable => {
            if matches!(surface, Surface::V1) {
                StatusCode::SERVICE_UNAVAILABLE
            } else {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
        C::Unexpected | C::HashingFailed => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
