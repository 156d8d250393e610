use super::*;

fn analyzer() -> Analyzer {
    Analyzer::new(Config::default())
}

fn of(language: Language) -> Analyzer {
    Analyzer::new(Config {
        language: LanguageChoice::Of(language),
        ..Config::default()
    })
}

/// Returns how well a text answers a question in a scope with texts like it: the sum over the question's words.
fn evidence(analyzer: &Analyzer, text: &str, question: &str) -> f32 {
    let text = analyzer.document(text, None).terms;
    let languages: Vec<Language> = Analyzer::languages(&text).collect();
    let words = analyzer.question(question, &languages).words;
    words.iter().map(|word| word.weight_in(&text)).sum()
}

fn finds(text: &str, question: &str) -> bool {
    evidence(&analyzer(), text, question) > 0.0
}

#[test]
fn inflected_forms_share_a_term() {
    for question in ["fox", "Run", "CLEVERLY"] {
        assert!(finds("The foxes were running, cleverly!", question), "{question}");
    }
}

#[test]
fn words_are_found_however_they_are_joined() {
    for (text, question) in [
        ("Call O'Brien about the audit.", "Brien"),
        ("Call Brien about the audit.", "O'Brien"),
        ("L'hôpital est fermé le lundi.", "hôpital"),
        ("La clé est à l\u{2019}hôpital de la ville.", "hopital"),
        ("Je pense qu'Antoine vient demain.", "Antoine"),
        ("Il treno dell'aeroporto parte alle otto.", "aeroporto"),
        ("She moved to Côte d'Ivoire in May.", "Ivoire"),
        ("Ask D'Souza for the key.", "Souza"),
        ("He reads the Qur'an every day.", "Quran"),
        ("The user's theme is dark.", "user"),
        ("level:fatal component:scheduler", "fatal"),
        ("We met in Tallinn.Then we went home.", "Tallinn"),
        ("Set MAX_RETRY_COUNT to five.", "retry"),
        ("OvertimeService fails at night.", "overtime"),
        ("Edit nginx.conf on the host.", "nginx"),
        ("Use the feature-flag service.", "featureflag"),
        ("It is in src/http/problem.rs.", "problem"),
        ("The service is written in C++.", "C++"),
        ("We moved from Java to .NET last year.", ".NET"),
        ("We moved from Java to .NET last year.", "net"),
        ("Version v1.2.3 is out.", "v1.2.3"),
        ("The offset is 3.14 today.", "3.14"),
    ] {
        assert!(finds(text, question), "{question} in {text}");
    }
    for (text, question) in [
        ("The service is written in C#.", "C++"),
        ("The service is written in C.", "C#"),
        ("The service is written in C.", "C++"),
        ("Він любить м'яту.", "м'ясо"),
        ("The offset is 3.14 today.", "14"),
    ] {
        assert!(!finds(text, question), "{question} in {text}");
    }
}

#[test]
fn an_identifier_is_found_before_its_parts() {
    let analyzer = analyzer();
    for (exact, loose, question) in [
        (
            "set max_retry_count to five",
            "max was here, retry the count",
            "max_retry_count",
        ),
        ("Call O'Brien", "Call Brien", "O'Brien"),
        ("the café is closed", "the cafe is closed", "café"),
        ("a follow-up meeting", "follow me up the hill", "follow-up"),
    ] {
        let [exact, loose] = [exact, loose].map(|text| evidence(&analyzer, text, question));
        assert!(exact > loose && loose > 0.0, "{question}: {exact} {loose}");
    }
    // Accents that the question leaves out cost nothing.
    let [with, without] = ["the café is closed", "the cafe is closed"].map(|text| evidence(&analyzer, text, "cafe"));
    assert!((with - without).abs() < 1e-6);
}

#[test]
fn accents_points_and_dots_may_be_left_out_in_every_language() {
    for (text, question) in [
        ("Das Café in Málaga hat offen.", "cafe malaga"),
        ("Die Straße ist gesperrt.", "strasse"),
        ("Herr Müller wohnt im Haus nebenan.", "Mueller"),
        ("Herr Mueller wohnt im Haus nebenan.", "Müller"),
        ("İstanbul çok kalabalık bir şehir.", "istanbul"),
        ("Yarın ISPARTA'ya gidiyoruz, hava çok güzel.", "Isparta"),
        ("Tôi sống ở Đà Nẵng với gia đình.", "da nang"),
        ("Mieszkam w Łodzi od dwóch lat.", "lodzi"),
        ("Η Αθήνα είναι μεγάλη πόλη.", "αθηνα"),
        ("Ο δρόμος είναι μακρύς.", "ΔΡΟΜΟΣ"),
        ("Мы купили новую ёлку.", "елку"),
        ("قرأت كِتَابٌ جديد في البيت.", "كتاب"),
        ("يعمل أحمد في البنك.", "احمد"),
        ("אמרתי לו שָׁלוֹם בבוקר.", "שלום"),
        ("El niño vive en España con su abuela.", "nino espana"),
        ("La facturación llega cada mes.", "facturacion"),
        ("हमने ज़मीन खरीदी है।", "जमीन"),
    ] {
        assert!(finds(text, question), "{question} in {text}");
    }
}

