mod memory;

use memory::Memory;

use super::{Command, MAX_FILE_BYTES};

async fn memory(files: &[(&str, &str)]) -> Memory {
    let memory = Memory::default();
    for (path, text) in files {
        memory.done(create(path, text)).await;
    }
    memory
}

fn view(path: &str, view_range: Option<(i64, i64)>) -> Command {
    let path = path.to_owned();
    Command::View { path, view_range }
}

fn create(path: &str, text: &str) -> Command {
    Command::Create {
        path: path.to_owned(),
        file_text: text.to_owned(),
    }
}

fn replace(path: &str, old: &str, new: &str) -> Command {
    Command::StrReplace {
        path: path.to_owned(),
        old_str: old.to_owned(),
        new_str: new.to_owned(),
    }
}

fn insert(path: &str, line: i64, text: &str) -> Command {
    Command::Insert {
        path: path.to_owned(),
        insert_line: line,
        insert_text: text.to_owned(),
    }
}

fn delete(path: &str) -> Command {
    Command::Delete { path: path.to_owned() }
}

fn rename(from: &str, to: &str) -> Command {
    Command::Rename {
        old_path: from.to_owned(),
        new_path: to.to_owned(),
    }
}

#[tokio::test]
async fn a_directory_is_listed_two_levels_deep_with_sizes() {
    let empty = Memory::default();
    assert_eq!(
        empty.done(view("/memories", None)).await,
        "Here're the files and directories up to 2 levels deep in /memories, excluding hidden items and node_modules:\n\
         0B\t/memories"
    );
    let large = "x".repeat(1536);
    let memory = memory(&[
        ("/memories/b.md", &large),
        ("/memories/a/notes.md", "12345"),
        ("/memories/a/deep/er/leaf.md", "1"),
        ("/memories/a.md", "12"),
        ("/memories/.hidden", "1"),
        ("/memories/a/.git/config", "1"),
        ("/memories/node_modules/x/y.js", "1"),
    ])
    .await;
    assert_eq!(
        memory.done(view("/memories/", None)).await,
        "Here're the files and directories up to 2 levels deep in /memories, excluding hidden items and node_modules:\n\
         1.5K\t/memories\n\
         7B\t/memories/a/\n\
         1B\t/memories/a/deep/\n\
         5B\t/memories/a/notes.md\n\
         2B\t/memories/a.md\n\
         1.5K\t/memories/b.md"
    );
    assert_eq!(
        memory.done(view("/memories/a/deep", None)).await,
        "Here're the files and directories up to 2 levels deep in /memories/a/deep, excluding hidden items and node_modules:\n\
         1B\t/memories/a/deep\n\
         1B\t/memories/a/deep/er/\n\
         1B\t/memories/a/deep/er/leaf.md"
    );
    assert_eq!(
        memory.refused(view("/memories/b", None)).await,
        "The path /memories/b does not exist. Please provide a valid path."
    );
}

#[tokio::test]
async fn a_long_listing_is_cut_and_says_so() {
    let memory = Memory::default();
    for number in 0..1_005 {
        memory.done(create(&format!("/memories/{number:04}"), "x")).await;
    }
    let listing = memory.done(view("/memories", None)).await;
    assert_eq!(listing.lines().count(), 1_003);
    assert!(
        listing.ends_with("\n(5 more are not shown; view a directory of them)"),
        "{listing}"
    );
}

#[tokio::test]
async fn a_file_is_shown_with_line_numbers() {
    let memory = memory(&[("/memories/n.txt", "Hello World\nThis is line two\nthree")]).await;
    let header = "Here's the content of /memories/n.txt with line numbers:\n";
    for (range, expected) in [
        (None, "     1\tHello World\n     2\tThis is line two\n     3\tthree"),
        (Some((2, 3)), "     2\tThis is line two\n     3\tthree"),
        (Some((2, -1)), "     2\tThis is line two\n     3\tthree"),
        (Some((0, 1)), "     1\tHello World"),
        (Some((3, 99)), "     3\tthree"),
    ] {
        let shown = memory.done(view("/memories/n.txt", range)).await;
        assert_eq!(shown, format!("{header}{expected}"), "{range:?}");
    }
    for range in [(4, 9), (3, 2), (i64::MAX, -1), (1, -2)] {
        let text = memory.refused(view("/memories/n.txt", Some(range))).await;
        let (first, last) = range;
        assert_eq!(
            text,
            format!(
                "Error: Invalid `view_range` parameter: [{first}, {last}]. It should be within the range of lines of the file: [1, 3]"
            )
        );
    }
}

