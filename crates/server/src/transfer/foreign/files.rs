//! Files of an export.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use indicatif::{ProgressBar, ProgressBarIter};

/// Maximum length of a line: transcripts have images in base64.
const MAX_LINE_BYTES: u64 = 64 << 20;

/// A file that is being read.
pub(super) type Reader = BufReader<ProgressBarIter<File>>;

/// Returns the file, or the files of a folder that `is_wanted` wants by their paths below it, in the order of these. Links
/// to folders are not followed.
pub(super) fn find(path: &Path, is_wanted: impl Fn(&Path) -> bool) -> anyhow::Result<Vec<PathBuf>> {
    let kind = fs::metadata(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    if !kind.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(below) = folders.pop() {
        let folder = path.join(&below);
        let cannot = || format!("cannot read the folder `{}`", folder.display());
        for entry in fs::read_dir(&folder).with_context(cannot)? {
            let entry = entry.with_context(cannot)?;
            let (kind, below) = (entry.file_type().with_context(cannot)?, below.join(entry.file_name()));
            if kind.is_dir() {
                folders.push(below);
            } else if (kind.is_file() || kind.is_symlink()) && is_wanted(&below) {
                found.push(below);
            }
        }
    }
    found.sort();
    Ok(found.into_iter().map(|below| path.join(below)).collect())
}

/// Returns the number of bytes of files.
pub(crate) fn size(files: &[PathBuf]) -> u64 {
    files
        .iter()
        .filter_map(|file| Some(fs::metadata(file).ok()?.len()))
        .sum()
}

/// Returns `true` if the name of a file ends in `.end`.
pub(super) fn ends_in(file: &Path, end: &str) -> bool {
    file.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case(end))
}

/// Returns the name of a file without its folder.
pub(super) fn name(file: &Path) -> &str {
    file.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

/// Opens a file of UTF-8 text, behind its byte order mark.
pub(super) fn open(path: &Path, bar: &ProgressBar) -> anyhow::Result<Reader> {
    let mut reader = BufReader::new(bar.wrap_read(File::open(path)?));
    match reader.fill_buf()? {
        [0xef, 0xbb, 0xbf, ..] => reader.consume(3),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => bail!("the file is UTF-16: save it as UTF-8"),
        [b'P', b'K', 3, 4, ..] | [0x1f, 0x8b, ..] => bail!("the file is an archive: unpack it first"),
        _ => {}
    }
    Ok(reader)
}

/// Reads the next line; `None` behind the last one. Of a longer line than any that is read, only the beginning is returned.
pub(super) fn line(reader: &mut Reader) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let read = reader.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut line)?;
    if read as u64 == MAX_LINE_BYTES && line.last() != Some(&b'\n') {
        reader.skip_until(b'\n')?;
    }
    Ok((read > 0).then_some(line))
}

/// Reads a whole text of at most the length of a line.
pub(super) fn text(reader: Reader) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    reader.take(MAX_LINE_BYTES + 1).read_to_end(&mut bytes)?;
    ensure!(
        bytes.len() as u64 <= MAX_LINE_BYTES,
        "the file has more than {MAX_LINE_BYTES} bytes"
    );
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