#[test]
fn words_are_found_without_spaces_and_with_particles() {
    for (text, question) in [
        ("她的先生邬启明是消防员,经常夜里出勤。", "消防员是谁?"),
        ("工作群里每天有上百条消息。", "群"),
        ("看護学校の文化祭は九月だ。", "文化祭はいつですか。"),
        ("彼女はコーヒーが好きです。", "コーヒー"),
        ("พรุ่งนี้ฉันจะไปโรงพยาบาลกับแม่", "โรงพยาบาล"),
        ("កុមារចូលចិត្តទៅសាលារៀន", "សាលារៀន"),
        ("ຂ້ອຍໄປໂຮງຮຽນທຸກມື້", "ໂຮງຮຽນ"),
        ("ကျွန်တော် ကျောင်းသွားတယ်", "ကျောင်း"),
        (
            "남편 탁민우는 조선소 용접공이라 귀가 늘 울린다.",
            "탁민우의 직업은 뭐야?",
        ),
        ("모은채는 부산에서 동물병원을 운영한다.", "동물병원"),
        ("우리는 서울에서 만났다.", "서울"),
        ("我在用React写前端。", "react"),
        ("Priya 住在上海浦东。", "浦东"),
    ] {
        assert!(finds(text, question), "{question} in {text}");
    }
    assert!(!finds("她的先生邬启明是消防员。", "天气怎么样"));
}

#[test]
fn signs_are_terms() {
    assert!(finds("🎂🎂🎂 🥳", "🎂"));
    assert!(finds("Party at eight 👍🏽", "👍"));
    assert!(finds("The fee is €500.", "€"));
    assert!(finds("???", "?"));
    assert!(!finds("🎂🎂🎂 🥳", "🎉"));
    for text in ["Is it over?", "Ist es schön?"] {
        assert!(!finds(text, "?"), "punctuation counts only where there is nothing else");
    }
    assert!(analyzer().question("", &[]).terms.is_empty());
}

#[test]
fn capitals_keep_a_name_that_looks_like_a_function_word() {
    for (right, wrong, question) in [
        (
            "Priya works in IT.",
            "Otto works in HR, and it suits him.",
            "Who works in IT?",
        ),
        (
            "Take vitamin A with lunch.",
            "Take a vitamin D tablet.",
            "When do I take vitamin A?",
        ),
        (
            "Ask Will for the door code.",
            "The door code will change.",
            "Does Will know the door code?",
        ),
        (
            "Our band is called The Who.",
            "Ask who called the band.",
            "Which band is called The Who?",
        ),
        (
            "The report came from WHO.",
            "The report says who came.",
            "What did WHO report?",
        ),
        ("Lunch is with Can.", "They can have lunch.", "Is lunch with Can?"),
        ("Team A starts.", "A team starts.", "When does team A start?"),
    ] {
        let [right, wrong] = [right, wrong].map(|text| evidence(&analyzer(), text, question));
        assert!(right > wrong, "{question}: {right} {wrong}");
    }
}

#[test]
fn function_words_of_english_say_nothing_unless_they_are_all_there_is() {
    let terms = |question| analyzer().question(question, &[Language::English]).terms;
    assert_eq!(terms("When did the dog bark?"), terms("dog bark"));
    assert!(!terms("who are you").is_empty());
    let german = of(Language::German).question("Wo ist der Hund?", &[]);
    let weights: Vec<(&str, f32)> = german
        .words
        .iter()
        .map(|word| (word.text.as_str(), word.weight))
        .collect();
    assert_eq!(weights, [("Wo", 0.25), ("ist", 0.25), ("der", 0.25), ("Hund", 1.0)]);
}

#[test]
fn every_word_of_a_question_keeps_its_place() {
    let question = "Où est l'hôpital de María, in 北京 (max_retry)?";
    for word in analyzer().question(question, &[]).words {
        assert_eq!(question[word.range.clone()], word.text);
    }
}

