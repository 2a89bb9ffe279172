//! Checks the arrows between the modules of a crate against its order file.
//!
//! `modules.order` has one layer a line, from the bottom up, and comments after `#`. A layer names
//! modules, such as `todo sync::cursor`; a module includes all modules within it that are not named
//! themselves, and `crate` is the root alone. A module may use those of lower layers. Modules of
//! one layer may not use one another, unless a `+` joins them: `a+b c`.

use std::collections::BTreeSet;

use crate::deps::source::{Crate, Module, ROOT};

/// The layers from the bottom up; each has its groups of modules.
#[derive(Debug)]
pub struct Order(Vec<Vec<Vec<String>>>);

/// The position of a module: its layer, and its group in that layer.
type Place = (usize, usize);

impl Order {
    pub fn parse(text: &str) -> Self {
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
        let group = |group: &str| group.split('+').map(str::to_owned).collect();
        let layers = lines.map(|line| line.split_whitespace().map(group).collect::<Vec<_>>());
        Self(layers.filter(|layer| !layer.is_empty()).collect())
    }

    /// The position of the longest name in the file that covers `module`.
    fn place(&self, module: &str) -> Option<Place> {
        let covers = |name: &str| {
            name == module
                || module.strip_prefix(name).is_some_and(|rest| name != ROOT && rest.starts_with("::"))
        };
        let named = self.names().filter(|(_, name)| covers(name));
        named.max_by_key(|(_, name)| name.len()).map(|(place, _)| place)
    }

    fn names(&self) -> impl Iterator<Item = (Place, &str)> {
        self.0.iter().enumerate().flat_map(|(layer, groups)| {
            groups
                .iter()
                .enumerate()
                .flat_map(move |(group, names)| names.iter().map(move |name| ((layer, group), name.as_str())))
        })
    }
}

/// Each arrow that points up or sideways, each module without a position and each name without a
/// module.
pub fn problems(source: &Crate, order: &Order) -> Vec<String> {
    let mut problems = BTreeSet::new();
    for module in &source.modules {
        let name = module.name();
        let file = module.file.display();
        let Some(from) = order.place(&name) else {
            problems.insert(format!("{file}: modules.order gives {name} no place"));
            continue;
        };
        for (target, line) in source.arrows(module) {
            let target = target.name();
            let Some(to) = order.place(&target) else { continue };
            if to.0 >= from.0 && to != from {
                let relation = if to.0 == from.0 { "in the same layer" } else { "in a higher layer" };
                problems.insert(format!("{file}:{line}: {name} uses {target}, which is {relation}"));
            }
        }
    }
    let known: BTreeSet<String> = source.modules.iter().map(Module::name).collect();
    let unknown = order.names().filter(|(_, name)| !known.contains(*name));
    problems.extend(unknown.map(|(_, name)| format!("modules.order names {name}, which is no module")));
    problems.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "pub use low::X;
                          mod low { pub struct X; }
                          mod left { use crate::low; }
                          mod right { mod part { pub struct P; } use self::part::P; }
                          mod top { use crate::X; use crate::right; }";

    fn check(extra: &str, order: &str) -> Vec<String> {
        problems(&Crate::of(&format!("{SOURCE}\n{extra}")), &Order::parse(order))
    }

    #[test]
    fn arrows_down_are_allowed() {
        assert_eq!(
            check("", "low # the floor\n\nleft right::part\nright\ntop\ncrate\n"),
            Vec::<String>::new()
        );
    }

    #[test]
    fn every_arrow_up_or_sideways_is_reported_with_its_line() {
        let order = "crate low\nleft right\ntop";
        let expected = [
            "lib.rs:6: extra uses left, which is in a higher layer",
            "lib.rs:6: extra uses top, which is in a higher layer",
        ];
        assert_eq!(
            check("mod extra { fn f() { crate::left::f(crate::top::g()) } }", &format!("extra {order}")),
            expected
        );
        let expected = ["lib.rs:3: left uses low, which is in the same layer"];
        assert_eq!(check("", "low left\nright\ntop\ncrate")[..1], expected);
    }

    #[test]
    fn joined_modules_may_use_one_another() {
        let extra = "mod a { use crate::b::B; pub struct A; } mod b { use crate::a::A; pub struct B; }";
        let order = "low\nleft right\ntop\ncrate\n";
        assert_eq!(check(extra, &format!("{order}a b")).len(), 2);
        assert_eq!(check(extra, &format!("{order}a+b")), Vec::<String>::new());
    }

    #[test]
    fn a_module_without_a_place_and_a_name_without_a_module_are_reported() {
        let expected = [
            "lib.rs: modules.order gives right::part no place",
            "modules.order names wrong, which is no module",
        ];
        let order = "low\nleft\nright top\ncrate wrong";
        assert_eq!(check("", &order.replace("right ", ""))[0], "lib.rs: modules.order gives right no place");
        assert_eq!(check("", &order.replace("right ", ""))[1..], expected);
    }
}
