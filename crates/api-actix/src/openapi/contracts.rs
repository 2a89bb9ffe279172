//! A document for each contract: a client of one contract generates no code for the others.

use serde_json::json;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{OpenApi, PathItem};

use super::components::keep_needed;
use crate::realtime::SOCKET_SCHEMAS;

/// A contract, and the tags of its operations.
pub(super) struct Contract {
    /// The name in the URL.
    pub name: &'static str,
    title: &'static str,
    tags: &'static [&'static str],
    /// Whether the contract has the socket.
    has_socket: bool,
}

pub(super) const CONTRACTS: [Contract; 4] = [
    Contract {
        name: "sync",
        title: "Todo sync: the sync contract",
        tags: &["Authentication", "Users", "Todos", "Sync"],
        has_socket: true,
    },
    Contract {
        name: "token",
        title: "Todo sync: the token contract",
        tags: &["Token contract"],
        has_socket: false,
    },
    Contract {
        name: "tasks",
        title: "Todo sync: the task contract",
        tags: &["Task contract"],
        has_socket: false,
    },
    Contract {
        name: "user-tasks",
        title: "Todo sync: the user task contract",
        tags: &["User task contract"],
        has_socket: false,
    },
];

impl Contract {
    /// The part of the whole document that belongs to this contract.
    pub fn document(&self, mut whole: OpenApi) -> OpenApi {
        self.title.clone_into(&mut whole.info.title);
        whole.tags.iter_mut().for_each(|tags| tags.retain(|tag| self.tags.contains(&tag.name.as_str())));
        whole.paths.paths.values_mut().for_each(|item| self.keep_operations(item));
        whole.paths.paths.retain(|_, item| super::finish::operations(item).next().is_some());
        let socket = SOCKET_SCHEMAS.map(|name| json!({"$ref": format!("#/components/schemas/{name}")}));
        let part = json!({"paths": whole.paths, "socket": if self.has_socket { &socket[..] } else { &[] }});
        whole.components.iter_mut().for_each(|components| keep_needed(components, &part));
        whole
    }

    fn keep_operations(&self, item: &mut PathItem) {
        let belongs = |operation: &Operation| {
            operation.tags.iter().flatten().any(|tag| self.tags.contains(&tag.as_str()))
        };
        for operation in [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete] {
            *operation = operation.take().filter(belongs);
        }
    }
}
