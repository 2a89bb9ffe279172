//! The taxonomy of errors that clients see. The status is a property of code and surface and lives in the API.

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal),+ $(,)?) => {
        /// A stable code that names the reason of a refusal.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum ErrorCode { $($(#[$doc])* $name),+ }

        impl ErrorCode {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The code as it stands in `error_code`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code),+ }
            }
        }
    };
}

codes! {
    /// Unknown email or wrong password, indistinguishably.
    CredentialsWrong = "AUTH_001",
    /// The access token's time is over.
    AccessTokenExpired = "AUTH_002",
    /// The refresh token's time is over.
    RefreshTokenExpired = "AUTH_003",
    /// The token or its session is revoked, or a refresh token was used again.
    TokenRevoked = "AUTH_004",
    /// A token is missing or malformed.
    TokenMalformed = "AUTH_005",
    /// Wrong signature, algorithm, issuer or audience.
    TokenNotTrusted = "AUTH_006",
    /// The account is gone or disabled.
    AccountGone = "AUTH_007",
    /// A one-time token is unknown, used or expired.
    OneTimeTokenInvalid = "AUTH_008",
    /// An OAuth identity belongs to another account, or must be linked from a logged-in session.
    IdentityTaken = "AUTH_009",
    /// An OAuth provider failed or refused.
    ProviderFailed = "AUTH_010",
    /// Another user's resource.
    NotYours = "AUTHZ_001",
    /// Any other missing permission.
    ScopeMissing = "AUTHZ_002",
    /// Email missing or malformed.
    EmailInvalid = "VALIDATION_001",
    /// Password too weak, or over 72 bytes.
    PasswordWeak = "VALIDATION_002",
    /// Email already registered.
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
    /// No such route, or not with this method.
    RouteNotFound = "RESOURCE_003",
    /// The version in the body is not the current one.
    VersionMismatch = "CONFLICT_001",
    /// `If-Match` did not match.
    PreconditionFailed = "CONFLICT_002",
    /// The id is in use with other content.
    IdInUse = "CONFLICT_003",
    /// The user's todo quota is reached.
    QuotaReached = "QUOTA_001",
    /// The cursor can't be continued: full resync needed.
    ResyncRequired = "SYNC_001",
    /// Too many requests.
    RateLimited = "RATE_001",
    /// The database is unavailable.
    DatabaseUnavailable = "SERVER_001",
    /// Anything unexpected.
    Unexpected = "SERVER_002",
    /// Revocations can't be checked: closed.
    RevocationsUnknown = "SERVER_003",
    /// Password hashing failed.
    HashingFailed = "SERVER_004",
}
