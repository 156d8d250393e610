//! Sources of configuration, and the errors of each.

use figment::Jail;

use super::*;

fn load_file(jail: &mut Jail, text: &str) -> figment::error::Result<Result<Config, ConfigError>> {
    jail.create_file("given.toml", text)?;
    Ok(load(&Source {
        file: Some("given.toml".into()),
        ..Source::default()
    }))
}

#[test]
fn later_sources_win() {
    Jail::expect_with(|jail| {
        jail.set_env("CONTEXT_MANAGER_SERVER__PORT", "2");
        jail.set_env("CONTEXT_MANAGER_HIRAG__L1_CACHE_SIZE", "7");
        jail.create_file("config.toml", "[server]\nport = 1\n[hirag]\nl2_cache_ttl = 60\n")?;
        let config = load(&Source {
            file: None,
            overrides: vec![("server.port", "3".to_owned())],
        })
        .unwrap();
        assert_eq!(config.server.port, 3);
        assert_eq!((config.hirag.l1_cache_size, config.hirag.l2_cache_ttl), (7, 60));
        Ok(())
    });
}

#[test]
fn every_problem_is_reported_at_once_with_a_suggestion() {
    Jail::expect_with(|jail| {
        let text =
            "[server]\nprot = 1\n[hirag]\nl1_cache_size = \"many\"\n[hirag2]\nx = 1\n[log]\nfilter = \"a=b=c\"\n";
        let error = load_file(jail, text)?.unwrap_err().to_string();
        for part in [
            "server.prot: unknown key; did you mean `port`?",
            "hirag.l1_cache_size",
            "hirag2",
            "log.filter",
        ] {
            assert!(error.contains(part), "{part} is not in {error}");
        }
        Ok(())
    });
}

#[test]
fn shards_of_earlier_versions_are_refused_with_the_way_out() {
    for (setting, refused) in [
        ("shards = 1", false),
        ("shards = 4", true),
        ("shards = 0", true),
        ("shards = \"four\"", true),
        ("sharding = \"hash\"", false),
        ("sharding = \"tenant\"", true),
    ] {
        let loaded = load_text(&format!("[vector_db]\n{setting}\n"));
        assert_eq!(loaded.is_err(), refused, "{setting}");
        if let Err(error) = loaded {
            let message = error.to_string();
            assert!(message.contains("vector_db.shard"), "{message}");
            assert!(
                message.contains("`export`") && message.contains("`import`"),
                "{message}"
            );
        }
    }
}

#[test]
fn settings_that_are_gone_still_start_the_server() {
    load_with("VECTOR_DB__SHARDS", "1").unwrap();
    load_with("VECTOR_DB__SHARDING", "hash").unwrap();
    load_with("CONSOLIDATION__ENABLED", "false").unwrap();
    let text = "[gc]\nregret_secs = 60\nown_ttl_is_final = true\n[consolidation]\nenabled = false\n";
    load_text(text).unwrap();
    let message = load_text("[dedup]\npolicy = \"merge\"\n").unwrap_err().to_string();
    assert!(message.contains("use `report`"), "{message}");
}

#[test]
fn an_open_address_needs_a_key_or_a_decision() {
    Jail::expect_with(|jail| {
        let open = "[server]\nhost = \"0.0.0.0\"\n";
        let error = load_file(jail, open)?.unwrap_err().to_string();
        for way_out in ["allow_unauthenticated = true", "context-manager keys create"] {
            assert!(error.contains(way_out), "{error}");
        }
        let hash = "0".repeat(64);
        let key = format!("[[auth.keys]]\ntenant = \"a\"\npermissions = [\"read\"]\nkey_sha256 = \"{hash}\"\n");
        assert!(load_file(jail, &format!("{open}{key}"))?.is_ok());
        assert!(load_file(jail, "[server]\nhost = \"0.0.0.0\"\nallow_unauthenticated = true\n")?.is_ok());
        Ok(())
    });
}

#[test]
fn the_key_that_commands_show_is_no_setting() {
    Jail::expect_with(|jail| {
        for name in COMMAND_VARIABLES {
            jail.set_env(name, "cm_1");
        }
        assert_eq!(load_file(jail, "")?.unwrap(), Config::default());
        assert!(ignored_names().is_empty());
        Ok(())
    });
}

#[test]
fn the_example_holds_the_defaults() {
    Jail::expect_with(|jail| {
        let example = include_str!("../../../../../config.example.toml");
        assert_eq!(load_file(jail, example)?.unwrap(), Config::default());
        Ok(())
    });
}