#[tokio::test]
async fn a_file_is_created_once() {
    let memory = Memory::default();
    let text = "  kept as it is\n\n";
    assert_eq!(
        memory.done(create("/memories/a/n.txt", text)).await,
        "File created successfully at: /memories/a/n.txt"
    );
    assert_eq!(memory.text("/memories/a/n.txt"), text);
    memory.done(create("/memories/empty", "")).await;
    for (path, expected) in [
        ("/memories/a/n.txt", "Error: File /memories/a/n.txt already exists"),
        ("/memories/a", "Error: File /memories/a already exists"),
        ("/memories", "Error: File /memories already exists"),
        (
            "/memories/a/n.txt/below/it",
            "Error: The path /memories/a/n.txt is not a directory",
        ),
    ] {
        assert_eq!(memory.refused(create(path, "other")).await, expected);
    }
}

#[tokio::test]
async fn a_text_is_replaced_where_it_stands_once() {
    let memory = memory(&[("/memories/p.txt", "1\n2\n3\nblue é\n5\n6\n7\n")]).await;
    assert_eq!(
        memory.done(replace("/memories/p.txt", "blue é", "green\nred")).await,
        "The memory file has been edited. Here is the snippet showing the change (with line numbers):\n     \
         2\t2\n     3\t3\n     4\tgreen\n     5\tred\n     6\t5"
    );
    assert_eq!(memory.text("/memories/p.txt"), "1\n2\n3\ngreen\nred\n5\n6\n7\n");
    assert_eq!(
        memory.done(replace("/memories/p.txt", "1\n", "")).await,
        "The memory file has been edited. Here is the snippet showing the change (with line numbers):\n     \
         1\t2\n     2\t3\n     3\tgreen"
    );
    for (old, expected) in [
        (
            "pink",
            "No replacement was performed, old_str `pink` did not appear verbatim in /memories/p.txt.",
        ),
        (
            "",
            "No replacement was performed, old_str `` did not appear verbatim in /memories/p.txt.",
        ),
        (
            "re",
            "No replacement was performed. Multiple occurrences of old_str `re` in lines: 3, 4. Please ensure it is unique",
        ),
    ] {
        assert_eq!(memory.refused(replace("/memories/p.txt", old, "x")).await, expected);
    }
    memory.done(create("/memories/d/f", "aa\naa\n\n\n\n")).await;
    assert_eq!(
        memory.refused(replace("/memories/d/f", "\n\n", "x")).await,
        "No replacement was performed. Multiple occurrences of old_str `\n\n` in lines: 2, 3, 4. Please ensure it is unique"
    );
    // A directory is no file, and is answered like nothing.
    for path in ["/memories/d", "/memories/none", "/memories"] {
        assert_eq!(
            memory.refused(replace(path, "a", "b")).await,
            format!("Error: The path {path} does not exist. Please provide a valid path.")
        );
    }
}

#[tokio::test]
async fn lines_are_inserted_after_a_line() {
    for (before, line, text, after) in [
        ("a\nb\n", 0, "x\n", "x\na\nb\n"),
        ("a\nb\n", 1, "x", "a\nx\nb\n"),
        ("a\nb\n", 2, "x\ny\n", "a\nb\nx\ny\n"),
        ("a\nb", 2, "x\n", "a\nb\nx\n"),
        ("a\r\nb\r\n", 1, "x\n", "a\r\nx\nb\r\n"),
        ("", 0, "x\n", "x\n"),
        ("a\n", 1, "\n\n", "a\n\n\n"),
    ] {
        let memory = memory(&[("/memories/t", before)]).await;
        let reply = memory.done(insert("/memories/t", line, text)).await;
        assert_eq!(reply, "The file /memories/t has been edited.");
        assert_eq!(memory.text("/memories/t"), after, "{before:?} {line} {text:?}");
    }
    let memory = memory(&[("/memories/d/t", "a\nb\n")]).await;
    for line in [-1, 3, i64::MAX] {
        assert_eq!(
            memory.refused(insert("/memories/d/t", line, "x")).await,
            format!(
                "Error: Invalid `insert_line` parameter: {line}. It should be within the range of lines of the file: [0, 2]"
            )
        );
    }
    for path in ["/memories/d", "/memories/none"] {
        assert_eq!(
            memory.refused(insert(path, 0, "x")).await,
            format!("Error: The path {path} does not exist")
        );
    }
}

#[tokio::test]
async fn a_directory_is_deleted_with_all_that_is_in_it_and_nothing_else() {
    let memory = memory(&[
        ("/memories/a/x", "1"),
        ("/memories/a/b/y", "1"),
        ("/memories/ab", "1"),
        ("/memories/c", "1"),
    ])
    .await;
    assert_eq!(
        memory.done(delete("/memories/a/")).await,
        "Successfully deleted /memories/a"
    );
    assert_eq!(
        memory.done(delete("/memories/c")).await,
        "Successfully deleted /memories/c"
    );
    let left: Vec<_> = memory.files().keys().map(ToString::to_string).collect();
    assert_eq!(left, ["/memories/ab"]);
    assert_eq!(
        memory.refused(delete("/memories/a")).await,
        "Error: The path /memories/a does not exist"
    );
    assert_eq!(
        memory.refused(delete("/memories/")).await,
        "Cannot delete the /memories directory itself"
    );
}

