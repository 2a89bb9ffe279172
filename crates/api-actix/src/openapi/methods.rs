//! The methods and operations of every route, read from the document.

use actix_web::dev::ResourceDef;
use actix_web::http::Method;
use utoipa::openapi::PathItem;

use super::openapi_document;
use crate::route_table::{Route, RouteTable};
use crate::routes::{UNDOCUMENTED, WITHOUT_HEAD};

/// Every route with its methods and operations.
pub static ROUTE_TABLE: RouteTable = RouteTable::new(routes, || ResourceDef::new(WITHOUT_HEAD));

fn routes() -> Vec<Route> {
    let document = openapi_document();
    let documented = document.paths.paths.iter().map(|(path, item)| documented(path, item));
    let undocumented = UNDOCUMENTED.into_iter().map(|path| Route {
        pattern: ResourceDef::new(path),
        methods: get_methods(path).to_owned(),
        operations: Vec::new(),
    });
    documented.chain(undocumented).collect()
}

fn documented(path: &str, item: &PathItem) -> Route {
    let operations = [
        (&item.get, Method::GET, get_methods(path)),
        (&item.post, Method::POST, "POST"),
        (&item.put, Method::PUT, "PUT"),
        (&item.patch, Method::PATCH, "PATCH"),
        (&item.delete, Method::DELETE, "DELETE"),
    ];
    let (mut methods, mut ids) = (Vec::new(), Vec::new());
    for (operation, method, allowed) in operations {
        let Some(operation) = operation else { continue };
        methods.push(allowed);
        ids.extend(operation.operation_id.clone().map(|id| (method, id)));
    }
    Route { pattern: ResourceDef::new(path), methods: methods.join(", "), operations: ids }
}

/// The methods of a route with GET.
fn get_methods(path: &str) -> &'static str {
    if WITHOUT_HEAD.contains(&path) { "GET" } else { "GET, HEAD" }
}
