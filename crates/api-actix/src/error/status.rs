//! The status of each code on each surface: the one table.

use actix_web::http::StatusCode;
use domain::code::ErrorCode;

/// One of the HTTP contracts over the same domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Surface {
    /// `/api/v1` and the operational endpoints.
    V1,
    /// `/auth` and `/todos`.
    Todos,
    /// `/api/tasks` and `/api/{user_id}/tasks`.
    Tasks,
}

impl Surface {
    /// Every surface.
    pub const ALL: [Self; 3] = [Self::V1, Self::Todos, Self::Tasks];
}

/// The status that `code` has on `surface`. A wrong method on a known route is told apart by
/// [`Problem::wrong_method`](super::Problem::wrong_method), as it shares its code with an unknown route.
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
        C::DatabaseUnavailable | C::RevocationsUnknown => {
            if matches!(surface, Surface::V1) {
                StatusCode::SERVICE_UNAVAILABLE
            } else {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
        C::Unexpected | C::HashingFailed => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// code, v1, todos, tasks
    const TABLE: &[(&str, u16, u16, u16)] = &[
        ("AUTH_001", 401, 401, 401),
        ("AUTH_002", 401, 401, 401),
        ("AUTH_003", 401, 401, 401),
        ("AUTH_004", 401, 401, 401),
        ("AUTH_005", 401, 401, 401),
        ("AUTH_006", 401, 401, 401),
        ("AUTH_007", 401, 401, 401),
        ("AUTH_008", 400, 400, 400),
        ("AUTH_009", 409, 409, 409),
        ("AUTH_010", 502, 502, 502),
        ("AUTHZ_001", 403, 403, 403),
        ("AUTHZ_002", 403, 403, 403),
        ("VALIDATION_001", 422, 422, 400),
        ("VALIDATION_002", 422, 422, 400),
        ("VALIDATION_003", 409, 422, 400),
        ("VALIDATION_004", 422, 422, 400),
        ("VALIDATION_005", 422, 422, 400),
        ("VALIDATION_006", 422, 422, 400),
        ("VALIDATION_007", 422, 422, 400),
        ("VALIDATION_008", 422, 422, 400),
        ("VALIDATION_009", 400, 400, 400),
        ("VALIDATION_010", 413, 413, 413),
        ("VALIDATION_011", 415, 415, 415),
        ("RESOURCE_001", 404, 404, 404),
        ("RESOURCE_002", 404, 404, 404),
        ("RESOURCE_003", 404, 404, 404),
        ("CONFLICT_001", 409, 409, 409),
        ("CONFLICT_002", 412, 412, 412),
        ("CONFLICT_003", 409, 409, 409),
        ("QUOTA_001", 409, 409, 409),
        ("SYNC_001", 410, 410, 410),
        ("RATE_001", 429, 429, 429),
        ("SERVER_001", 503, 500, 500),
        ("SERVER_002", 500, 500, 500),
        ("SERVER_003", 503, 500, 500),
        ("SERVER_004", 500, 500, 500),
    ];

    #[test]
    fn every_code_has_the_status_that_the_contract_gives_it_on_every_surface() {
        assert_eq!(TABLE.len(), ErrorCode::ALL.len());
        for (code, row) in ErrorCode::ALL.iter().zip(TABLE) {
            assert_eq!(code.as_str(), row.0);
            let found = Surface::ALL.map(|surface| status(*code, surface).as_u16());
            assert_eq!(found, [row.1, row.2, row.3], "{}", row.0);
        }
    }
}