#[test]
fn limits_that_make_no_sense_are_named() {
    Jail::expect_with(|jail| {
        let text = "[server]\ntrusted_proxies = [\"10.0.0.0/33\"]\n[server.connections]\nmax_headers = 0\n\
                    [server.requests]\nmax_buffered_bytes = 1\n[server.tls]\ncert_file = \"a.pem\"\n\
                    [rate_limits.per_key]\nread = { burst = 5 }\nwrite = { per_second = 5 }\n";
        let error = load_file(jail, text)?.unwrap_err().to_string();
        for part in [
            "server.trusted_proxies: `10.0.0.0/33` is neither",
            "rate_limits.per_key.read.per_sec: is needed",
            "rate_limits.per_key.write.per_second: unknown key; did you mean `per_sec`?",
        ] {
            assert!(error.contains(part), "{part} is not in {error}");
        }
        let text = text.replace("10.0.0.0/33", "10.0.0.0/8");
        let error = load_file(jail, &text)?.unwrap_err().to_string();
        for part in [
            "server.connections.max_headers: must be at least 1",
            "server.requests.max_buffered_bytes: must be at least server.max_body_bytes",
            "server.tls.key_file: is needed beside cert_file",
        ] {
            assert!(error.contains(part), "{part} is not in {error}");
        }
        let origin = "[server]\ncors_allowed_origins = [\"https://app.example.com/\"]\n";
        let error = load_file(jail, origin)?.unwrap_err().to_string();
        assert!(error.contains("is not an origin"), "{error}");
        for (key, wrong) in [
            ("allowed_hosts", r#"["https://memory.lan"]"#),
            ("allowed_hosts", r#"["memory.lan:8080"]"#),
            ("allowed_hosts", r#"["*"]"#),
            ("allowed_hosts", r#"[""]"#),
            ("public_url", r#""memory.example.com""#),
            ("public_url", r#""ftp://memory.example.com""#),
            ("public_url", r#""https://memory.example.com/?a=b""#),
        ] {
            let error = load_file(jail, &format!("[server]\n{key} = {wrong}\n"))?.unwrap_err();
            assert!(error.to_string().contains(&format!("server.{key}: ")), "{error}");
        }
        let right =
            "[server]\nallowed_hosts = [\"Memory.lan\", \"[::1]\"]\npublic_url = \"https://memory.example.com/cm\"\n";
        assert!(load_file(jail, right)?.is_ok());
        Ok(())
    });
}

#[test]
fn a_file_that_is_not_there_or_not_toml_is_named() {
    Jail::expect_with(|jail| {
        let missing = load(&Source {
            file: Some("nowhere.toml".into()),
            ..Source::default()
        });
        assert!(missing.unwrap_err().to_string().contains("nowhere.toml"));
        assert!(
            load_file(jail, "[server\n")?
                .unwrap_err()
                .to_string()
                .contains("given.toml")
        );
        Ok(())
    });
}

/// Sets one variable and loads an empty file.
fn load_with(name: &str, text: &str) -> Result<Config, String> {
    load_beside("", name, text)
}

/// The configuration of a file and one environment variable.
fn load_beside(file: &str, name: &str, text: &str) -> Result<Config, String> {
    let mut loaded = Err(String::new());
    Jail::expect_with(|jail| {
        jail.set_env(format!("CONTEXT_MANAGER_{name}"), text);
        loaded = load_file(jail, file)?.map_err(|error| error.to_string());
        Ok(())
    });
    loaded
}

#[test]
fn names_of_services_do_not_keep_the_server_from_starting() {
    for (name, text) in [
        ("PORT", "tcp://10.96.0.17:8080"),
        ("SERVICE_HOST", "10.96.0.17"),
        ("SERVICE_PORT_HTTP", "8080"),
        ("PORT_8080_TCP_ADDR", "10.96.0.17"),
        ("HEADLESS_SERVICE_HOST", "None"),
        ("SERVER_PORT", "tcp://10.96.0.19:8080"),
        ("SERVER_SERVICE_HOST", "10.96.0.19"),
        ("EMBEDDING_PORT", "tcp://10.96.0.20:80"),
        ("API_KEYS", "cm_1"),
    ] {
        assert_eq!(load_with(name, text), Ok(Config::default()), "{name}");
        Jail::expect_with(|jail| {
            jail.set_env(format!("CONTEXT_MANAGER_{name}"), text);
            assert_eq!(ignored_names(), [format!("CONTEXT_MANAGER_{name}")]);
            Ok(())
        });
    }
}

#[test]
fn a_misspelt_name_is_told_with_the_right_one() {
    for (name, hint) in [
        (
            "SERVER_PORT",
            "CONTEXT_MANAGER_SERVER_PORT: unknown name; did you mean `CONTEXT_MANAGER_SERVER__PORT`, with two",
        ),
        ("SERVER__PROT", "server.prot: unknown key; did you mean `port`?"),
        (
            "HIRAG__WEIGHTS_RECENCY",
            "hirag.weights_recency: unknown key; did you mean `weights.recency`, with two underscores",
        ),
        (
            "HIRAG_WEIGHTS_RECENCY",
            "`CONTEXT_MANAGER_HIRAG__WEIGHTS__RECENCY`, with two underscores",
        ),
        ("SERVR__PORT", "servr: unknown key; did you mean `server`?"),
    ] {
        let error = load_with(name, "1").unwrap_err();
        assert!(error.contains(hint), "{hint} is not in {error}");
    }
}

#[test]
fn texts_of_the_environment_stay_texts() {
    for text in [
        "48151623",
        "0123",
        "true",
        "3.10",
        "-5",
        "1e3",
        "[abc]",
        "{a=b}",
        "\"quoted\"",
        "'c'",
        "query: ",
        "a,b",
        "\u{e4}",
    ] {
        let config = load_with("EMBEDDING__QUERY_PREFIX", text).unwrap();
        assert_eq!(config.embedding.model.api.query_prefix, text);
        let config = load_with("EMBEDDING__NEXT__QUERY_PREFIX", text).unwrap();
        assert_eq!(config.embedding.next.unwrap().api.query_prefix, text);
        let config = load_with("VECTOR_DB__PATH", text).unwrap();
        assert_eq!(config.vector_db.embedded.path, Path::new(text));
    }
}

#[test]
fn everything_else_is_read_by_what_its_key_takes() {
    let config = |name: &str, text: &str| load_with(name, text).unwrap();
    assert_eq!(config("SERVER__PORT", " 9000 ").server.port, 9000);
    assert_eq!(config("SERVER__HOST", "[::1]").server.host.to_string(), "::1");
    assert_eq!(
        config("SERVER__HOST", "\"127.0.0.2\"").server.host.to_string(),
        "127.0.0.2"
    );
    assert_eq!(
        config("EMBEDDING__DIMENSIONS", "256").embedding.model.api.dimensions,
        Some(256)
    );
    assert!(
        config("SERVER__ALLOW_UNAUTHENTICATED", "true")
            .server
            .allow_unauthenticated
    );
    assert!((config("HIRAG__WEIGHTS__RECENCY", "1").hirag.weights.recency - 1.0).abs() < 1e-6);
    assert_eq!(
        config("RATE_LIMITS__PER_KEY__READ", "{per_sec=5}")
            .rate_limits
            .per_key
            .read
            .per_sec,
        5
    );
    for (text, audience) in [
        ("[48151623]", &["48151623"][..]),
        ("[0123, \"a b\", true]", &["0123", "a b", "true"]),
        ("[\"a,b\", c]", &["a,b", "c"]),
        ("[]", &[]),
    ] {
        let file = "[auth.jwt]\nissuer = \"https://id.example\"\njwks_url = \"https://id.example/keys\"\n";
        let loaded = load_beside(file, "AUTH__JWT__AUDIENCE", text);
        let loaded = loaded.map(|config| config.auth.jwt.audience);
        match audience {
            [] => assert!(loaded.is_err(), "{text}"),
            _ => assert_eq!(loaded.unwrap(), audience, "{text}"),
        }
    }
    let proxies = config("SERVER__TRUSTED_PROXIES", "[10.0.0.0/8, ::1]")
        .server
        .trusted_proxies;
    assert!(proxies.contains([10, 1, 1, 1].into()));
}

#[test]
fn no_secret_stands_in_an_error() {
    let files = [
        "[embedding]\napi_token = 48151623\n",
        "[embedding]\napi_url = \"http://a\"\napi_token = [48151623]\nbatch_size = \"48151623\"\n",
        "[embedding.headers]\nx-key = 48151623\n",
        "[vector_db]\napi_key = 48151623\n",
        "[consolidation.llm]\napi_token = { a = 48151623 }\n",
        "[embedding]\napi_token = \"48151623\n",
        "[embedding]\napi_token = s48151623\n",
        "[embedding]\napi_token = \"\"\"\nfirst\n48151623\n",
        "[embedding]\napi_token = \"48151623\"\napi_token = \"48151623\"\n",
        "[embedding]\napi_token = 48151623s\n",
    ];
    for text in files {
        let error = load_text(text).unwrap_err().to_string();
        assert!(!error.contains("48151623"), "{text}: {error}");
        assert_eq!(
            error.lines().count(),
            error.lines().filter(|line| line.contains(':')).count(),
            "{error}"
        );
    }
    for (name, text) in [
        ("SERVER__PORT", "48151623"),
        ("EMBEDDING__HEADERS", "48151623"),
        ("SERVER__ALLOW_UNAUTHENTICATED", "48151623s"),
    ] {
        let error = load_with(name, text).unwrap_err();
        assert!(!error.contains("48151623"), "{name}: {error}");
    }
}

#[test]
fn a_file_with_a_byte_order_mark_is_read() {
    let config = load_text("\u{feff}[server]\r\nport = 9125\r\n").unwrap();
    assert_eq!(config.server.port, 9125);
}
