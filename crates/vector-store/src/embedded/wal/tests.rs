use super::format::{CHECKSUM, HEADER, LENGTH, PAGE, Read};
use super::*;

/// A log with these operations in the engine's only file, and that file.
fn log(operations: &[Vec<u8>]) -> (tempfile::TempDir, Vec<u8>) {
    let shard = tempfile::tempdir().unwrap();
    let operations: Vec<&[u8]> = operations.iter().map(Vec::as_slice).collect();
    replace(shard.path(), 7, &operations).unwrap();
    let file = fs::read(shard.path().join(LOG).join("closed-7")).unwrap();
    (shard, file)
}

fn operations() -> Vec<Vec<u8>> {
    (1..30_u8).map(|number| vec![number; 3 * usize::from(number)]).collect()
}

fn found(file: &[u8], read: &Read) -> Vec<Option<Vec<u8>>> {
    let data = |place: &Option<Range<usize>>| place.clone().map(|place| file[place].to_vec());
    read.operations.iter().map(data).collect()
}

#[test]
fn written_operations_are_read() {
    let (shard, file) = log(&operations());
    let read = read(&file);
    assert_eq!((&read.damage, read.end), (&Vec::new(), End::Sound));
    assert_eq!(
        found(&file, &read),
        operations().into_iter().map(Some).collect::<Vec<_>>()
    );
    let log = Log::read(&shard.path().join(LOG)).unwrap().unwrap();
    assert_eq!((log.first, log.end()), (7, 36));
    assert_eq!(log.pending(10).unwrap().1.len(), 29);
    assert_eq!(cut(shard.path()).unwrap(), None);
}

#[test]
fn no_flipped_bit_hides_or_changes_another_operation() {
    let operations = operations();
    let (_shard, sound) = log(&operations);
    for byte in 0..sound.len() {
        for bit in 0..8 {
            let mut file = sound.clone();
            file[byte] ^= 1 << bit;
            let read = read(&file);
            let found = found(&file, &read);
            // A damaged last entry may look like one that was not written out.
            assert!(!read.damage.is_empty() || read.end != End::Sound, "{byte} {bit}");
            assert!(found.len() >= operations.len() - 1, "{byte} {bit}: {read:?}");
            let lost = operations.iter().zip(&found).filter(|(operation, found)| {
                assert!(found.as_ref().is_none_or(|found| found == *operation), "{byte} {bit}");
                found.is_none()
            });
            assert!(lost.count() <= 1, "{byte} {bit}");
        }
    }
}

#[test]
fn a_torn_operation_ends_the_log() {
    let (_shard, sound) = log(&operations());
    let last = 3 * 29;
    for missing in CHECKSUM..last {
        let mut file = sound.clone();
        let from = file.len() - missing;
        file[from..].fill(0);
        file.resize(file.len() + 2 * PAGE, 0);
        let read = read(&file);
        assert_eq!((read.operations.len(), read.damage.len()), (28, 0), "{missing}");
        assert_eq!(read.end, End::Torn { before_others: false }, "{missing}");
    }
}

#[test]
fn damaged_applied_operations_are_dropped_and_others_keep_their_numbers() {
    let (shard, sound) = log(&operations());
    let path = shard.path().join(LOG).join("closed-7");
    let mut file = sound.clone();
    file[HEADER + LENGTH] ^= 1;
    fs::write(&path, &file).unwrap();
    fs::create_dir_all(shard.path().join("segments/a")).unwrap();
    let applied = |version: u64| {
        let state = format!("{{\"version\": {version}, \"config\": {{}}}}");
        fs::write(shard.path().join("segments/a").join(SEGMENT_STATE_FILE), state).unwrap();
    };
    let noted = |number: u64| {
        let note = format!("{{\"ack_index\":{number}}}");
        fs::write(shard.path().join(LOG).join(ACKNOWLEDGED), note).unwrap();
    };
    // The engine never got to it.
    applied(0);
    assert!(
        cut(shard.path())
            .unwrap_err()
            .to_string()
            .contains("Restore a snapshot")
    );
    assert_eq!(fs::read(&path).unwrap(), file, "it is left as it was");
    applied(20);
    noted(20);
    assert!(cut(shard.path()).unwrap().unwrap().contains("closed-7 at byte 8"));
    let log = Log::read(&shard.path().join(LOG)).unwrap().unwrap();
    assert_eq!((log.first, log.end()), (20, 36));
    assert_eq!(log.operations[0].as_deref(), Some(&*operations()[13]));
    assert_eq!(cut(shard.path()).unwrap(), None);

    // The note is wrong: everything is applied again.
    noted(99);
    assert_eq!(
        Log::read(&shard.path().join(LOG))
            .unwrap()
            .unwrap()
            .pending(20)
            .unwrap()
            .0,
        20
    );
    // The segments have more than the log: its end is missing.
    applied(98);
    assert_eq!(cut(shard.path()).unwrap(), None);
    assert_eq!(Log::read(&shard.path().join(LOG)).unwrap().unwrap().first, 100);
}

#[test]
fn a_missing_log_begins_behind_all_applied_operations() {
    let shard = tempfile::tempdir().unwrap();
    fs::create_dir_all(shard.path().join("segments/a")).unwrap();
    fs::write(
        shard.path().join("segments/a").join(SEGMENT_STATE_FILE),
        r#"{"version": 41}"#,
    )
    .unwrap();
    assert!(cut(shard.path()).unwrap().unwrap().contains("missing"));
    assert!(shard.path().join(LOG).join("closed-42").exists());
    // Interrupted in the middle of the replacement.
    fs::rename(shard.path().join(LOG), shard.path().join(OLD_LOG)).unwrap();
    assert_eq!(cut(shard.path()).unwrap(), None);
    assert!(shard.path().join(LOG).join("closed-42").exists());
}
