//! Finds the setting that a misspelt variable was probably meant to be.

use super::setting::{ALL, Setting};

/// The maximum number of edits (insertions, deletions, substitutions, swaps) between a name and its misspelling.
const MAX_EDITS: usize = 2;
/// With more than one edit, shorter names resemble those of unrelated variables: `HOME` becomes
/// `HOST`.
const MIN_LENGTH_OF_MANY: usize = 8;

/// The setting whose name is closest to `name`, if any is close enough. `name` is not a setting's.
///
/// The first letter has to be right: it is the one that people misspell least, and `HTTP_PORT` is
/// no misspelling of `SMTP_PORT`.
pub fn correct(name: &str) -> Option<Setting> {
    let max_edits = if name.len() < MIN_LENGTH_OF_MANY { 1 } else { MAX_EDITS };
    // Each prefix of what follows `OIDC_` may be the name of a provider.
    let rest = name.strip_prefix("OIDC_").unwrap_or_default();
    let providers: Vec<_> = rest.match_indices('_').map(|(end, _)| &rest[..end]).collect();
    let candidates = ALL.iter().flat_map(|setting| {
        let of_providers = providers.iter().map(|provider| setting.of_provider(provider));
        of_providers.chain([setting.clone()])
    });
    candidates
        .filter(|setting| setting.name.get(..1) == name.get(..1))
        .map(|setting| (strsim::osa_distance(name, &setting.name), setting))
        .filter(|(edits, _)| *edits <= max_edits)
        .min_by(|(a_edits, a), (b_edits, b)| (a_edits, &a.name).cmp(&(b_edits, &b.name)))
        .map(|(_, setting)| setting)
}
