//! Sample of doc comments from many crates, none of them dominant.
//!
//! A registry and a seed determine the sample. Figures are comparable if its fingerprint is the same.

use std::collections::{BTreeMap, HashSet};
use std::hash::Hasher;
use std::path::{Path, PathBuf};
use std::{fmt, fs};

use anyhow::{Context, Result};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand::seq::SliceRandom;
use siphasher::sip::SipHasher13;

use super::blocks::{self, Pair};

/// Number of characters of a summary that can serve as a question.
const SUMMARY: std::ops::RangeInclusive<usize> = 25..=200;
/// Number of characters of a paragraph that can serve as an answer.
const EXPLANATION: std::ops::RangeInclusive<usize> = 80..=1_000;
/// Minimum number of words of either.
const LEAST_WORDS: usize = 5;
/// Minimum number of crates: none fills more than this fraction of the sample.
const CRATES_AT_LEAST: usize = 50;

/// A doc comment and its crate.
#[derive(Debug)]
pub(super) struct Entry {
    /// Name of the crate, without its version.
    pub(super) package: String,
    pub(super) pair: Pair,
}

/// A sample.
#[derive(Debug)]
pub(super) struct Corpus {
    pub(super) entries: Vec<Entry>,
    /// Number of doc comments to choose from.
    pub(super) candidates: usize,
}

impl Corpus {
    /// Reads every crate below `registry` and chooses at most `sample` doc comments.
    ///
    /// # Errors
    /// When a folder or file cannot be read.
    pub(super) fn read(registry: &Path, sample: usize, seed: u64) -> Result<Self> {
        let mut files = Vec::new();
        for folder in sorted(registry)? {
            let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let mut sources = Vec::new();
            collect_sources(&folder.join("src"), &mut sources)?;
            files.extend(sources.into_iter().map(|source| (package_of(&name).to_owned(), source)));
        }
        let mut candidates = Candidates::default();
        for (package, file) in files {
            let bytes = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
            // A file that is not UTF-8 is no Rust source, and yields no prose.
            candidates.add(&package, &String::from_utf8_lossy(&bytes));
        }
        Ok(candidates.sample(sample, seed))
    }

    /// Returns the number of crates in the sample.
    pub(super) fn packages(&self) -> usize {
        let names: HashSet<_> = self.entries.iter().map(|entry| &entry.package).collect();
        names.len()
    }

    /// Returns a hash of the texts in their order.
    fn fingerprint(&self) -> u64 {
        let mut hasher = SipHasher13::new_with_keys(0, 0);
        for Entry { pair, .. } in &self.entries {
            for text in [&pair.summary, &pair.explanation] {
                hasher.write(text.as_bytes());
                hasher.write_u8(0xff);
            }
        }
        hasher.finish()
    }
}

impl fmt::Display for Corpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (paragraphs, packages) = (self.entries.len(), self.packages());
        let (candidates, fingerprint) = (self.candidates, self.fingerprint());
        write!(
            f,
            "{paragraphs} paragraphs of {packages} crates, chosen of {candidates}; fingerprint {fingerprint:016x}"
        )
    }
}

/// Doc comments of sensible length, each summary and each explanation once.
#[derive(Debug, Default)]
struct Candidates {
    entries: Vec<Entry>,
    seen: HashSet<String>,
}

impl Candidates {
    fn add(&mut self, package: &str, source: &str) {
        for pair in blocks::pairs(source) {
            let sensible = fits(&pair.summary, SUMMARY) && fits(&pair.explanation, EXPLANATION);
            if !sensible || self.seen.contains(&pair.summary) || self.seen.contains(&pair.explanation) {
                continue;
            }
            self.seen.extend([pair.summary.clone(), pair.explanation.clone()]);
            self.entries.push(Entry {
                package: package.to_owned(),
                pair,
            });
        }
    }

    fn sample(mut self, size: usize, seed: u64) -> Corpus {
        let candidates = self.entries.len();
        self.entries.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        let most = size.div_ceil(CRATES_AT_LEAST);
        let mut taken = BTreeMap::<String, usize>::new();
        self.entries.retain(|entry| {
            let taken = taken.entry(entry.package.clone()).or_default();
            *taken += 1;
            *taken <= most
        });
        self.entries.truncate(size);
        Corpus {
            entries: self.entries,
            candidates,
        }
    }
}

