//! Collects the errors of a request, field by field.

use std::borrow::Cow;

use super::field_error::{FieldError, ValueError};
use super::member::Member;
use crate::error::{FieldProblem, Problem, ProblemCode};

/// The most errors of a request that its answer lists.
const MAX_ERRORS: usize = 100;
/// The most errors of an item that the answer lists.
const MAX_ERRORS_OF_AN_ITEM: usize = 10;

/// The errors of one request, or of one item of a list.
///
/// It keeps the first ones and counts the others: a request of two megabytes may have errors that take
/// hundreds.
#[derive(Debug)]
pub struct Validation {
    errors: Vec<FieldProblem>,
    max: usize,
    /// The number of errors that are not kept.
    omitted: usize,
}

impl Default for Validation {
    fn default() -> Self {
        Self::with_room_for(MAX_ERRORS)
    }
}

impl Validation {
    const fn with_room_for(max: usize) -> Self {
        Self { errors: Vec::new(), max, omitted: 0 }
    }

    /// A validation of one item of a list.
    #[must_use]
    pub const fn of_item() -> Self {
        Self::with_room_for(MAX_ERRORS_OF_AN_ITEM)
    }

    /// A validation with one error.
    #[must_use]
    pub fn of(name: &'static str, error: &dyn ValueError) -> Self {
        let mut validation = Self::default();
        validation.reject(name, error);
        validation
    }

    /// Whether there is no error so far.
    #[must_use]
    pub const fn is_ok(&self) -> bool {
        self.errors.is_empty()
    }

    /// The first error.
    #[must_use]
    pub fn first(&self) -> Option<&FieldProblem> {
        self.errors.first()
    }

    /// Adds an error on the field `name`.
    pub fn reject(&mut self, name: impl Into<Cow<'static, str>>, error: &dyn ValueError) {
        if self.errors.len() >= self.max {
            self.omitted += 1;
            return;
        }
        let field = name.into();
        let message = format!("{field} {error}");
        let code = ProblemCode(error.code());
        self.errors.push(FieldProblem { field, code, message, index: None, facts: error.facts() });
    }

    /// Adds the errors of the list item at `index`. Those of the first items are kept, in the order of the
    /// list, whatever the order in which the items are added.
    pub fn add_item(&mut self, index: usize, item: Self) {
        self.omitted += item.omitted;
        let before = self.errors.partition_point(|error| error.index <= Some(index));
        let (room, found) = (self.max - before, item.errors.len());
        let errors = item.errors.into_iter().take(room);
        self.errors.splice(before..before, errors.map(|error| FieldProblem { index: Some(index), ..error }));
        self.omitted += found.saturating_sub(room) + self.errors.len().saturating_sub(self.max);
        self.errors.truncate(self.max);
    }

    /// Parses a member that must be present and not null.
    pub fn required<T, U, E: ValueError>(
        &mut self,
        name: &'static str,
        member: Member<T>,
        parse: impl FnOnce(T) -> Result<U, E>,
    ) -> Option<U> {
        if matches!(member, Member::Absent | Member::Null) {
            self.reject(name, &FieldError::required());
        }
        self.optional(name, member, parse)
    }

    /// Parses a member that may be absent. Null says the same, because generated clients send it for
    /// every member that the caller leaves out.
    pub fn optional<T, U, E: ValueError>(
        &mut self,
        name: &'static str,
        member: Member<T>,
        parse: impl FnOnce(T) -> Result<U, E>,
    ) -> Option<U> {
        match member {
            Member::Absent | Member::Null => None,
            Member::Value(value) => self.record(name, parse(value)),
            Member::Invalid(expected) => {
                self.reject(name, &FieldError::invalid(format!("must be {expected}")));
                None
            }
        }
    }

    /// Parses a member of a partial update: `None` if it is absent, `Some(None)` if null clears the
    /// field.
    pub fn clearable<T, U, E: ValueError>(
        &mut self,
        name: &'static str,
        member: Member<T>,
        parse: impl FnOnce(T) -> Result<U, E>,
    ) -> Option<Option<U>> {
        match member {
            Member::Null => Some(None),
            member => self.optional(name, member, parse).map(Some),
        }
    }

    /// Returns the value, or adds the error.
    pub fn record<U, E: ValueError>(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        parsed: Result<U, E>,
    ) -> Option<U> {
        match parsed {
            Ok(value) => Some(value),
            Err(error) => {
                self.reject(name, &error);
                None
            }
        }
    }

    /// Returns the errors as a problem, if there are any.
    pub fn finish(self) -> Result<(), Problem> {
        if self.is_ok() { Ok(()) } else { Err(self.into()) }
    }
}

impl From<Validation> for Problem {
    fn from(validation: Validation) -> Self {
        let Some(first) = validation.errors.first() else {
            return Self::unexpected();
        };
        let (code, message, field) = (first.code.0, first.message.clone(), first.field.clone());
        let errors = serde_json::to_value(&validation.errors).unwrap_or_default();
        let problem = Self::new(code, message).with("errors", errors).with("field", field);
        if validation.omitted > 0 { problem.with("omitted", validation.omitted) } else { problem }
    }
}

impl FieldError {
    /// The problem of a request whose only error is this one, on the field `name`.
    #[must_use]
    pub fn on(self, name: &'static str) -> Problem {
        Validation::of(name, &self).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invalid() -> FieldError {
        FieldError::invalid("must be a string")
    }

    fn item(errors: usize) -> Validation {
        let mut item = Validation::of_item();
        (0..errors).for_each(|n| item.reject(format!("field{n}"), &invalid()));
        item
    }

    /// The indexes of the kept errors, and the number of the others.
    fn kept(all: &Validation) -> (Vec<usize>, usize) {
        (all.errors.iter().filter_map(|error| error.index).collect(), all.omitted)
    }

    #[test]
    fn a_request_keeps_its_first_hundred_errors_and_counts_the_others() {
        let mut validation = Validation::default();
        for n in 0..110_000 {
            validation.reject(format!("field{n}"), &invalid());
        }
        assert_eq!((validation.errors.len(), validation.omitted), (100, 109_900));
        assert_eq!(validation.first().map(|error| &*error.field), Some("field0"));
        assert!(validation.errors.last().is_some_and(|error| error.field == "field99"));
        assert!(validation.errors.capacity() < 256);
    }

    #[test]
    fn an_item_keeps_ten_errors_and_a_list_those_of_its_first_items() {
        let mut all = Validation::default();
        for index in 0..10_000 {
            all.add_item(index, item(24));
        }
        let expected: Vec<_> = (0..100).map(|n| n / 10).collect();
        assert_eq!(kept(&all), (expected, 239_900));
    }

    #[test]
    fn the_errors_of_a_list_are_in_its_order_whatever_the_order_of_the_items() {
        let mut all = Validation::default();
        for index in [3, 7, 1, 5, 0] {
            all.add_item(index, item(2));
        }
        assert_eq!(kept(&all), (vec![0, 0, 1, 1, 3, 3, 5, 5, 7, 7], 0));
        for index in 10..60 {
            all.add_item(index, item(2));
        }
        assert_eq!((all.errors.len(), all.omitted), (100, 10));
        all.add_item(2, item(3));
        let (indexes, omitted) = kept(&all);
        assert_eq!((&indexes[..8], indexes[99], omitted), (&[0, 0, 1, 1, 2, 2, 2, 3][..], 53, 13));
    }
}
