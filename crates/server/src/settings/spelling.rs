//! Finds the setting that a misspelt variable was probably meant to be.

use super::setting::{ALL, Setting};

/// Shorter names resemble those of unrelated variables.
const MIN_LENGTH: usize = 8;
/// The maximum number of edits (insertions, deletions, substitutions, swaps) between a name and its misspelling.
const MAX_EDITS: usize = 2;

/// The setting whose name is closest to `name`, if any is close enough. `name` is not a setting's.
pub fn correct(name: &str) -> Option<Setting> {
    if name.len() < MIN_LENGTH {
        return None;
    }
    // Each prefix of what follows `OIDC_` may be the name of a provider.
    let rest = name.strip_prefix("OIDC_").unwrap_or_default();
    let providers: Vec<_> = rest.match_indices('_').map(|(end, _)| &rest[..end]).collect();
    let candidates = ALL.iter().flat_map(|setting| {
        let of_providers = providers.iter().map(|provider| setting.of_provider(provider));
        of_providers.chain([setting.clone()])
    });
    candidates
        .map(|setting| (strsim::osa_distance(name, &setting.name), setting))
        .filter(|(edits, _)| *edits <= MAX_EDITS)
        .min_by(|(a_edits, a), (b_edits, b)| (a_edits, &a.name).cmp(&(b_edits, &b.name)))
        .map(|(_, setting)| setting)
}
