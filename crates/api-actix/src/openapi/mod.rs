//! The OpenAPI 3.1 document: the declarations of the handlers, and the parts that all operations
//! share.

mod asyncapi;
mod components;
mod contracts;
mod examples;
mod finish;
mod methods;
mod problems;
mod texts;

use std::collections::BTreeMap;

use actix_web::App;
use actix_web::web::Bytes;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{ContactBuilder, InfoBuilder, LicenseBuilder, OpenApi, Server};
use utoipa_actix_web::AppExt as _;

use contracts::CONTRACTS;

use crate::routes;
use crate::schema::Documents;
use crate::settings::ApiSettings;

pub use methods::ROUTE_TABLE;

/// The documents of a server at `public_url`, for `/openapi.json` and its siblings.
pub fn documents(public_url: String) -> Documents {
    Documents::new(move || {
        let whole = document_at(&public_url);
        let contracts = CONTRACTS.iter().map(|contract| (contract.name, contract.document(whole.clone())));
        let mut documents: BTreeMap<_, _> = contracts
            .chain([("openapi", whole.clone())])
            .map(|(name, document)| (name, Bytes::from(document.to_json().unwrap_or_default())))
            .collect();
        documents.insert("asyncapi", asyncapi::document(&whole, &public_url).to_string().into());
        documents
    })
}

/// The AsyncAPI document of a server on this machine.
#[must_use]
pub fn asyncapi_document() -> serde_json::Value {
    asyncapi::document(&openapi_document(), &ApiSettings::default().public_url)
}

const DESCRIPTION: &str = "\
A todo list for each user, synchronised between all of the user's devices, which may be offline for a while.

Requests under `/api/v1` need an access token, `Authorization: Bearer <token>`, except those that lead to a login. The server \
ignores unknown members and query parameters. Every error has the same form, the schema `Problem`: `error_code` identifies the \
error, and `details.errors` lists every invalid field.

In a request, null says the same as leaving the member out, with two exceptions: `description: null` removes the description, and in \
`metadata` a null removes its key. In a response, every member is present, and null means that there is no value.

A WebSocket at `/ws/todos`, opened with the subprotocols `bearer` and the access token, sends changes as they happen. With \
`?since=` it first sends the changes after that timestamp. Its messages are the schema `SocketEvent`, and `/asyncapi.json` describes it.

`/openapi/sync.json`, `/openapi/token.json`, `/openapi/tasks.json` and `/openapi/user-tasks.json` describe one contract each.";

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

/// The whole document of a server on this machine.
#[must_use]
pub fn openapi_document() -> OpenApi {
    document_at(&ApiSettings::default().public_url)
}

fn document_at(public_url: &str) -> OpenApi {
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
    let path = crate::settings::path_of(public_url);
    document.servers = Some(vec![Server::new(if path.is_empty() { "/" } else { path })]);
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
