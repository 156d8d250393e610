//! The reference page: the OpenAPI document as HTML, without scripts, so that people and agents read it alike.

use std::sync::LazyLock;

use axum::body::Bytes;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};
use serde_json::{Map, Value};

/// Path of the page.
pub(in crate::api) const DOCS: &str = "/docs";
/// Path of its style sheet.
pub(in crate::api) const STYLE: &str = "/docs/style.css";

/// The page loads its style sheet and nothing else.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// Serves the page.
pub(in crate::api) async fn get_docs() -> Response {
    static PAGE: LazyLock<Bytes> = LazyLock::new(|| page(&super::document()).into_string().into());
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        ),
        (header::CONTENT_SECURITY_POLICY, POLICY),
    ];
    (headers, PAGE.clone()).into_response()
}

/// Serves its style sheet.
pub(in crate::api) async fn get_docs_style() -> Response {
    (
        [(header::CONTENT_TYPE, "text/css; charset=utf-8")],
        include_str!("style.css"),
    )
        .into_response()
}

/// An operation with its place.
struct Call<'a> {
    method: String,
    path: &'a str,
    operation: &'a Value,
}

/// Renders the document.
fn page(document: &Value) -> Markup {
    let calls = calls(document);
    let title = text(&document["info"]["title"]);
    let tags: Vec<&Value> = list(&document["tags"]).collect();
    let tagged = |tag: &'_ Value| {
        let name = text(&tag["name"]).to_owned();
        calls
            .iter()
            .filter(move |call| call.operation["tags"][0] == name.as_str())
    };
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " API" }
                link rel="stylesheet" href="docs/style.css";
            }
            body {
                nav aria-label="Calls" {
                    @for tag in &tags {
                        h2 { a href={ "#" (text(&tag["name"])) } { (text(&tag["name"])) } }
                        ul { @for call in tagged(tag) { li { a href={ "#" (call.id()) } { code { (call.id()) } } } } }
                    }
                    h2 { a href="#schemas" { "schemas" } }
                }
                main {
                    h1 { (title) " API " small { (text(&document["info"]["version"])) } }
                    p { (prose(&document["info"]["description"])) " The same as " a href="openapi.json" { "OpenAPI 3.1" } "." }
                    @for tag in &tags {
                        section id=(text(&tag["name"])) {
                            h2 { (text(&tag["description"])) }
                            @for call in tagged(tag) { (call.render()) }
                        }
                    }
                    section id="schemas" {
                        h2 { "Schemas" }
                        @for (name, schema) in entries(&document["components"]["schemas"]) {
                            article id={ "schema-" (name) } {
                                h3 { code { (name) } }
                                (described(schema))
                                (fields(schema))
                            }
                        }
                    }
                }
            }
        }
    }
}

fn calls(document: &Value) -> Vec<Call<'_>> {
    let items = entries(&document["paths"]);
    let calls = items.flat_map(|(path, item)| {
        entries(item).map(move |(method, operation)| Call {
            method: method.to_uppercase(),
            path,
            operation,
        })
    });
    calls.filter(|call| call.operation["operationId"].is_string()).collect()
}

impl Call<'_> {
    fn id(&self) -> &str {
        text(&self.operation["operationId"])
    }

    fn render(&self) -> Markup {
        let Self {
            method,
            path,
            operation,
        } = self;
        let body = entries(&operation["requestBody"]["content"]).next();
        html! {
            article id=(self.id()) {
                h3 { (text(&operation["summary"])) }
                p.call { b { (method) } " " code { (path) } }
                (described(operation))
                @if let Some(permission) = operation["x-permission"].as_str() {
                    p { "Permission: " code { (permission) } }
                }
                @if list(&operation["parameters"]).next().is_some() {
                    table {
                        thead { tr { th { "Parameter" } th { "Type" } th { "Meaning" } } }
                        tbody {
                            @for parameter in list(&operation["parameters"]) {
                                tr {
                                    td { code { (text(&parameter["name"])) } (mark(parameter["required"] == true)) }
                                    td { (kind(&parameter["schema"])) }
                                    td { (prose(&parameter["description"])) }
                                }
                            }
                        }
                    }
                }
                @if let Some((media, content)) = body {
                    h4 { "Body: " (kind(&content["schema"])) " " small { (media) } }
                    (example(&content["example"]))
                }
                h4 { "Answers" }
                (answers(operation, |status| !is_error(status)))
                details { summary { "Errors" } (answers(operation, is_error)) }
            }
        }
    }
}

