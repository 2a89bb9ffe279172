//! The OpenAPI 3.1 document: what the handlers declare, and what is the same for all of them.

mod examples;
mod finish;
mod texts;

use actix_web::App;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{ContactBuilder, InfoBuilder, LicenseBuilder, OpenApi, Server};
use utoipa_actix_web::AppExt as _;

use crate::routes;

const DESCRIPTION: &str = "\
Todo lists that follow their owner over all devices, offline too.

Requests under `/api/v1` need an access token, `Authorization: Bearer <token>`, but for those that give one or lead to it. \
Unknown members and query parameters of a request are ignored. A refusal or failure has one form, the schema `Problem`, in which \
`error_code` tells what it is and `details.errors` names every bad field.

Changes also arrive live: a WebSocket at `/ws/todos`, with the subprotocols `bearer` and the access token, first replays what changed \
after `?since=` and then tells every change of the user's todos.";

const TAGS: [(&str, &str); 8] = [
    ("Authentication", "Accounts, logins and their tokens"),
    ("Users", "The own account"),
    ("Todos", "Todos one by one, as a list, and in bulk"),
    ("Sync", "The exchange between a device and the server"),
    ("Token contract", "Accounts and todos under `/auth` and `/todos`"),
    ("Task contract", "Tasks with integer ids under `/api/tasks`, for tokens of external issuers too"),
    ("User task contract", "Accounts and tasks under `/api/auth` and `/api/{user_id}/tasks`"),
    ("Operations", "Health, figures, and this document"),
];

/// The whole document, as `/openapi.json` serves it.
#[must_use]
pub fn openapi_document() -> OpenApi {
    let (_, mut document) = App::new().into_utoipa_app().configure(routes::configure).split_for_parts();
    let contact = ContactBuilder::new().name(Some("The maintainers"));
    let license = LicenseBuilder::new().name("MIT OR Apache-2.0").identifier(Some("MIT OR Apache-2.0"));
    document.info = InfoBuilder::new()
        .title("Todo sync")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(DESCRIPTION))
        .contact(Some(contact.build()))
        .license(Some(license.build()))
        .build();
    document.servers = Some(vec![Server::new("/")]);
    let tag = |(name, description)| TagBuilder::new().name(name).description(Some(description)).build();
    document.tags = Some(TAGS.map(tag).into());
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some(
            "An access token, as login and refresh give it. Its scope has to allow the operation: `todos:read` to read todos, \
             `todos:write` to change them, both to sync, and `account` for everything else.",
        ));
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer.build()));
    finish::finish(&mut document);
    texts::finish(&mut document);
    examples::finish(&mut document);
    document
}
