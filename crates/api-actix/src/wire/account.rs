//! The outcomes of logins and of changes to an account.

use domain::account::{
    AccountService, KeepSession, LoginOutcome, NotVerified, PasswordChangeOutcome, RegistrationOutcome,
};
use domain::code::ErrorCode;
use domain::session::{AuthFailure, Login};
use domain::user::PasswordPolicy;
use metrics::counter;

use super::members::as_is;
use crate::error::Problem;
use crate::extract::{Caller, FieldError, Member, Text, Validation};

/// The email address belongs to another account.
pub fn email_taken() -> Problem {
    FieldError::new(ErrorCode::EmailTaken, "is already registered; log in instead").on("email")
}

/// Returns the new account, or the problem of a refused registration.
pub fn registered<T>(outcome: RegistrationOutcome<T>) -> Result<T, Problem> {
    match outcome {
        RegistrationOutcome::Done(account) => Ok(account),
        RegistrationOutcome::Closed => Err(Problem::registration_closed()),
        RegistrationOutcome::InvitationNeeded => Err(Problem::invitation_needed()),
        RegistrationOutcome::NotInvited => Err(Problem::not_invited()),
        RegistrationOutcome::PasswordsOff => Err(Problem::passwords_off()),
        RegistrationOutcome::EmailTaken => Err(email_taken()),
        RegistrationOutcome::Limited(charge) => Err(charge.into()),
        RegistrationOutcome::Hasher(error) => Err(error.into()),
    }
}

/// Returns the new session, or the problem of a failed login. Counts the login by its outcome.
pub fn logged_in(outcome: LoginOutcome) -> Result<Login, Problem> {
    let label = match outcome {
        LoginOutcome::Done(_) => "done",
        LoginOutcome::Wrong => "wrong",
        LoginOutcome::PasswordsOff => "off",
        LoginOutcome::Disabled => "disabled",
        LoginOutcome::Limited(_) => "limited",
        LoginOutcome::Hasher(_) => "failed",
    };
    counter!("logins_total", "outcome" => label).increment(1);
    match outcome {
        LoginOutcome::Done(login) => Ok(login),
        LoginOutcome::Wrong => {
            Err(Problem::new(ErrorCode::CredentialsWrong, "The email or the password is wrong"))
        }
        LoginOutcome::PasswordsOff => Err(Problem::passwords_off()),
        LoginOutcome::Disabled => Err(Problem::account_disabled()),
        LoginOutcome::Limited(charge) => Err(charge.into()),
        LoginOutcome::Hasher(error) => Err(error.into()),
    }
}

/// Changes the caller's password. `current` and `new` are the members of the body.
pub async fn change_password(
    accounts: &AccountService,
    caller: &Caller,
    (current, new): (Member<Text<'_>>, Member<Text<'_>>),
    policy: PasswordPolicy,
    keep: KeepSession,
) -> Result<(), Problem> {
    let mut validation = Validation::default();
    let current = validation.required("current_password", current, as_is);
    let new = validation.required("new_password", new, as_is);
    let (Some(current), Some(new)) = (current, new) else { return Err(validation.into()) };
    match accounts.change_password(&caller.0, &current.0, &new.0, policy, keep).await? {
        PasswordChangeOutcome::Done => Ok(()),
        PasswordChangeOutcome::NotVerified(reason) => Err(not_verified(reason, "current_password")),
        PasswordChangeOutcome::PasswordsOff => Err(Problem::passwords_off()),
        PasswordChangeOutcome::Unchanged => {
            let error = FieldError::new(ErrorCode::PasswordUnchanged, "is your current password");
            Err(error.on("new_password"))
        }
        PasswordChangeOutcome::Weak(weak) => Err(Validation::of("new_password", &weak).into()),
        PasswordChangeOutcome::Hasher(error) => Err(error.into()),
        PasswordChangeOutcome::NoSuchUser => Err(Problem::account_gone()),
        PasswordChangeOutcome::SessionEnded => Err(AuthFailure::Revoked.into()),
    }
}

/// The problem of a caller whose identity was not confirmed. `field` is the name of the password's
/// member.
pub fn not_verified(reason: NotVerified, field: &'static str) -> Problem {
    match reason {
        NotVerified::Missing => FieldError::required().on(field),
        NotVerified::Wrong => {
            FieldError::new(ErrorCode::CurrentPasswordWrong, "is not your password").on(field)
        }
        NotVerified::Limited(charge) => charge.into(),
        NotVerified::Hasher(error) => error.into(),
        NotVerified::LogInAgain => Problem::log_in_again(),
        NotVerified::TooNew(from) => Problem::login_too_new(from),
    }
}
