//! The AsyncAPI 3.0 document of the socket at `/ws/todos`.

use serde_json::{Map, Value, json};
use url::Url;
use utoipa::openapi::OpenApi;

use super::components::keep_needed;
use crate::realtime::{EVENTS, PING};

const DESCRIPTION: &str = "\
The changes of a user's todos as they happen, over a WebSocket. The socket is for reading: devices make changes through `/api/v1/todos` \
of the OpenAPI document.

The server upgrades a request with the `Origin` of an allowed page even if it refuses the socket, and then closes it with a code \
and a reason that the page can read: 4401 (the token is missing, invalid or expired: get a new one), 4403 (the token lacks \
the scope `todos:read`), 4429 (too many sockets or requests), 1013 (try again). It refuses other requests with a status and a \
`Problem`. Later it closes with 4401 when the token expires or the session ends, 1012 when the server restarts (open another socket \
at once), and 1013 after `resync_required` when the client reads too slowly, or after `error` when it may try again later.";

/// The document. `openapi` has the schemas of the messages, and `public_url` is the server's URL.
pub(super) fn document(openapi: &OpenApi, public_url: &str) -> Value {
    let mut components = openapi.components.clone().unwrap_or_default();
    let roots: Vec<_> = EVENTS
        .iter()
        .map(|(name, _)| *name)
        .chain([PING])
        .map(|name| json!({"$ref": schema(name)}))
        .collect();
    keep_needed(&mut components, &json!(roots));
    let events = EVENTS.map(|(name, summary)| (name, message(name, summary)));
    let ping = (PING, message(PING, "The client asks for the user's newest stamp."));
    let messages =
        || events.iter().chain([&ping]).map(|(name, message)| ((*name).to_owned(), message.clone()));
    let in_channel = |name: &str| json!({"$ref": format!("#/channels/todos/messages/{name}")});
    let of_channel = messages()
        .map(|(name, _)| (name.clone(), json!({"$ref": format!("#/components/messages/{name}")})))
        .collect::<Map<_, _>>();
    let text = |description: &str| json!({"type": "string", "description": description});
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Todo sync: realtime",
            "version": openapi.info.version,
            "description": DESCRIPTION,
            "license": {"name": "MIT OR Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"todo-server": server(public_url)},
        "channels": {
            "todos": {
                "address": "/ws/todos",
                "title": "The caller's todos",
                "servers": [{"$ref": "#/servers/todo-server"}],
                "messages": of_channel,
                "bindings": {"ws": {
                    "bindingVersion": "0.1.0",
                    "method": "GET",
                    "query": {"type": "object", "properties": {
                        "since": text("A cursor: the server first sends what changed after it."),
                        "client_id": text("The name of the device."),
                        "token": text("The access token, for clients that can neither choose a subprotocol nor set headers."),
                    }},
                    "headers": {"type": "object", "properties": {
                        "Sec-WebSocket-Protocol": text("`bearer, ` and the access token."),
                    }},
                }},
            },
        },
        "operations": {
            "sendEvents": {
                "action": "send",
                "title": "The server sends events",
                "channel": {"$ref": "#/channels/todos"},
                "messages": EVENTS.map(|(name, _)| in_channel(name)),
            },
            "receivePing": {
                "action": "receive",
                "title": "The server receives pings",
                "channel": {"$ref": "#/channels/todos"},
                "messages": [in_channel(PING)],
                "reply": {"channel": {"$ref": "#/channels/todos"}, "messages": [in_channel("SocketPong")]},
            },
        },
        "components": {
            "messages": messages().collect::<Map<_, _>>(),
            "schemas": components.schemas,
            "securitySchemes": {
                "subprotocol": {
                    "type": "httpApiKey", "in": "header", "name": "Sec-WebSocket-Protocol",
                    "description": "The subprotocols `bearer` and the access token, as browsers can send them.",
                },
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "token": {"type": "httpApiKey", "in": "query", "name": "token"},
            },
        },
    })
}

fn schema(name: &str) -> String {
    format!("#/components/schemas/{name}")
}

fn message(name: &str, summary: &str) -> Value {
    json!({"name": name, "summary": summary, "payload": {"$ref": schema(name)}})
}

/// The server object: where browsers reach the socket.
fn server(public_url: &str) -> Value {
    let url = Url::parse(public_url).ok();
    let host = url.as_ref().map(|url| &url[url::Position::BeforeHost..url::Position::AfterPort]);
    let is_tls = url.as_ref().is_some_and(|url| url.scheme() == "https");
    let security = ["subprotocol", "bearer", "token"];
    let mut server = json!({
        "host": host.unwrap_or_default(),
        "protocol": if is_tls { "wss" } else { "ws" },
        "security": security.map(|name| json!({"$ref": format!("#/components/securitySchemes/{name}")})),
    });
    if let Some(path) =
        url.as_ref().map(|url| url.path().trim_end_matches('/')).filter(|path| !path.is_empty())
    {
        server["pathname"] = path.into();
    }
    server
}
