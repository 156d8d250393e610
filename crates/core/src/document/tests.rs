use proptest::prelude::*;

use super::{Format, Piece, Size, cut};

const FORMATS: [Format; 4] = [Format::Markdown, Format::Text, Format::Html, Format::Code];

fn small() -> Size {
    Size::new(Size::MIN_TARGET).unwrap()
}

fn texts(pieces: &[Piece]) -> Vec<&str> {
    pieces.iter().map(|piece| piece.text.as_str()).collect()
}

/// Returns the text of each piece with its breadcrumb.
fn read(pieces: &[Piece]) -> Vec<(String, &str)> {
    let read = |piece: &'_ Piece| piece.headings.join(" > ");
    pieces.iter().map(|piece| (read(piece), piece.text.as_str())).collect()
}

fn words(count: usize) -> String {
    let words: Vec<_> = (0..count).map(|number| format!("word{number}")).collect();
    words.join(" ") + "."
}

#[test]
fn a_blank_document_has_no_pieces() {
    for format in FORMATS {
        for blank in ["", " \n\t\r\n", "\u{feff}", "\u{a0}\u{3000}"] {
            assert_eq!(cut(blank, format, Size::default()), [], "{format:?} {blank:?}");
        }
    }
    assert_eq!(
        cut("<p> <!-- x --><script>let a;</script>", Format::Html, Size::default()),
        []
    );
}

#[test]
fn a_short_document_is_one_piece_as_it_was_sent() {
    let text = "\u{feff}\r\n# Title\r\n\r\nA paragraph.\r\n\r\n- one\r\n- two\r\n\r\n";
    let pieces = cut(text, Format::Markdown, Size::default());
    assert_eq!(read(&pieces), [("Title".to_owned(), text[5..].trim_end())]);
    assert_eq!((pieces[0].offset, pieces[0].length), (5, text.trim_end().len() - 5));
}

#[test]
fn pieces_of_markdown_follow_the_sections() {
    let (long, other) = (words(10), words(9));
    let text = format!(
        "Before.\n\n# Guide\n\n## Install\n\n{long}\n\n{other}\n\n### `cargo` *way*\n\n{other}\n\n## Use\n\n{long}\n\n# Notes\n\nEnd."
    );
    let pieces = cut(&text, Format::Markdown, small());
    assert_eq!(
        read(&pieces),
        [
            (String::new(), "Before."),
            (
                "Guide > Install".to_owned(),
                format!("# Guide\n\n## Install\n\n{long}").as_str()
            ),
            ("Guide > Install".to_owned(), &other),
            (
                "Guide > Install > cargo way".to_owned(),
                &format!("### `cargo` *way*\n\n{other}")
            ),
            ("Guide > Use".to_owned(), &format!("## Use\n\n{long}")),
            ("Notes".to_owned(), "# Notes\n\nEnd."),
        ]
    );
}

#[test]
fn small_sections_share_a_piece_under_the_headings_they_share() {
    let text = "# A\n\n## B\n\none\n\n## C\n\ntwo\n\n# D\n\n## E\n\nthree, which is so long that it has no room beside them all\n";
    let pieces = cut(text, Format::Markdown, small());
    assert_eq!(
        read(&pieces),
        [
            ("A".to_owned(), "# A\n\n## B\n\none\n\n## C\n\ntwo"),
            (
                "D > E".to_owned(),
                "# D\n\n## E\n\nthree, which is so long that it has no room beside them all"
            ),
        ]
    );
}

#[test]
fn fenced_blocks_and_tables_stay_whole_with_their_heading() {
    let fence = format!("```sh\n{}```", "run the command\n\n".repeat(11));
    let table = format!("| a | b |\n|---|---|\n{}", "| cell | cell |\n".repeat(10));
    let text = format!(
        "# One\n\nTry:\n\n{fence}\n\n# Two\n\n{table}\n\nSo much.\n\n{}",
        words(8)
    );
    let pieces = cut(&text, Format::Markdown, small());
    assert_eq!(
        read(&pieces),
        [
            ("One".to_owned(), format!("# One\n\nTry:\n\n{fence}").as_str()),
            ("Two".to_owned(), &format!("# Two\n\n{}", table.trim_end())),
            ("Two".to_owned(), &format!("So much.\n\n{}", words(8))),
        ]
    );
}

