//! What a developer on the server's machine may do without limits.

use std::sync::Arc;

use domain::account::{AccountService, MailOutcome, RegistrationOutcome};
use domain::limits::Quotas;
use domain::mail::Template;
use domain::session::Device;
use domain::user::{NewPassword, PasswordPolicy};
use domain_testkit::PlainHasher;
use domain_testkit::build::email;

use crate::services::{ANN, ANSWERS, OLD, Services};

/// Whether a registration and a request for an email are limited, and each is carried out if it is not.
async fn limited(accounts: &AccountService) -> (bool, bool) {
    let ip = Some([192, 0, 2, 1].into());
    let password = NewPassword::parse(OLD, None, PasswordPolicy::default()).expect("it is strong");
    let device = Device { ip, ..Device::default() };
    let registration = match accounts.sign_up(email(ANN), password, None, &device).await.expect(ANSWERS) {
        RegistrationOutcome::Done(_) => false,
        RegistrationOutcome::Limited(_) => true,
        other => panic!("{other:?}"),
    };
    let mail = match accounts.forgot_password(&email(ANN), ip).await.expect(ANSWERS) {
        MailOutcome::Accepted => false,
        MailOutcome::Limited(_) => true,
        other => panic!("{other:?}"),
    };
    (registration, mail)
}

#[tokio::test]
async fn a_developer_registers_and_asks_for_emails_without_limits() {
    let services = Services::new();
    let accounts = services.accounts_with(Arc::new(PlainHasher::default()), Some(Quotas::default()));
    assert_eq!(limited(&accounts).await, (true, true));
    assert!(services.mails().await.is_empty());

    assert_eq!(limited(&accounts.without_mail_limits()).await, (false, false));
    let mut templates: Vec<_> = services.mails().await.iter().map(|mail| mail.template.as_str()).collect();
    templates.sort_unstable();
    assert_eq!(templates, [Template::ResetPassword.as_str(), Template::VerifyEmail.as_str()]);
    assert_eq!(limited(&accounts).await, (true, true), "the service itself keeps its limits");
}
