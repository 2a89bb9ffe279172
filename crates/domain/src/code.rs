//! The error codes that clients see. The HTTP status depends on code and contract, and belongs to
//! the API.

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal),+ $(,)?) => {
        /// A stable code that names the reason of a refusal.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum ErrorCode { $($(#[doc = $doc])+ $name),+ }

        impl ErrorCode {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The value of `error_code`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code),+ }
            }

            /// The meaning in one line of Markdown.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+).trim_ascii()),+ }
            }
        }
    };
}

codes! {
    /// The email is unknown or the password is wrong; the answer does not say which.
    CredentialsWrong = "AUTH_001",
    /// The access token has expired; refresh it.
    AccessTokenExpired = "AUTH_002",
    /// The refresh token has expired; log in again.
    RefreshTokenExpired = "AUTH_003",
    /// The token or its session was revoked, or a refresh token was used a second time; log in
    /// again.
    TokenRevoked = "AUTH_004",
    /// A token is missing or malformed.
    TokenMalformed = "AUTH_005",
    /// The token's signature, algorithm, issuer or audience is not one that this server trusts.
    TokenNotTrusted = "AUTH_006",
    /// The account was deleted or is disabled.
    AccountGone = "AUTH_007",
    /// A one-time token or code, from an email or a provider login, is unknown, used or expired.
    OneTimeTokenInvalid = "AUTH_008",
    /// The provider's identity belongs to another account, or a logged-in user has to link it.
    IdentityTaken = "AUTH_009",
    /// The provider failed, or refused the login.
    ProviderFailed = "AUTH_010",
    /// The resource belongs to another user.
    NotYours = "AUTHZ_001",
    /// Not permitted for another reason: the token's scope, the page's origin, or the removal of
    /// the last way to log in.
    ScopeMissing = "AUTHZ_002",
    /// The email is missing or malformed.
    EmailInvalid = "VALIDATION_001",
    /// The password is too weak, or longer than 72 bytes.
    PasswordWeak = "VALIDATION_002",
    /// The email is already registered.
    EmailTaken = "VALIDATION_003",
    /// A required field is missing or blank.
    FieldRequired = "VALIDATION_004",
    /// A value is too long.
    ValueTooLong = "VALIDATION_005",
    /// A value has the wrong type or format, or is not one of the allowed values.
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
    /// No such path. With status 405, the path does not support the method; `Allow` lists the
    /// methods that it supports.
    RouteNotFound = "RESOURCE_003",
    /// The named version is not the current one; `details` shows the server's todo.
    VersionMismatch = "CONFLICT_001",
    /// `If-Match` did not match; `details` shows the server's todo.
    PreconditionFailed = "CONFLICT_002",
    /// The id is in use by a todo with other content.
    IdInUse = "CONFLICT_003",
    /// The user's quota of todos or of stored text is reached. `details.max` has the limit.
    QuotaReached = "QUOTA_001",
    /// The sync cursor can't be continued; sync from the beginning.
    ResyncRequired = "SYNC_001",
    /// Too many requests; `Retry-After` says when to try again.
    RateLimited = "RATE_001",
    /// The database is unavailable; `Retry-After` says when to try again. A request that writes may have been carried out.
    DatabaseUnavailable = "SERVER_001",
    /// An unexpected error; the server's log has it under the `request_id`.
    Unexpected = "SERVER_002",
    /// The server can't check the token now: whether its session was revoked, or who signed it.
    /// `Retry-After` says when to try again.
    TokenNotVerifiable = "SERVER_003",
    /// The password could not be hashed.
    HashingFailed = "SERVER_004",
    /// This server sends no mail, which the request is for.
    MailOff = "SERVER_005",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_meaning_that_fits_a_row_of_a_table() {
        assert_eq!(ErrorCode::EmailTaken.meaning(), "The email is already registered.");
        for code in ErrorCode::ALL {
            let meaning = code.meaning();
            assert!(meaning.ends_with('.') && !meaning.contains(['\n', '|']), "{meaning}");
        }
    }
}
