//! The OpenAPI 3.1 document: the declarations of the handlers, and the parts that all operations
//! share.

mod examples;
mod finish;
mod methods;
mod texts;

use std::sync::LazyLock;

use actix_web::App;
use actix_web::web::Bytes;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{ContactBuilder, InfoBuilder, LicenseBuilder, OpenApi, Server};
use utoipa_actix_web::AppExt as _;

use crate::routes;
use crate::schema::DocumentJson;

pub use methods::ROUTE_TABLE;

/// The document in the form in which `/openapi.json` serves it.
pub static DOCUMENT_JSON: DocumentJson =
    LazyLock::new(|| Bytes::from(openapi_document().to_json().unwrap_or_default()));

const DESCRIPTION: &str = "\
A todo list for each user, synchronised between all of the user's devices, which may be offline for a while.

Requests under `/api/v1` need an access token, `Authorization: Bearer <token>`, except those that lead to a login. The server \
ignores unknown members and query parameters. Every error has the same form, the schema `Problem`: `error_code` identifies the \
error, and `details.errors` lists every invalid field.

A WebSocket at `/ws/todos`, opened with the subprotocols `bearer` and the access token, sends changes as they happen. With \
`?since=` it first sends the changes after that timestamp.";

const TAGS: [(&str, &str); 8] = [
    ("Authentication", "Accounts, logins and tokens"),
    ("Users", "The caller's account, devices and data"),
    ("Todos", "Single todos, lists and bulk changes"),
    ("Sync", "Synchronisation of a device with the server"),
    ("Token contract", "Accounts and todos under `/auth` and `/todos`"),
    ("Task contract", "Tasks with integer ids under `/api/tasks`, for tokens of external issuers too"),
    ("User task contract", "Accounts and tasks under `/api/auth` and `/api/{user_id}/tasks`"),
    ("Operations", "Health, metrics, and this document"),
];

/// The document that `/openapi.json` serves.
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
            "An access token from a login or a refresh. It must have the scope of the operation: `todos:read` to read todos, \
             `todos:write` to change them, both to sync, and `account` for everything else.",
        ));
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer.build()));
    finish::finish(&mut document);
    texts::finish(&mut document);
    examples::finish(&mut document);
    document
}