#[test]
fn repetition_saturates_and_length_discounts() {
    let weight = |text: &str| evidence(&of(Language::English), text, "dog");
    let once = weight("dog barks here");
    let twice = weight("dog dog here");
    assert!(twice > once && twice < 2.0 * once);
    assert!(weight(&format!("dog {}", "cat ".repeat(100))) < once);
}

#[test]
fn the_language_of_a_text_is_told_from_a_sentence() {
    for (text, code) in [
        ("She moved to Lisbon with her two dogs.", "en"),
        ("Die Verträge liegen beim Notar.", "de"),
        ("Los contratos están firmados.", "es"),
        ("La clé est chez la voisine.", "fr"),
        ("Le chiavi sono dalla vicina di casa.", "it"),
        ("As chaves estão com a vizinha.", "pt"),
        ("De sleutels liggen bij de buurvrouw op de tweede verdieping.", "nl"),
        ("Nycklarna ligger hos grannen och väntar på dig.", "sv"),
        ("Klucze są u sąsiadki na drugim piętrze.", "pl"),
        ("Договоры лежат у нотариуса.", "ru"),
        ("Ключі лежать у сусідки, що живе поверхом вище.", "uk"),
        ("Τα κλειδιά είναι στη γειτόνισσα.", "el"),
        ("المفاتيح عند الجارة في الطابق الثاني.", "ar"),
        ("המפתחות אצל השכנה.", "he"),
        ("चाबियाँ पड़ोसी के पास हैं।", "hi"),
        ("钥匙在邻居那里。", "zh"),
        ("鍵は隣の人が持っています。", "ja"),
        ("열쇠는 이웃집에 있다.", "ko"),
        ("กุญแจอยู่กับเพื่อนบ้าน", "th"),
        ("Chìa khóa ở chỗ người hàng xóm.", "vi"),
        ("Anahtarlar komşuda duruyor ve seni bekliyor.", "tr"),
    ] {
        let found = analyzer().document(text, None).language.map(Language::code);
        assert_eq!(found, Some(code), "{text}");
    }
    for uncertain in ["12:30 :-)", "User prefers dark mode"] {
        assert_eq!(analyzer().document(uncertain, None).language, None, "{uncertain}");
    }
}

#[test]
fn a_given_language_is_believed() {
    for (tag, language) in [
        ("de", Some(Language::German)),
        ("pt-BR", Some(Language::Portuguese)),
        ("nb", Some(Language::Norwegian)),
        ("zh-Hant", Some(Language::Chinese)),
        ("deu", Some(Language::German)),
        ("sw", None),
    ] {
        let found = analyzer().document("Call the office", Some(tag));
        assert_eq!(found.language, language, "{tag}");
        assert_eq!(Analyzer::languages(&found.terms).next(), language, "{tag}");
    }
}

#[test]
fn a_question_is_read_in_the_languages_of_its_scope() {
    let analyzer = analyzer();
    let text = analyzer.document("Los contratos están firmados.", Some("es")).terms;
    let found = |languages: &[Language]| {
        let words = analyzer.question("Where does Jon keep the contrato?", languages).words;
        words.iter().any(|word| word.weight_in(&text) > 0.0)
    };
    assert!(found(&[Language::English, Language::Spanish]));
    assert!(!found(&[Language::English]));
}

#[test]
fn a_short_text_of_no_certain_language_is_found_as_it_is_written_and_as_english() {
    assert_eq!(analyzer().document("Bought tires", None).language, None);
    assert!(finds("Bought tires", "tire"));
    assert!(finds("Schlüsselbund Kommode", "schluesselbund"));
}

#[test]
fn settings_are_read_by_name_and_by_code() {
    for (name, choice) in [
        ("auto", Some(LanguageChoice::Auto)),
        ("none", Some(LanguageChoice::None)),
        ("german", Some(LanguageChoice::Of(Language::German))),
        ("pt-BR", Some(LanguageChoice::Of(Language::Portuguese))),
        ("klingon", None),
    ] {
        assert_eq!(LanguageChoice::try_from(name.to_owned()).ok(), choice, "{name}");
    }
}

#[test]
fn terms_carry_the_mark_of_their_analyzer() {
    let terms = analyzer().document("The dog barks", None).terms;
    assert!(analyzer().made(&terms));
    assert!(!of(Language::German).made(&terms));
}

#[test]
fn terms_never_change_between_versions() {
    // Stored contexts hold these numbers: a change without a new version makes them unfindable.
    let words = analyzer().question("memory", &[Language::English]).words;
    assert!(words[0].terms.contains(&(2_742_394_764, 1.0)));
}
