//! The methods of every route, read from the document.

use actix_web::dev::ResourceDef;
use utoipa::openapi::PathItem;

use super::openapi_document;
use crate::route_table::{Route, RouteTable};
use crate::routes::{UNDOCUMENTED, WITHOUT_HEAD};

/// Every route with its methods.
pub static ROUTE_TABLE: RouteTable = RouteTable::new(routes, || ResourceDef::new(WITHOUT_HEAD));

fn routes() -> Vec<Route> {
    let document = openapi_document();
    let documented = document.paths.paths.iter().map(|(path, item)| (path.as_str(), methods(path, item)));
    let undocumented = UNDOCUMENTED.into_iter().map(|path| (path, get_methods(path).to_owned()));
    documented.chain(undocumented).map(|(path, methods)| (ResourceDef::new(path), methods)).collect()
}

fn methods(path: &str, item: &PathItem) -> String {
    let operations = [
        (&item.get, get_methods(path)),
        (&item.post, "POST"),
        (&item.put, "PUT"),
        (&item.patch, "PATCH"),
        (&item.delete, "DELETE"),
    ];
    let present = operations.iter().filter(|(operation, _)| operation.is_some());
    present.map(|(_, methods)| *methods).collect::<Vec<_>>().join(", ")
}

/// The methods of a route with GET.
fn get_methods(path: &str) -> &'static str {
    if WITHOUT_HEAD.contains(&path) { "GET" } else { "GET, HEAD" }
}
