//! Cycles of modules that use one another.
//!
//! A parent that uses its children and children that use their parent do not count as a cycle.

use std::collections::{BTreeMap, BTreeSet};

use crate::deps::source::Crate;

/// Which modules each module uses, with the place of the first use.
type Graph = BTreeMap<String, BTreeMap<String, String>>;

/// One entry for each cycle, with all arrows in it.
pub fn problems(source: &Crate) -> Vec<String> {
    let found = [true, false].map(|to_children| circles(&graph(source, to_children)));
    found.concat().into_iter().collect::<BTreeSet<_>>().into_iter().collect()
}

/// The arrows between modules. Between a module and those within it, only one direction is kept:
/// down if `to_children`, else up.
fn graph(source: &Crate, to_children: bool) -> Graph {
    let mut graph = Graph::new();
    for from in &source.modules {
        for (to, line) in source.arrows(from) {
            let (inner, outer) = if to_children { (from, to) } else { (to, from) };
            if !inner.path.starts_with(&outer.path) {
                let place = format!("{}:{line}", from.file.display());
                graph.entry(from.name()).or_default().entry(to.name()).or_insert(place);
            }
        }
    }
    graph
}

fn circles(graph: &Graph) -> Vec<String> {
    let reached: BTreeMap<&String, BTreeSet<&String>> =
        graph.keys().map(|module| (module, reachable(graph, module))).collect();
    let mut circles = BTreeSet::new();
    for (module, targets) in &reached {
        let members: BTreeSet<&String> = targets
            .iter()
            .filter(|target| reached.get(*target).is_some_and(|back| back.contains(module)))
            .copied()
            .collect();
        circles.insert(members);
    }
    circles.into_iter().filter(|members| !members.is_empty()).map(|members| report(graph, &members)).collect()
}

fn reachable<'a>(graph: &'a Graph, from: &'a String) -> BTreeSet<&'a String> {
    let mut found = BTreeSet::new();
    let mut open = vec![from];
    while let Some(module) = open.pop() {
        let targets = graph.get(module).into_iter().flat_map(BTreeMap::keys);
        open.extend(targets.filter(|target| found.insert(*target)));
    }
    found
}

fn report(graph: &Graph, members: &BTreeSet<&String>) -> String {
    let arrows =
        members.iter().flat_map(|from| graph[*from].iter().map(move |(to, place)| (from, to, place)));
    let inside = arrows.filter(|(_, to, _)| members.contains(to));
    let lines: Vec<_> = inside.map(|(from, to, place)| format!("\n  {place}: {from} uses {to}")).collect();
    format!("{} modules use one another in a circle:{}", members.len(), lines.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circle_is_reported_with_all_its_arrows() {
        let source = Crate::of(
            "mod a { pub use crate::b::B; pub struct A; }
             mod b { use crate::c::C; pub struct B; }
             mod c { use crate::a::A; use crate::d::D; pub struct C; }
             mod d { pub struct D; }",
        );
        let expected = "3 modules use one another in a circle:\n  lib.rs:1: a uses b\n  lib.rs:2: b uses c\n  lib.rs:3: c uses a";
        assert_eq!(problems(&source), [expected]);
    }

    #[test]
    fn a_parent_and_its_children_are_no_circle_by_themselves() {
        let source =
            Crate::of("mod a { mod child { use super::A; pub struct C; } pub use child::C; pub struct A; }");
        assert_eq!(problems(&source), Vec::<String>::new());
        let through_a_stranger = Crate::of(
            "mod a { mod child { use crate::b::B; } use child::C; pub struct A; }
             mod b { use crate::a::A; pub struct B; }",
        );
        assert_eq!(problems(&through_a_stranger).len(), 1);
    }
}
