//! What operations share: the request id, the error body, and the errors that follow from their inputs.

use utoipa::ToSchema as _;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::request_body::RequestBody;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Content, Header, OpenApi, PathItem, Ref, RefOr, Response, ResponseBuilder, Schema};

use super::problems;
use crate::error::{Details, FieldProblem, ProblemBody, ProblemCode};
use crate::surface::Surface;
use crate::v1;
use crate::{realtime, tasks, todos};

const RETRY_AFTER: (&str, &str) = ("Retry-After", "Seconds to wait before trying again.");
/// The rate limit headers of every response to a request that counted.
const LIMITS: [(&str, &str); 2] = [
    ("RateLimit", "The number of requests left, and the seconds until more are allowed."),
    ("RateLimit-Policy", "The number of requests allowed in a number of seconds."),
];

/// The error responses that operations share: name, status, description.
const SHARED: [(&str, &str, &str); 11] = [
    ("BadRequest", "400", "`VALIDATION_009`: the body is not JSON, or not UTF-8."),
    (
        "InvalidRequest",
        "400",
        "`VALIDATION_…`: `details.errors` lists every invalid field. `VALIDATION_009`: the body is not JSON, or not UTF-8.",
    ),
    (
        "Unauthorized",
        "401",
        "`AUTH_005`: the access token is missing or malformed. `AUTH_002`: the token has expired. `AUTH_004`: its \
         session has ended. `AUTH_006`: the server does not trust the token. `AUTH_007`: the account no longer exists \
         or is disabled.",
    ),
    ("Forbidden", "403", "`AUTHZ_002`: the token lacks the scope, or the web page has a foreign origin."),
    ("NotFound", "404", "`RESOURCE_001`: the todo does not exist."),
    ("PayloadTooLarge", "413", "`VALIDATION_010`: the body or the batch is too large."),
    (
        "UnsupportedMediaType",
        "415",
        "`VALIDATION_011`: the content type is not JSON, or the body is compressed.",
    ),
    ("UnprocessableContent", "422", "`VALIDATION_…`: `details.errors` lists every invalid field."),
    (
        "TooManyRequests",
        "429",
        "`RATE_001`: too many requests in total or at once, or too many unread responses. Wait for `Retry-After`.",
    ),
    (
        "Unavailable",
        "503",
        "`SERVER_001`, `SERVER_003`: the database is unavailable. Wait for `Retry-After`.",
    ),
    (
        "UnavailableFailure",
        "500",
        "`SERVER_001`, `SERVER_003`: the database is unavailable. Wait for `Retry-After`. `SERVER_002`: an unexpected \
         failure.",
    ),
];

/// Completes the document.
pub(super) fn finish(document: &mut OpenApi) {
    let components = document.components.get_or_insert_default();
    let mut schemas = Vec::new();
    for (name, schema) in [
        (ProblemBody::name(), <ProblemBody<'_> as utoipa::PartialSchema>::schema()),
        (Details::name(), <Details as utoipa::PartialSchema>::schema()),
        (FieldProblem::name(), <FieldProblem as utoipa::PartialSchema>::schema()),
        (ProblemCode::name(), <ProblemCode as utoipa::PartialSchema>::schema()),
    ] {
        schemas.push((name.into_owned(), schema));
    }
    schemas.extend(problems::schemas());
    schemas.extend(realtime::schemas());
    components.schemas.extend(schemas);
    components.schemas.extend(v1::parameter_schemas());
    components.schemas.extend(todos::parameter_schemas());
    components.schemas.extend(tasks::parameter_schemas());
    for (name, status, description) in SHARED {
        components.responses.insert(name.to_owned(), RefOr::T(problem(status, description)));
    }
    components
        .responses
        .insert("Failure".to_owned(), RefOr::T(problem("default", "`SERVER_002`: an unexpected failure.")));
    for (path, item) in &mut document.paths.paths {
        for operation in operations(item) {
            complete(operation, Surface::of(path));
        }
    }
}

pub(super) fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete].into_iter().flatten()
}

