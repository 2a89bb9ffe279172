//! The characters that texts may contain, and headers that are never null.

use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::{Object, OpenApi, RefOr};

/// No control characters except tab and newline, and at least one character that is not white space.
const NOT_BLANK: &str = r"^[^\u0000-\u0008\u000b-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u0008\u000b-\u001f\u007f-\u009f]*$";
/// No control characters except tab and newline.
const NO_CONTROL: &str = r"^[^\u0000-\u0008\u000b-\u001f\u007f-\u009f]*$";

/// The members that are texts. A name has the same meaning in every schema.
const TEXTS: [(&str, &str); 6] = [
    ("text", NOT_BLANK),
    ("title", NOT_BLANK),
    ("client_id", NOT_BLANK),
    ("display_name", NOT_BLANK),
    ("name", NOT_BLANK),
    ("description", NO_CONTROL),
];

/// The schemas of todos that may be tombstones without text: as the server shows them, and as devices send
/// them back.
const MAY_LACK_TEXT: [&str; 2] = ["SyncTodo", "Todo"];

/// Adds the patterns, and removes null from the types of headers.
pub(super) fn finish(document: &mut OpenApi) {
    let schemas = document.components.iter_mut().flat_map(|components| components.schemas.iter_mut());
    for (name, schema) in schemas {
        if let RefOr::T(Schema::Object(object)) = schema {
            restrict(object);
            if MAY_LACK_TEXT.contains(&name.as_str()) {
                set_pattern(object, "text", NO_CONTROL);
            }
        }
    }
    for item in document.paths.paths.values_mut() {
        for operation in super::finish::operations(item) {
            for parameter in operation.parameters.iter_mut().flatten() {
                match parameter {
                    RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Header => plain(parameter),
                    _ => {}
                }
            }
        }
    }
}

fn restrict(object: &mut Object) {
    for (name, pattern) in TEXTS {
        set_pattern(object, name, pattern);
    }
}

fn set_pattern(object: &mut Object, name: &str, pattern: &str) {
    if let Some(RefOr::T(Schema::Object(text))) = object.properties.get_mut(name) {
        text.pattern = Some(pattern.to_owned());
    }
}

/// A header may be missing, but not null.
fn plain(parameter: &mut Parameter) {
    parameter.schema = Some(ObjectBuilder::new().schema_type(Type::String).into());
}