fn answers(operation: &Value, is_shown: impl Fn(&str) -> bool) -> Markup {
    html! {
        dl {
            @for (status, answer) in entries(&operation["responses"]).filter(|(status, _)| is_shown(status)) {
                @let content = entries(&answer["content"]).next().map(|(_, content)| content);
                dt { code { (status) } @if let Some(content) = content { " " (kind(&content["schema"])) } }
                dd { (prose(&answer["description"])) @if let Some(content) = content { (example(&content["example"])) } }
            }
        }
    }
}

fn is_error(status: &str) -> bool {
    status.starts_with(['4', '5'])
}

/// The fields of an object, or the choices of a type.
fn fields(schema: &Value) -> Markup {
    let required = |name: &str| list(&schema["required"]).any(|field| field == name);
    html! {
        @if entries(&schema["properties"]).next().is_some() {
            table {
                thead { tr { th { "Field" } th { "Type" } th { "Meaning" } } }
                tbody {
                    @for (name, field) in entries(&schema["properties"]) {
                        tr {
                            td { code { (name) } (mark(required(name))) }
                            td { (kind(field)) }
                            td { (prose(&field["description"])) }
                        }
                    }
                }
            }
        } @else {
            p { (kind(schema)) }
        }
    }
}

fn mark(required: bool) -> Markup {
    html! { @if required { span.required title="required" { " *" } } }
}

/// The type of a schema; one with a name is a link.
fn kind(schema: &Value) -> Markup {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return html! { a href={ "#schema-" (name) } { (name) } };
    }
    let choices = || list(&schema["oneOf"]).chain(list(&schema["anyOf"]));
    html! {
        @if choices().next().is_some() {
            @for (at, choice) in choices().enumerate() { @if at > 0 { " or " } (kind(choice)) }
        } @else if list(&schema["enum"]).next().is_some() {
            @for (at, value) in list(&schema["enum"]).enumerate() { @if at > 0 { ", " } code { (value.to_string()) } }
        } @else if schema["items"].is_object() {
            "list of " (kind(&schema["items"]))
        } @else {
            @let one = schema["type"].as_str().into_iter();
            @let names: Vec<&str> = one.chain(list(&schema["type"]).map(text)).collect();
            (names.join(" or "))
            @if let Some(format) = schema["format"].as_str() { " (" (format) ")" }
        }
    }
}

fn example(value: &Value) -> Markup {
    if value.is_null() {
        return html! {};
    }
    let shown = value.as_str().map(str::to_owned);
    html! { pre tabindex="0" { code { (shown.unwrap_or_else(|| format!("{value:#}"))) } } }
}

fn described(value: &Value) -> Markup {
    html! { @for paragraph in text(&value["description"]).split("\n\n").filter(|part| !part.is_empty()) { p { (inline(paragraph)) } } }
}

fn prose(value: &Value) -> Markup {
    inline(text(value))
}

/// Renders text whose code stands between backticks.
fn inline(prose: &str) -> Markup {
    html! { @for (at, part) in prose.split('`').enumerate() { @if at % 2 == 1 { code { (part) } } @else { (part) } } }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let object = value.as_object().into_iter().flat_map(Map::iter);
    object.map(|(name, value)| (name.as_str(), value))
}