fn complete(operation: &mut Operation, surface: Surface) {
    if let Some(RefOr::T(body)) = &mut operation.request_body {
        not_null(body);
    }
    let secured = operation.security.is_some();
    // An empty list marks the operation as public.
    operation.security.get_or_insert_default();
    let has = |place: &ParameterIn| {
        operation
            .parameters
            .iter()
            .flatten()
            .any(|parameter| matches!(parameter, RefOr::T(parameter) if parameter.parameter_in == *place))
    };
    let (in_query, in_path) = (has(&ParameterIn::Query), has(&ParameterIn::Path));
    let body = operation.request_body.is_some();
    let operational = operation.tags.iter().flatten().any(|tag| tag == "Operations");
    let applicable = [
        ("BadRequest", body && surface != Surface::Tasks),
        ("InvalidRequest", (body || in_query) && surface == Surface::Tasks),
        ("Unauthorized", secured),
        ("Forbidden", secured),
        ("NotFound", in_path),
        ("PayloadTooLarge", body),
        ("UnsupportedMediaType", body),
        ("UnprocessableContent", (body || in_query) && surface != Surface::Tasks),
        ("TooManyRequests", true),
        ("Unavailable", !operational && surface == Surface::V1),
        ("UnavailableFailure", surface != Surface::V1),
    ];
    let responses = &mut operation.responses.responses;
    for (name, status, _) in SHARED {
        if applicable.contains(&(name, true)) {
            responses.entry(status.to_owned()).or_insert_with(|| RefOr::Ref(Ref::from_response_name(name)));
        }
    }
    responses.insert("default".to_owned(), RefOr::Ref(Ref::from_response_name("Failure")));
    for (status, response) in responses {
        if let RefOr::T(response) = response {
            if status.starts_with(['4', '5']) && response.content.is_empty() {
                add_problem(status, response);
            }
            response.headers.insert("X-Request-Id".to_owned(), RefOr::T(request_id()));
            for (name, description) in LIMITS.iter().filter(|_| secured || status == "429") {
                response.headers.insert((*name).to_owned(), RefOr::T(header(description)));
            }
        }
    }
}

/// An optional body may be missing, but not null.
fn not_null(body: &mut RequestBody) {
    for content in body.content.values_mut() {
        let RefOr::T(Content { schema, .. }) = content else { continue };
        if let Some(RefOr::T(Schema::OneOf(one_of))) = schema
            && let Some(named) = one_of.items.iter().find(|item| matches!(item, RefOr::Ref(_)))
        {
            *schema = Some(named.clone());
            body.required = None;
        }
    }
}

fn problem(status: &str, description: &str) -> Response {
    let mut response = ResponseBuilder::new().description(description).build();
    add_problem(status, &mut response);
    response.headers.insert("X-Request-Id".to_owned(), RefOr::T(request_id()));
    for (name, description) in LIMITS {
        response.headers.insert(name.to_owned(), RefOr::T(header(description)));
    }
    response
}

fn add_problem(status: &str, response: &mut Response) {
    let content = problems::content(status, &response.description);
    response.content.insert(problems::MEDIA_TYPE.to_owned(), RefOr::T(content));
    let headers: &[(&str, &str)] = match status {
        "401" => &[("WWW-Authenticate", "How to authenticate (RFC 6750).")],
        "429" | "500" | "503" => &[RETRY_AFTER],
        _ => &[],
    };
    for (name, description) in headers {
        response.headers.insert((*name).to_owned(), RefOr::T(header(description)));
    }
}

fn request_id() -> Header {
    header("The id of the request in the server's logs. A well-formed id that the client sends is kept.")
}

fn header(description: &str) -> Header {
    let schema = ObjectBuilder::new().schema_type(Type::String).build();
    HeaderBuilder::new().schema(Some(schema)).description(Some(description)).build()
}