#[test]
fn a_fenced_block_that_does_not_fit_is_divided_between_lines() {
    let text = format!("# Log\n\n```\n{}```\n", "a line of the log\n".repeat(40));
    let pieces = cut(&text, Format::Markdown, small());
    assert!(pieces.len() > 5);
    assert!(
        pieces[0].text.starts_with("# Log\n\n```\na line of the log"),
        "{}",
        pieces[0].text
    );
    for piece in &pieces {
        assert!(piece.text.len() <= 2 * small().target(), "{}", piece.text);
        assert!(
            piece.text.ends_with("of the log") || piece.text.ends_with("```"),
            "{}",
            piece.text
        );
        assert_eq!(piece.headings, ["Log"]);
    }
}

#[test]
fn list_items_stay_whole_and_definitions_of_links_are_kept() {
    let item = "an item of the list, with [a link][l] in it";
    let text = format!("- {item}\n  - below it\n- {item}\n\n[l]: https://example.org/l\n\n---\n\nEnd.\n");
    let pieces = cut(&text, Format::Markdown, small());
    assert_eq!(
        texts(&pieces),
        [
            format!("- {item}\n  - below it").as_str(),
            &format!("- {item}"),
            "[l]: https://example.org/l\n\n---\n\nEnd.",
        ]
    );
}

#[test]
fn prose_is_divided_between_sentences_however_it_is_wrapped() {
    let sentence = "The server keeps what it was\ntold, and finds it again. ";
    let pieces = cut(&sentence.repeat(6), Format::Text, Size::new(130).unwrap());
    assert_eq!(pieces.len(), 3);
    for piece in &pieces {
        assert_eq!(piece.text, sentence.repeat(2).trim_end());
    }
    // Without spaces, as Chinese is written.
    let pieces = cut(&"他们喜欢在山里散步。".repeat(8), Format::Text, small());
    for piece in &pieces {
        assert_eq!(piece.text, "他们喜欢在山里散步。".repeat(2));
    }
}

#[test]
fn code_is_divided_between_top_level_items() {
    let item = |name: &str| format!("/// Adds.\nfn {name}() {{\n    let a = 1;\n\n    a + 1\n\n}}");
    let text = format!(
        "use std::fmt;\n\n{}\n\n{}\n\n{}\n",
        item("one"),
        item("two"),
        item("three")
    );
    let pieces = cut(&text, Format::Code, small());
    assert_eq!(
        texts(&pieces),
        [
            format!("use std::fmt;\n\n{}", item("one")).as_str(),
            &item("two"),
            &item("three")
        ]
    );
}

