//! What the commands print: lines for a person, or JSON.

use domain::Stamp;
use domain::user::{DisplayName, Email, User};
use serde_json::{Value, json};

use crate::commands::print;

pub fn print_either(json: bool, value: impl Fn() -> Value, text: impl Fn() -> String) {
    if json { print(value()) } else { print(text()) }
}

pub fn shown(user: &User) -> Value {
    json!({
        "id": user.id.to_string(),
        "email": user.email.as_ref().map(Email::as_str),
        "email_verified": user.email_verified,
        "display_name": user.display_name.as_ref().map(DisplayName::as_str),
        "active": user.is_active,
        "created_at": user.created_at.to_rfc3339(),
        "last_login_at": user.last_login_at.map(Stamp::to_rfc3339),
    })
}

pub fn print_user(user: &User, json: bool) {
    if json {
        print(shown(user));
        return;
    }
    let email = user.email.as_ref().map_or("without an address", Email::as_str);
    let verified = if user.email_verified { "verified" } else { "not verified" };
    let active = if user.is_active { "" } else { ", disabled" };
    print(format_args!("{} {email} ({verified}{active})", user.id));
}
