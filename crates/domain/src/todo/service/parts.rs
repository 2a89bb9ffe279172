//! Divides a long list of changes into commits, so that it delays no other user's write for long.

use std::collections::HashMap;
use std::iter::from_fn;

use super::super::change::Change;

/// The maximum number of changes in one commit, unless they are all of one todo.
const MAX_CHANGES: usize = 250;
/// A commit takes no further todo if its texts have this many bytes.
const BYTES: usize = 128 * 1024;

/// The changes of each commit, and the place of each change in the list.
///
/// All changes of a todo are in one commit, in their order: a later one rests on those before it only
/// if they are decided together.
pub(super) fn of(changes: Vec<Change>) -> impl Iterator<Item = Vec<(usize, Change)>> {
    let mut first_places = HashMap::new();
    let mut placed: Vec<_> = changes
        .into_iter()
        .enumerate()
        .map(|(place, change)| (*first_places.entry(change.id).or_insert(place), place, change))
        .collect();
    placed.sort_by_key(|(first_place, ..)| *first_place);
    let mut remaining = placed.into_iter().peekable();
    from_fn(move || {
        let (mut part, mut bytes, mut last) = (Vec::new(), 0, None);
        while let Some((first_place, place, change)) = remaining.next_if(|(first_place, ..)| {
            last == Some(*first_place) || part.len() < MAX_CHANGES && bytes < BYTES
        }) {
            last = Some(first_place);
            bytes += change.text_bytes();
            part.push((place, change));
        }
        (!part.is_empty()).then_some(part)
    })
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::ids::TodoId;
    use crate::todo::{Action, Base, Description, Edit};

    fn edit(id: u128, bytes: usize) -> Change {
        let description = Description::from_stored("d".repeat(bytes));
        let edit = Edit { description: Some(Some(description)), ..Edit::default() };
        Change::new(TodoId(Uuid::from_u128(id)), Base::Current, Action::Edit(edit))
    }

    fn places(changes: Vec<Change>) -> Vec<Vec<usize>> {
        of(changes).map(|part| part.into_iter().map(|(place, _)| place).collect()).collect()
    }

    fn sizes(changes: Vec<Change>) -> Vec<usize> {
        places(changes).iter().map(Vec::len).collect()
    }

    #[test]
    fn a_commit_is_bounded_by_changes_and_by_bytes() {
        assert_eq!(sizes((0..600).map(|n| edit(n, 1)).collect()), [250, 250, 100]);
        assert_eq!(sizes((0..30).map(|n| edit(n, 10_000)).collect()), [14, 14, 2]);
        assert_eq!(places(vec![edit(1, 1_000_000), edit(2, 1)]), [[0], [1]]);
        assert_eq!(places(Vec::new()), Vec::<Vec<usize>>::new());
    }

    #[test]
    fn the_changes_of_a_todo_stay_together_and_in_order() {
        let large = 100_000;
        let changes = vec![edit(1, large), edit(2, large), edit(1, large), edit(3, large), edit(2, 1)];
        assert_eq!(places(changes), [vec![0, 2], vec![1, 4, 3]]);
        assert_eq!(sizes((0..600).map(|_| edit(1, 1)).collect()), [600]);
    }
}
