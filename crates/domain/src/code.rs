//! The taxonomy of errors that clients see. The status is a property of code and surface and lives in the API.

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal),+ $(,)?) => {
        /// A stable code that names the reason of a refusal.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum ErrorCode { $($(#[doc = $doc])+ $name),+ }

        impl ErrorCode {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The code as it stands in `error_code`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code),+ }
            }

            /// What it means, in a line of Markdown.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+).trim_ascii()),+ }
            }
        }
    };
}

codes! {
    /// Unknown email or wrong password; which of them is not told.
    CredentialsWrong = "AUTH_001",
    /// The access token has expired; a refresh gives the next.
    AccessTokenExpired = "AUTH_002",
    /// The refresh token has expired; log in again.
    RefreshTokenExpired = "AUTH_003",
    /// The token or its session has been ended, or a refresh token was used a second time; log in again.
    TokenRevoked = "AUTH_004",
    /// A token is missing or malformed.
    TokenMalformed = "AUTH_005",
    /// The token's signature, algorithm, issuer or audience is not one that this server trusts.
    TokenNotTrusted = "AUTH_006",
    /// The account is gone or disabled.
    AccountGone = "AUTH_007",
    /// A token or code that is good once (of a mail or a login with a provider) is unknown, used or expired.
    OneTimeTokenInvalid = "AUTH_008",
    /// The provider's identity belongs to another account, or has to be linked by a user who is logged in.
    IdentityTaken = "AUTH_009",
    /// The provider failed, or refused the login.
    ProviderFailed = "AUTH_010",
    /// It belongs to another user.
    NotYours = "AUTHZ_001",
    /// Not permitted for another reason: the token's scope, the page's origin, the last way to log in.
    ScopeMissing = "AUTHZ_002",
    /// The email is missing or malformed.
    EmailInvalid = "VALIDATION_001",
    /// The password is too weak, or longer than 72 bytes.
    PasswordWeak = "VALIDATION_002",
    /// The email is registered already.
    EmailTaken = "VALIDATION_003",
    /// A required field is missing or blank.
    FieldRequired = "VALIDATION_004",
    /// A value is too long.
    ValueTooLong = "VALIDATION_005",
    /// A value is not one of the allowed ones, or of the wrong type or format.
    ValueInvalid = "VALIDATION_006",
    /// The current password is wrong.
    CurrentPasswordWrong = "VALIDATION_007",
    /// The new password is the current one.
    PasswordUnchanged = "VALIDATION_008",
    /// The body is not JSON, or not UTF-8.
    BodyNotJson = "VALIDATION_009",
    /// The body or batch is too large.
    TooLarge = "VALIDATION_010",
    /// The content type is not JSON.
    ContentTypeWrong = "VALIDATION_011",
    /// No such todo.
    TodoNotFound = "RESOURCE_001",
    /// No such user, device or provider.
    ResourceNotFound = "RESOURCE_002",
    /// No such path; with status 405, not with this method (`Allow` names those that there are).
    RouteNotFound = "RESOURCE_003",
    /// The version named is not the current one; `details` shows the server's todo.
    VersionMismatch = "CONFLICT_001",
    /// `If-Match` did not match; `details` shows the server's todo.
    PreconditionFailed = "CONFLICT_002",
    /// The id is in use with other content.
    IdInUse = "CONFLICT_003",
    /// The user's todo quota is reached.
    QuotaReached = "QUOTA_001",
    /// The sync cursor can't be continued; sync from the beginning.
    ResyncRequired = "SYNC_001",
    /// Too many requests; `Retry-After` says when to try again.
    RateLimited = "RATE_001",
    /// The database is unavailable; `Retry-After` says when to try again, and a repeat is safe.
    DatabaseUnavailable = "SERVER_001",
    /// Anything unexpected; the server's log has it under the `request_id`.
    Unexpected = "SERVER_002",
    /// It can't be checked whether the session has ended, so nobody is let in; `Retry-After` says when to try again.
    RevocationsUnknown = "SERVER_003",
    /// The password could not be hashed.
    HashingFailed = "SERVER_004",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_meaning_that_fits_a_row_of_a_table() {
        assert_eq!(ErrorCode::EmailTaken.meaning(), "The email is registered already.");
        for code in ErrorCode::ALL {
            let meaning = code.meaning();
            assert!(meaning.ends_with('.') && !meaning.contains(['\n', '|']), "{meaning}");
        }
    }
}