#[test]
fn html_is_read_as_text_with_its_headings() {
    let text = "<!doctype html><html><head><title>Site &amp; Co</title><style>p { color: red }</style></head>\n\
        <body><script>if (a < b) alert('x')</script><h1>The <em>guide</em></h1>\n\
        <p>Caf&eacute;s &mdash; and\n   more.<br>Next.</p><!-- hidden -->\n\
        <ul><li>One</li><li>Two <img src=x alt='a picture'></li></ul>\
        <table><tr><th>Key</th> <th>Value</th></tr>\n<tr><td>a</td><td>the value</td></tr></table>\
        <h2>Code</h2><pre>  fn main() {\n      x &lt; y\n  }</pre></body></html>";
    let pieces = cut(text, Format::Html, Size::default());
    assert_eq!(
        texts(&pieces),
        [
            "Site & Co\nThe guide\nCafés — and more.\nNext.\nOne\nTwo a picture\nKey\tValue\na\tthe value\nCode\n  fn main() {\n      x < y\n  }"
        ]
    );
    assert_eq!(pieces[0].headings, ["Site & Co", "The guide"]);

    let pieces = cut(text, Format::Html, small());
    let expected = [
        (
            "Site & Co > The guide",
            "Site & Co\nThe guide\nCafés — and more.\nNext.\nOne\nTwo a picture",
        ),
        ("Site & Co > The guide", "Key\tValue\na\tthe value"),
        ("Site & Co > The guide > Code", "Code\n  fn main() {\n      x < y\n  }"),
    ];
    assert_eq!(pieces.len(), expected.len(), "{pieces:#?}");
    for (piece, (headings, shown)) in pieces.iter().zip(expected) {
        assert_eq!(
            (piece.headings.join(" > ").as_str(), piece.text.as_str()),
            (headings, shown)
        );
    }
    let source = |piece: &Piece| &text[piece.offset..piece.offset + piece.length];
    assert!(
        source(&pieces[0]).starts_with("Site &amp; Co</title>"),
        "{}",
        source(&pieces[0])
    );
    assert!(source(&pieces[0]).ends_with("a picture"), "{}", source(&pieces[0]));
    assert_eq!(
        source(&pieces[1]),
        "Key</th> <th>Value</th></tr>\n<tr><td>a</td><td>the value"
    );
    assert_eq!(source(&pieces[2]), "Code</h2><pre>  fn main() {\n      x &lt; y\n  }");
}

#[test]
fn a_long_paragraph_of_html_keeps_its_places() {
    let text = format!("<p>{}</p><p>&eacute; {}</p>", words(24), words(6));
    let pieces = cut(&text, Format::Html, small());
    assert!(pieces.len() > 3, "{pieces:#?}");
    for piece in &pieces[..pieces.len() - 1] {
        assert_eq!(&text[piece.offset..piece.offset + piece.length], piece.text);
    }
    let last = &pieces[pieces.len() - 1];
    assert_eq!(last.text, format!("é {}", words(6)));
    assert_eq!(
        &text[last.offset..last.offset + last.length],
        format!("&eacute; {}", words(6))
    );
}

#[test]
fn a_table_that_lays_out_a_page_is_not_kept_whole() {
    let text = format!(
        "<table><tr><td><h1>News</h1><p>{}</p></td><td><table><tr><td>a</td><td>b</td></tr></table></td></tr></table>",
        words(30)
    );
    let pieces = cut(&text, Format::Html, small());
    assert!(pieces.len() > 2, "{pieces:#?}");
    assert!(pieces.iter().all(|piece| piece.headings == ["News"]), "{pieces:#?}");
}

#[test]
fn titles_are_short_and_one_line() {
    let text = format!("A\ntitle\n===\n\n## {}\n\nText.", "é".repeat(500));
    let pieces = cut(&text, Format::Markdown, Size::default());
    assert_eq!(pieces[0].headings[0], "A title");
    assert_eq!(pieces[0].headings[1], format!("{}…", "é".repeat(98)));
}

#[test]
fn a_document_of_one_long_heading_is_cut_in_time() {
    let title = "title".repeat(200_000);
    for (text, format) in [
        (format!("# {title}"), Format::Markdown),
        (format!("<title>{title}"), Format::Html),
    ] {
        let pieces = cut(&text, format, small());
        assert!(pieces.len() > 10_000, "{}", pieces.len());
        assert!(pieces.iter().all(|piece| piece.headings[0].len() <= 200));
    }
}

#[test]
fn sizes_are_bounded() {
    assert_eq!(Size::new(Size::MIN_TARGET - 1), None);
    assert_eq!(Size::new(Size::MAX_TARGET + 1), None);
    assert_eq!(
        Size::new(Size::MAX_TARGET).unwrap().max(),
        crate::context::MAX_TEXT_BYTES
    );
    assert_eq!(Size::new(1_600), Some(Size::default()));
}

