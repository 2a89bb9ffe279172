//! The lists of todos in requests. Each item is read on its own, so that a bad one does not affect the
//! others.

use domain::TodoId;
use domain::code::ErrorCode;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::error::{Problem, ProblemCode};
use crate::extract::{FieldError, List, Member, ObjectError, TextOrNumber, Validation, object, uuid};
use crate::wire::as_is;

/// The items of a list that must have between 1 and `max` of them.
pub fn items(todos: Member<List<'_>>, max: usize) -> Result<Vec<&RawValue>, Problem> {
    let mut validation = Validation::default();
    let items = validation.required("todos", todos, as_is).map_or_else(Vec::new, |list| list.0);
    if validation.is_ok() && items.is_empty() {
        validation.reject("todos", &FieldError::invalid("must have at least one item").with("min", 1));
    }
    validation.finish()?;
    check_count(items.len(), max)?;
    Ok(items)
}

/// Refuses a list of more than `max` items.
pub fn check_count(got: usize, max: usize) -> Result<(), Problem> {
    if got <= max {
        return Ok(());
    }
    let error = FieldError::new(ErrorCode::TooLarge, format!("must have at most {max} items, it has {got}"));
    Err(error.with("max", max).with("got", got).on("todos"))
}

/// Deserialises an item, which must be an object.
pub fn read<'a, T: Deserialize<'a>>(item: &'a RawValue, validation: &mut Validation) -> Option<T> {
    let error = match object(item.get()) {
        Ok(item) => return Some(item),
        Err(ObjectError::NotAnObject) => FieldError::invalid("holds an item that is not an object"),
        Err(ObjectError::NotJson { .. }) => {
            let problem = "holds an item that is not valid JSON, or has a duplicate member";
            FieldError::new(ErrorCode::BodyNotJson, problem)
        }
    };
    validation.reject("todos", &error);
    None
}

/// An item that is invalid, or that the server refuses whatever its version.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RejectedTodo, example = json!({
    "id": "550e8400-e29b-41d4-a716-446655440000", "index": 0, "error_code": "VALIDATION_005",
    "message": "text must be at most 500 characters long; it has 501"
}))]
pub struct Rejected {
    /// The todo's id; null if it is missing or not readable.
    #[schema(required = true)]
    id: Option<String>,
    /// The index of the todo in the request, from 0.
    #[schema(minimum = 0)]
    index: usize,
    /// The error code.
    error_code: ProblemCode,
    /// What is wrong, in one sentence for people.
    #[schema(example = "text must be at most 500 characters long; it has 501")]
    message: String,
}

impl Rejected {
    /// The item at `index`, whose JSON text is `item`. `None` if `validation` has no error.
    pub fn new(index: usize, item: &RawValue, validation: &Validation) -> Option<Self> {
        let error = validation.first()?;
        Some(Self { id: sent_id(item), index, error_code: error.code, message: error.message.clone() })
    }

    /// The index of the todo in the request.
    pub const fn index(&self) -> usize {
        self.index
    }
}

/// The id of the todo that an item names, whatever its other members are.
pub fn sent_todo_id(item: &RawValue) -> Option<TodoId> {
    sent_id(item).and_then(|id| uuid(&id)).map(TodoId)
}

/// The id of an item, whatever its other members are. A UUID is in lower case.
fn sent_id(item: &RawValue) -> Option<String> {
    #[derive(Default, Deserialize)]
    struct WithId<'a> {
        #[serde(default, borrow)]
        id: Member<TextOrNumber<'a>>,
    }
    match object::<WithId<'_>>(item.get()).ok()?.id {
        Member::Value(id) => {
            Some(uuid(id.as_str()).map_or_else(|| id.as_str().to_owned(), |id| id.to_string()))
        }
        Member::Absent | Member::Null | Member::Invalid(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_an_item_is_readable_whatever_its_other_members_are() {
        let id = |item: &str| {
            let item: &RawValue = serde_json::from_str(item).expect("JSON");
            sent_id(item)
        };
        for (item, expected) in [
            (r#"{"id": 7}"#, Some("7")),
            (r#"{"id": "milk", "text": "\ud800"}"#, Some("milk")),
            (
                r#"{"id": "550E8400-e29b-41d4-a716-446655440000"}"#,
                Some("550e8400-e29b-41d4-a716-446655440000"),
            ),
            (r#"{"text": 1, "id": 7, "text": 2}"#, Some("7")),
            (r#"{"id": 7, "id": 8}"#, None),
            (r#"{"id": "\ud800"}"#, None),
            (r#"{"id": null}"#, None),
            (r#"{"id": [7]}"#, None),
            ("[7]", None),
        ] {
            assert_eq!(id(item).as_deref(), expected, "{item}");
        }
    }
}
