//! The web app: files of a folder, served on the server's own origin at paths that no route has.
//!
//! The folder is read once, into memory: a path of a request is a key of a map and never a path of the
//! file system, so no request can leave the folder. The folder may be replaced while the server runs; the
//! next start serves the new files.
//!
//! Deliberately absent: rewriting of pages. A page is served as the build wrote it, with a Content Security
//! Policy that allows the inline scripts that the page has.

mod file;
mod folder;
mod policy;
mod response;

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::{Accept, HeaderValue, Quality, VARY};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};

use file::File;

/// The first segments of the API's paths. The app has no pages there, so that a mistyped path of the API is
/// an error of the API.
const API_SEGMENTS: [&str; 9] =
    ["api", "auth", "todos", "ws", "health", "metrics", "docs", "openapi.json", "asyncapi.json"];

/// The files of the app, by their paths.
#[derive(Debug)]
pub struct WebApp {
    files: HashMap<String, File>,
}

impl WebApp {
    /// Reads the files of `folder`, which must contain an `index.html`. Hidden files and symbolic links are
    /// left out. Fails if the files have more than 64 MiB in all.
    pub fn read(folder: &Path) -> io::Result<Self> {
        let files = folder::read(folder)?;
        if files.contains_key("/index.html") {
            Ok(Self { files })
        } else {
            Err(io::Error::new(io::ErrorKind::NotFound, "it has no index.html"))
        }
    }

    /// The app that the server serves, if any.
    pub(crate) fn of(request: &HttpRequest) -> Option<&Self> {
        request.app_data::<Option<Arc<Self>>>()?.as_deref()
    }

    /// The first page, for a client that accepts HTML by name. Others get the API's index at the same path.
    pub(crate) fn first_page(&self, request: &HttpRequest) -> Option<HttpResponse> {
        let mut response = self.files.get("/index.html").filter(|_| accepts_html(request))?.respond(request);
        vary_by_accept(&mut response);
        Some(response)
    }

    /// The response to a GET request that no route matches. `None` if no file has the path; a browser that
    /// opens a page gets the app's own page about that, with status 404.
    pub(crate) fn respond(&self, request: &HttpRequest) -> Option<HttpResponse> {
        let path = request.match_info().as_str();
        if is_of_api(path) {
            return None;
        }
        if let Some(file) = self.files.get(path).or_else(|| self.page(path)) {
            return Some(file.respond(request));
        }
        let is_page = !path.rsplit('/').next().is_some_and(|name| name.contains('.'));
        let missing = self.files.get("/404.html").filter(|_| is_page && accepts_html(request))?;
        let mut response = missing.respond(request);
        *response.status_mut() = StatusCode::NOT_FOUND;
        vary_by_accept(&mut response);
        Some(response)
    }

    /// Whether a page or a file of the app has this path.
    pub(crate) fn has(&self, path: &str) -> bool {
        !is_of_api(path) && (self.files.contains_key(path) || self.page(path).is_some())
    }

    /// The page at a path without `.html`.
    fn page(&self, path: &str) -> Option<&File> {
        if path.ends_with('/') { None } else { self.files.get(&format!("{path}.html")) }
    }
}

fn is_of_api(path: &str) -> bool {
    path.split('/').nth(1).is_some_and(|segment| API_SEGMENTS.contains(&segment))
}

/// As one value: the CORS layer keeps the first only.
fn vary_by_accept(response: &mut HttpResponse) {
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept, accept-encoding"));
}

/// Whether `Accept` names `text/html`; `*/*` does not.
fn accepts_html(request: &HttpRequest) -> bool {
    let accepted = request.get_header::<Accept>();
    accepted.is_some_and(|accept| {
        accept.0.iter().any(|range| range.item.essence_str() == "text/html" && range.quality > Quality::ZERO)
    })
}
