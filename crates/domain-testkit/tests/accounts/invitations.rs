//! Invitations: an operator makes them, and they let one address register once.

use std::time::Duration;

use domain::account::{AccessPolicy, Invitation, LoginOutcome, Registration, RegistrationOutcome};
use domain::session::Device;
use domain::user::{NewPassword, PasswordPolicy, User};
use domain_testkit::build::{T0, email};

use crate::services::{ANN, ANSWERS, NEW, OLD, Services};

const WEEK: Duration = Duration::from_hours(7 * 24);

async fn invite(services: &Services, address: &str) -> Option<Invitation> {
    services.administration().invite(&email(address)).await.expect(ANSWERS)
}

/// Registers where registration is by invitation.
async fn register(
    services: &Services,
    address: &str,
    invitation: Option<&str>,
) -> RegistrationOutcome<Box<User>> {
    let policy = AccessPolicy { registration: Registration::Invite, ..AccessPolicy::default() };
    let accounts = services.accounts().with_policy(policy);
    let password = NewPassword::parse(OLD, None, PasswordPolicy::default()).expect("it is strong");
    accounts.sign_up(email(address), password, invitation, &Device::default()).await.expect(ANSWERS)
}

#[tokio::test]
async fn an_invitation_registers_its_address_once() {
    let services = Services::new();
    let invitation = invite(&services, ANN).await.expect("the address is free");
    assert_eq!(invitation.expires_at, T0.plus(WEEK));
    assert!(services.mails().await.is_empty(), "the operator hands the link over");

    let registered = register(&services, "ANN@example.com", Some(&invitation.token)).await;
    let RegistrationOutcome::Done(user) = registered else { panic!("{registered:?}") };
    assert!(!user.email_verified, "whoever holds the invitation may not read the mailbox");
    let again = register(&services, ANN, Some(&invitation.token)).await;
    assert!(matches!(again, RegistrationOutcome::NotInvited), "{again:?}");
    assert!(matches!(services.log_in(ANN, OLD).await, LoginOutcome::Done(_)));
}

#[tokio::test]
async fn an_invitation_is_good_for_its_own_address_alone() {
    let services = Services::new();
    let invitation = invite(&services, ANN).await.expect("the address is free");
    let token = Some(invitation.token.as_str());
    let other = register(&services, "bob@example.com", token).await;
    assert!(matches!(other, RegistrationOutcome::NotInvited), "{other:?}");
    assert!(matches!(register(&services, ANN, Some(NEW)).await, RegistrationOutcome::NotInvited));
    assert!(matches!(register(&services, ANN, None).await, RegistrationOutcome::InvitationNeeded));
    // None of the refusals uses it up.
    assert!(matches!(register(&services, ANN, token).await, RegistrationOutcome::Done(_)));
}

#[tokio::test]
async fn an_invitation_is_good_until_it_expires() {
    let day = Duration::from_hours(24);
    for (after, good) in [(6 * day, true), (WEEK, false)] {
        let services = Services::new();
        let invitation = invite(&services, ANN).await.expect("the address is free");
        services.clock.advance(after);
        let outcome = register(&services, ANN, Some(&invitation.token)).await;
        assert_eq!(matches!(outcome, RegistrationOutcome::Done(_)), good, "after {after:?}: {outcome:?}");
    }
}

#[tokio::test]
async fn two_invitations_of_one_address_create_one_account() {
    let services = Services::new();
    let first = invite(&services, ANN).await.expect("the address is free");
    let second = invite(&services, ANN).await.expect("the address is still free");
    assert!(matches!(register(&services, ANN, Some(&second.token)).await, RegistrationOutcome::Done(_)));
    let late = register(&services, ANN, Some(&first.token)).await;
    assert!(matches!(late, RegistrationOutcome::EmailTaken), "{late:?}");
}

#[tokio::test]
async fn nobody_with_an_account_is_invited() {
    let services = Services::new();
    services.register(ANN).await;
    assert!(invite(&services, "Ann@example.com").await.is_none());
}
