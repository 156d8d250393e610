//! Calls that the console and operators make: the caller, keys, the audit trail, counts and the map.

use context_manager::auth::Permission;
use serde_json::{Value, json};

use crate::keys::{configured, with_keys};
use crate::support::TestApp;

#[tokio::test]
async fn a_caller_is_told_who_the_server_takes_it_for() {
    let open = TestApp::start().await.get("/api/v1/whoami").await;
    assert_eq!(open.status, 200, "{}", open.text);
    assert_eq!(open.body["authentication"], false);
    assert_eq!(
        open.body["permissions"].as_array().unwrap().len(),
        Permission::ALL.len()
    );

    let app = with_keys(|_| {}).await;
    app.get("/api/v1/whoami").await.problem(401, "unauthenticated");
    let (key, _) = configured(Permission::Write);
    let caller = app.call_with_key(&key, "GET", "/api/v1/whoami", None).await.body;
    assert_eq!(caller["tenant"], "acme");
    assert_eq!(caller["permissions"], json!(["write"]));
    assert_eq!(caller["authentication"], true);
    assert!(caller["user_id"].is_null());
}

#[tokio::test]
async fn an_operator_makes_rotates_and_revokes_keys_that_count_at_once() {
    let app = with_keys(|_| {}).await;
    let (admin, _) = configured(Permission::Admin);
    let call = async |method: &str, path: &str, body: Option<Value>| {
        let path = format!("/api/v1/admin/keys{path}");
        app.call_with_key(&admin, method, &path, body.as_ref()).await
    };
    let status = async |key: &Value| {
        let answer = app
            .call_with_key(key.as_str().unwrap(), "GET", "/api/v1/contexts", None)
            .await;
        answer.status.as_u16()
    };
    let wanted = json!({"tenant": "acme", "permissions": ["read"], "user_id": "ann", "name": "laptop"});
    let made = call("POST", "", Some(wanted)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(made.headers["cache-control"], "no-store");
    let (key, id) = (&made.body["key"], made.body["record"]["id"].as_str().unwrap());
    assert_eq!(made.body["record"]["user_id"], "ann");
    assert_eq!(status(key).await, 200);

    let rotated = call("POST", &format!("/{id}/rotate"), Some(json!({"grace_secs": 0}))).await;
    assert_eq!(rotated.status, 201, "{}", rotated.text);
    assert_eq!((status(key).await, status(&rotated.body["key"]).await), (401, 200));
    assert_eq!(rotated.body["record"]["rotated_from"], id);

    let new = rotated.body["record"]["id"].as_str().unwrap();
    let revoked = call("DELETE", &format!("/{new}"), None).await;
    assert_eq!(
        (revoked.status.as_u16(), &revoked.body["state"]),
        (200, &json!("revoked"))
    );
    assert_eq!(status(&rotated.body["key"]).await, 401);

    let listed = call("GET", "", None).await;
    let listed_states: Vec<_> = listed.body["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| &key["state"])
        .collect();
    assert_eq!(listed_states, ["expired", "revoked"]);
    for secret in [key, &rotated.body["key"]] {
        assert!(!listed.text.contains(secret.as_str().unwrap()));
    }

    call("DELETE", "/nobody", None).await.problem(404, "not_found");
    call("POST", &format!("/{new}/rotate"), None)
        .await
        .problem(409, "conflict");
    for (wrong, pointer) in [
        (json!({"tenant": "_own", "permissions": ["read"]}), "/tenant"),
        (json!({"tenant": "acme", "permissions": []}), "/permissions"),
        (
            json!({"tenant": "acme", "permissions": ["admin"], "user_id": "ann"}),
            "/permissions",
        ),
        (
            json!({"tenant": "acme", "permissions": ["read"], "user_id": " "}),
            "/user_id",
        ),
        (
            json!({"tenant": "acme", "permissions": ["read"], "name": "n".repeat(101)}),
            "/name",
        ),
        (
            json!({"tenant": "acme", "permissions": ["read"], "expires_at": "2020-01-01T00:00:00Z"}),
            "/expires_at",
        ),
    ] {
        let refused = call("POST", "", Some(wrong.clone())).await;
        assert_eq!(refused.problem(400, "invalid_request"), [pointer], "{wrong}");
    }
}

#[tokio::test]
async fn the_last_audited_calls_are_listed_without_texts() {
    let app = TestApp::start().await;
    let id = app.store(json!({"text": "the code of the vault is 1234"})).await["id"].clone();
    app.call(
        "DELETE",
        &format!("/api/v1/contexts/{}", id.as_str().unwrap()),
        Value::Null,
    )
    .await;
    let listed = app.get("/api/v1/admin/audit?limit=1").await;
    let [record] = listed.body["records"].as_array().unwrap().as_slice() else {
        panic!("{}", listed.text)
    };
    assert_eq!(
        (&record["action"], &record["status"]),
        (&json!("delete_context"), &json!(204))
    );
    assert_eq!((&record["contexts"], &record["outcome"]), (&json!(1), &json!("done")));
    assert!(
        record["what"].as_str().unwrap().contains(id.as_str().unwrap()),
        "{record}"
    );
    assert!(!listed.text.contains("vault"));
}

#[tokio::test]
async fn a_count_is_that_of_the_deletion_by_the_same_filter() {
    let app = TestApp::start().await;
    for (text, user, level) in [
        ("Ann likes tea", "ann", "long_term"),
        ("Ann is in Rome", "ann", "short_term"),
        ("Bob likes coffee", "bob", "long_term"),
    ] {
        app.store(json!({"text": text, "user_id": user, "level": level})).await;
    }
    let old = app.store(json!({"text": "Ann lives in Oslo", "user_id": "ann"})).await["id"].clone();
    app.store(json!({"text": "Ann lives in Lisbon", "user_id": "ann", "supersedes": [old]}))
        .await;
    let count = async |body: Value| {
        let answer = app.post("/contexts/count", body).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.body
    };
    assert_eq!(count(json!({})).await["total"], 4);
    let of_ann = json!({"filter": {"user_id": "ann"}});
    let counted = count(of_ann.clone()).await;
    assert_eq!(
        counted,
        json!({"total": 3, "contexts": {"immediate": 0, "short_term": 1, "long_term": 2}})
    );
    let all = count(json!({"filter": {"user_id": "ann"}, "include_superseded": true})).await;
    let deleted = app.post("/contexts/delete", of_ann).await;
    assert_eq!((&all["total"], &deleted.body["deleted"]), (&json!(4), &json!(4)));
    let wrong = app
        .post("/contexts/count", json!({"filter": {"user_idd": "ann"}}))
        .await;
    wrong.problem(400, "invalid_request");
}

#[tokio::test]
async fn a_map_places_alike_contexts_near_to_each_other() {
    let app = TestApp::start().await;
    let groups = [
        [
            "The cat sleeps on the sofa",
            "A kitten plays with wool",
            "The cat chases a mouse",
            "Cats purr when they are stroked",
        ],
        [
            "The invoice is due in March",
            "Taxes are paid every quarter",
            "The bank charges interest",
            "The budget was approved",
        ],
    ];
    for (number, group) in groups.iter().enumerate() {
        for text in group {
            app.store(json!({"text": text, "scope": format!("org/{number}"), "user_id": "ann"}))
                .await;
        }
    }
    app.store(json!({"text": "somebody else's", "user_id": "bob"})).await;
    let map = app.get("/api/v1/map?user_id=ann&limit=100").await;
    assert_eq!(map.status, 200, "{}", map.text);
    let numbers = |name: &str| -> Vec<f64> {
        let column = map.body[name].as_array().unwrap();
        column.iter().map(|value| value.as_f64().unwrap()).collect()
    };
    let (x, y, offsets) = (numbers("x"), numbers("y"), numbers("scope_offsets"));
    assert_eq!((x.len(), y.len(), offsets.len()), (8, 8, 8));
    assert_eq!(map.body["scopes"].as_array().unwrap().len(), 2);
    assert_eq!(map.body["levels"], json!([2, 2, 2, 2, 2, 2, 2, 2]));
    let centre = |of: f64| {
        let group: Vec<_> = (0..8).filter(|at| offsets[*at].total_cmp(&of).is_eq()).collect();
        group.iter().map(|at| x[*at]).sum::<f64>() / 4.0
    };
    assert!((centre(0.0) - centre(1.0)).abs() > 65_535.0 / 4.0, "{}", map.text);

    let newest = app.get("/api/v1/map?limit=1").await.body;
    assert_eq!(newest["ids"].as_array().unwrap().len(), 1);
    app.get("/api/v1/map?limit=10001").await.problem(400, "invalid_request");
}