/// Returns parts of documents, good and broken, in every format.
fn documents() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        "[a-zé界 .\n]{0,80}",
        "#{1,7} [a-z]{0,9}\n",
        "[a-z]{1,9}\n[=-]{3,9}\n",
        "(```|~~~)[a-z]{0,3}\n([a-z{} ]{0,30}\n){0,9}(```)?\n",
        "(\\|[a-z ]{0,9}){1,4}\\|\n(\\|---){1,4}\\|\n(\\|[a-z]{0,9}){0,9}\n",
        "( {0,4}[-*+>] [a-z]{0,30}\n){1,6}",
        "\\[[a-z]\\]: <?[a-z]{0,9}>?\n",
        "</?(h[1-6]|p|div|table|tr|td|pre|ul|li|br|script|title|img alt=x&amp;|b)( [a-z]=['\"]?[a-z]?)?/?>?",
        "&(amp|lt|eacute|nbsp|#x1F600|#0|notin|x);?",
        "[\t ]{0,20}(fn|def|end|\\}|\\{) ?[a-z]{0,9}\n\n?",
        "\\PC{0,30}",
        "[\r\n\u{a0}\u{2028}\0\u{301}]{1,9}",
        Just("0123456789".repeat(30)),
        Just("🏳️‍🌈👨‍👩‍👧".repeat(12)),
    ];
    proptest::collection::vec(part, 0..24).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn pieces_are_bounded_in_order_and_the_same_again(text in documents(), target in 64_usize..400) {
        let size = Size::new(target).unwrap();
        for format in FORMATS {
            let pieces = cut(&text, format, size);
            let mut end = 0;
            for piece in &pieces {
                prop_assert!((1..=size.max()).contains(&piece.text.len()), "{format:?} {piece:?}");
                prop_assert_eq!(piece.text.trim(), &piece.text);
                prop_assert!(piece.offset >= end || format == Format::Html, "{format:?} {piece:?} before {end}");
                end = piece.offset + piece.length;
                prop_assert!(text.get(piece.offset..end).is_some(), "{format:?} {piece:?}");
                prop_assert!(piece.headings.len() <= 7 && piece.headings.iter().all(|title| title.len() <= 200));
            }
            prop_assert!(pieces.len() <= 4 + 12 * text.len() / target, "{} pieces of {} bytes", pieces.len(), text.len());
            prop_assert_eq!(&pieces, &cut(&text, format, size));
        }
    }

    #[test]
    fn every_letter_is_in_one_piece(text in documents(), target in 64_usize..400) {
        for format in [Format::Markdown, Format::Text, Format::Code] {
            let pieces = cut(&text, format, Size::new(target).unwrap());
            let mut left = text.as_bytes().to_vec();
            for piece in &pieces {
                let range = piece.offset..piece.offset + piece.length;
                prop_assert_eq!(&text[range.clone()], &piece.text);
                left[range].fill(b' ');
            }
            let left = String::from_utf8(left).unwrap();
            // Rules of Markdown divide, and say nothing.
            let left = left.trim_start_matches('\u{feff}').replace(['-', '*', '_'], " ");
            prop_assert_eq!(left.trim(), "", "{:?}", format);
        }
    }

    #[test]
    fn text_of_html_is_what_the_tokenizer_reads(words in proptest::collection::vec("[a-z]{1,9}|&amp;|&lt;b&gt;|&#233;", 1..60)) {
        let paragraphs: Vec<_> = words.chunks(5).map(|words| format!("<p class=\"x\">{}\n", words.join("  "))).collect();
        let html = paragraphs.concat();
        let pieces = cut(&html, Format::Html, small());
        let found: Vec<_> = pieces.iter().flat_map(|piece| piece.text.split_whitespace()).collect();
        let read = |word: &String| match word.as_str() {
            "&amp;" => "&".to_owned(),
            "&lt;b&gt;" => "<b>".to_owned(),
            "&#233;" => "é".to_owned(),
            word => word.to_owned(),
        };
        prop_assert_eq!(found, words.iter().map(read).collect::<Vec<_>>());
        for piece in &pieces {
            let source = &html[piece.offset..piece.offset + piece.length];
            let first = piece.text.split_whitespace().next().unwrap();
            prop_assert!(source.starts_with(first) || source.starts_with('&'), "{source} {first}");
        }
    }
}