#[tokio::test]
async fn files_and_directories_are_renamed_and_replace_nothing() {
    let memory = memory(&[
        ("/memories/draft.txt", "d"),
        ("/memories/a/x", "x"),
        ("/memories/a/b/y", "y"),
        ("/memories/other", "o"),
    ])
    .await;
    assert_eq!(
        memory
            .done(rename("/memories/draft.txt", "/memories/c/final.txt"))
            .await,
        "Successfully renamed /memories/draft.txt to /memories/c/final.txt"
    );
    assert_eq!(
        memory.done(rename("/memories/a", "/memories/z")).await,
        "Successfully renamed /memories/a to /memories/z"
    );
    let left: Vec<_> = memory.files().keys().map(ToString::to_string).collect();
    assert_eq!(
        left,
        [
            "/memories/c/final.txt",
            "/memories/other",
            "/memories/z/b/y",
            "/memories/z/x"
        ]
    );
    for (from, to, expected) in [
        (
            "/memories/z",
            "/memories/other",
            "Error: The destination /memories/other already exists",
        ),
        (
            "/memories/other",
            "/memories/z",
            "Error: The destination /memories/z already exists",
        ),
        (
            "/memories/other",
            "/memories/other",
            "Error: The destination /memories/other already exists",
        ),
        (
            "/memories/other",
            "/memories",
            "Error: The destination /memories already exists",
        ),
        (
            "/memories/none",
            "/memories/new",
            "Error: The path /memories/none does not exist",
        ),
        (
            "/memories",
            "/memories/new",
            "Cannot rename the /memories directory itself",
        ),
        (
            "/memories/z",
            "/memories/z/in",
            "Error: The path /memories/z cannot be moved into itself",
        ),
        (
            "/memories/z",
            "/memories/other/in",
            "Error: The path /memories/other is not a directory",
        ),
    ] {
        assert_eq!(memory.refused(rename(from, to)).await, expected);
    }
    let long = format!("/memories/{}", "n".repeat(240));
    assert_eq!(
        memory.refused(rename("/memories/z", &format!("{long}/zz"))).await,
        format!("Error: A path below {long}/zz would be too long")
    );
}

#[tokio::test]
async fn no_command_leaves_the_directory() {
    let memory = memory(&[("/memories/a", "1")]).await;
    for (path, expected) in [
        ("/etc/passwd", "Path must start with /memories, got: /etc/passwd"),
        ("/memories/../b", "Path /memories/../b would escape /memories directory"),
        (
            "/memories/%2e%2e/b",
            "Path /memories/%2e%2e/b would escape /memories directory",
        ),
    ] {
        for command in [
            view(path, None),
            create(path, "x"),
            replace(path, "1", "2"),
            insert(path, 0, "x"),
            delete(path),
            rename(path, "/memories/new"),
            rename("/memories/a", path),
        ] {
            assert_eq!(memory.refused(command).await, expected);
        }
    }
    let text = memory.refused(view("/memories/a\0b", None)).await;
    assert!(text.starts_with("Path /memories/a\u{fffd}b is not valid"), "{text}");
    let text = memory.refused(view(&"/memories/é".repeat(100_000), None)).await;
    assert!(text.len() < 600, "{} bytes", text.len());
}

#[tokio::test]
async fn files_are_bounded() {
    let memory = memory(&[("/memories/a", "ab")]).await;
    let full = "x".repeat(MAX_FILE_BYTES);
    memory.done(create("/memories/full", &full)).await;
    for command in [
        create("/memories/b", &format!("{full}x")),
        replace("/memories/a", "a", &full),
        insert("/memories/full", 1, ""),
    ] {
        let text = memory.refused(command).await;
        assert!(text.contains("the maximum is 32768"), "{text}");
    }
    let text = memory.refused(create("/memories/b", "a\0b")).await;
    assert!(text.contains("NUL"), "{text}");
}

#[tokio::test]
async fn an_edit_keeps_the_change_of_another_client() {
    let memory = memory(&[("/memories/a", "one\n")]).await;
    *memory.interruptions.lock().unwrap() = 2;
    memory.done(replace("/memories/a", "one", "two")).await;
    assert_eq!(
        memory.text("/memories/a"),
        "two\nfrom another client\nfrom another client\n"
    );
    *memory.interruptions.lock().unwrap() = u32::MAX;
    let reply = memory.run(&insert("/memories/a", 0, "x")).await;
    assert!(reply.is_error);
    assert!(
        !memory.text("/memories/a").contains('x'),
        "{}",
        memory.text("/memories/a")
    );
}