fn fits(text: &str, characters: std::ops::RangeInclusive<usize>) -> bool {
    characters.contains(&text.chars().count()) && text.split(' ').count() >= LEAST_WORDS
}

/// Returns the name in `name-1.2.3`, a crate's folder.
fn package_of(folder: &str) -> &str {
    let version = folder
        .match_indices('-')
        .find(|(at, _)| folder[at + 1..].starts_with(|c: char| c.is_ascii_digit()));
    version.map_or(folder, |(at, _)| &folder[..at])
}

fn collect_sources(folder: &Path, sources: &mut Vec<PathBuf>) -> Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    for path in sorted(folder)? {
        if path.is_dir() {
            collect_sources(&path, sources)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push(path);
        }
    }
    Ok(())
}

/// Returns the entries of a folder, sorted so that the order is the same on every machine.
pub(super) fn sorted(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut paths = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>>>()
        .with_context(|| format!("cannot list {}", folder.display()))?;
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comment(name: &str, number: usize) -> String {
        format!(
            "/// Summary {number} of the long item {name}.\n///\n\
             /// An explanation, number {number} of {name}, that is long enough to be taken for a paragraph of its own.\n\
             fn a() {{}}\n\n"
        )
    }

    fn candidates(packages: &[(&str, usize)]) -> Candidates {
        let mut candidates = Candidates::default();
        for &(name, count) in packages {
            let source: String = (0..count).map(|number| comment(name, number)).collect();
            candidates.add(name, &source);
        }
        candidates
    }

    fn summaries(corpus: &Corpus) -> Vec<&str> {
        let entries = corpus.entries.iter();
        entries.map(|entry| entry.pair.summary.as_str()).collect()
    }

    #[test]
    fn same_seed_gives_the_same_sample_and_another_seed_another() {
        let sample = |seed| candidates(&[("a", 40), ("b", 40), ("c", 40)]).sample(60, seed);
        assert_eq!(summaries(&sample(1)), summaries(&sample(1)));
        assert_eq!(sample(1).fingerprint(), sample(1).fingerprint());
        assert_ne!(sample(1).fingerprint(), sample(2).fingerprint());
    }

    #[test]
    fn no_crate_dominates() {
        // One in 50 of 100: two of each crate, though the first alone could fill the sample.
        let corpus = candidates(&[("a", 500), ("b", 3), ("c", 1)]).sample(100, 1);
        let of = |name: &str| corpus.entries.iter().filter(|entry| entry.package == name).count();
        assert_eq!((of("a"), of("b"), of("c")), (2, 2, 1));
        assert_eq!((corpus.packages(), corpus.candidates), (3, 504));
    }

    #[test]
    fn equal_texts_are_taken_once_and_short_ones_never() {
        let mut candidates = candidates(&[("a", 2), ("a", 2)]);
        assert_eq!(candidates.entries.len(), 2);
        candidates.add("b", "/// Too short.\n///\n/// Too short as well.\nfn a() {}");
        assert_eq!(candidates.entries.len(), 2);
    }

    #[test]
    fn version_is_cut_off_the_name_of_a_crate() {
        let names = ["sha2-0.10.9", "zstd-sys-2.1.3+zstd.1.5.7", "x86-64-thing", "plain"];
        assert_eq!(names.map(package_of), ["sha2", "zstd-sys", "x86", "plain"]);
    }

    #[test]
    fn crates_of_a_registry_are_read() {
        let registry = tempfile::tempdir().unwrap();
        for name in ["b-1.0.0", "a-1.0.0"] {
            let folder = registry.path().join(name).join("src/inner");
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("lib.rs"), comment(name, 1)).unwrap();
            fs::write(folder.join("notes.md"), comment(name, 2)).unwrap();
        }
        let corpus = Corpus::read(registry.path(), 10, 1).unwrap();
        assert_eq!((corpus.entries.len(), corpus.packages()), (2, 2));
    }
}
