//! The name that a misspelled one probably means.

/// Returns the known name with the fewest edits, if they are few, or if one name is most of the other. Case and
/// underscores do not count, because other languages spell names differently.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a String>) -> Option<&'a String> {
    let is_part = |name: &str, known: &str| {
        let (short, long) = if name.len() < known.len() {
            (name, known)
        } else {
            (known, name)
        };
        // A short name at the end of a long one is not a hint: `serviceAccountName` is not `name`.
        long.contains(short) && 2 * short.len() >= long.len()
    };
    fewest_edits(name, known, |edits, name, known| {
        edits <= few(name) || is_part(name, known)
    })
}

/// Returns the known name with the fewest edits, if they are few.
pub(crate) fn nearly_equal<'a>(name: &str, known: impl Iterator<Item = &'a String>) -> Option<&'a String> {
    fewest_edits(name, known, |edits, name, _| edits <= few(name))
}

fn few(name: &str) -> usize {
    (name.len() / 3).max(1)
}

fn fewest_edits<'a>(
    name: &str,
    known: impl Iterator<Item = &'a String>,
    is_near: impl Fn(usize, &str, &str) -> bool,
) -> Option<&'a String> {
    let plain = |name: &str| name.to_lowercase().replace(['_', '-'], "");
    // Counting edits takes time, and no field has a longer name.
    let name = Some(plain(name)).filter(|name| name.len() <= 63)?;
    known
        .map(|known| (known, plain(known)))
        .map(|(known, plain)| (known, strsim::damerau_levenshtein(&name, &plain), plain))
        .filter(|(_, edits, plain)| is_near(*edits, &name, plain))
        .min_by_key(|(_, edits, _)| *edits)
        .map(|(known, ..)| known)
}
