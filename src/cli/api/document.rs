//! The description of the API (OpenAPI 3.1), and its table in the documentation: both from the registry.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::asking::TEXTS;
use super::fields::{Declared, Field, Shape};
use super::routes::{Does, Gives, ROUTES, Route};
use crate::io::http::problem;

/// The document.
pub(in crate::cli) fn document() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    let mut names = BTreeSet::new();
    for route in ROUTES {
        let at = paths.entry(route.path).or_insert_with(|| json!({}));
        if let Some(at) = at.as_object_mut() {
            at.insert(route.verb.as_str().to_ascii_lowercase(), operation(route, &mut names));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "ratatosk",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "The commands of ratatosk, for programs.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "security": [{ "token": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer", "description": "`ratatosk token add NAME` makes one." },
            },
            "schemas": { "Problem": problem_schema() },
            "responses": {
                "Problem": {
                    "description": "What is wrong, and a way out (RFC 9457).",
                    "content": { problem::MEDIA: { "schema": { "$ref": "#/components/schemas/Problem" } } },
                },
            },
        },
    })
}

/// The routes as a table for people.
pub(in crate::cli) fn table() -> String {
    let mut table = String::from("| request | command | what it takes |\n|---|---|---|\n");
    for route in ROUTES {
        let (command, takes) = match (route.does, Declared::of(route)) {
            (Does::Command(words), Some(declared)) => (format!("`{words}`"), takes(route, &declared)),
            (Does::Health, _) => ("200, or 503 with what is wrong; needs no token".to_owned(), String::new()),
            (Does::Metrics, _) => ("the [metrics](metrics.md), for Prometheus".to_owned(), String::new()),
            (Does::Document | Does::Command(_), _) => ("this API as OpenAPI 3.1".to_owned(), String::new()),
        };
        // To write into a text does not fail.
        let _ = writeln!(table, "| `{} {}` | {command} | {takes} |", route.verb, route.path);
    }
    table
}

/// What a route takes besides what stands in its path, for people.
fn takes(route: &Route, declared: &Declared) -> String {
    let text = route.text.map(|(argument, media)| format!("a body of {media} as `{argument}`"));
    let free = declared.fields.iter().filter(|field| !route.placed().any(|placed| placed == field.name));
    let free = free.filter(|field| route.text.is_none_or(|(argument, _)| argument != field.name));
    let names = free.map(|field| match field.shape {
        Shape::Many => format!("`{}`…", field.name),
        Shape::One | Shape::Flag if field.is_required => format!("`{}` (needed)", field.name),
        Shape::One | Shape::Flag => format!("`{}`", field.name),
    });
    text.into_iter().chain(names).collect::<Vec<_>>().join(", ")
}

fn problem_schema() -> Value {
    json!({
        "type": "object",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": { "type": "string" },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string", "description": "What is wrong, for people." },
            "help": { "type": "string", "description": "A way out." },
            "diagnostics": {
                "type": "array",
                "items": {},
                "description": "What is wrong with a tree, with the bytes where it stands.",
            },
            "found": { "description": "What the command had found." },
            "remarks": { "type": "array", "items": { "type": "string" } },
        },
    })
}

fn operation(route: &Route, names: &mut BTreeSet<String>) -> Value {
    let Some(declared) = Declared::of(route) else { return plain(route) };
    let Does::Command(words) = route.does else { return plain(route) };
    let name = words.replace(' ', "-");
    let name = if names.contains(&name) {
        format!("{name}-{}", route.verb.as_str().to_ascii_lowercase())
    } else {
        name
    };
    names.insert(name.clone());
    let mut operation = json!({
        "operationId": name,
        "tags": [words.split(' ').next().unwrap_or_default()],
        "summary": declared.about,
        "description": format!("Does what `ratatosk {words}` does."),
        "parameters": parameters(route, &declared),
        "responses": responses(route),
    });
    if route.verb.has_body()
        && let Some(operation) = operation.as_object_mut()
    {
        operation.insert("requestBody".to_owned(), body(route, &declared));
    }
    operation
}

/// What is no command.
fn plain(route: &Route) -> Value {
    let (name, summary) = match route.does {
        Does::Health => ("health", "Whether every user server answers."),
        Does::Metrics => ("metrics", "What the server has done and holds, in the text format of Prometheus."),
        Does::Document | Does::Command(_) => ("openapi", "This document."),
    };
    let mut operation = json!({
        "operationId": name,
        "tags": ["server"],
        "summary": summary,
        "responses": responses(route),
    });
    if route.is_public()
        && let Some(operation) = operation.as_object_mut()
    {
        operation.insert("security".to_owned(), json!([]));
    }
    operation
}

fn parameters(route: &Route, declared: &Declared) -> Vec<Value> {
    let is_placed = |field: &&Field| route.placed().any(|placed| placed == field.name);
    let in_path = declared.fields.iter().filter(is_placed).map(|field| {
        let mut once = field.clone();
        // A path says it once, whatever else may.
        once.shape = Shape::One;
        json!({
            "name": field.name, "in": "path", "required": true, "description": field.help, "schema": schema(&once),
        })
    });
    // What a body that is one text cannot say, and what has no body.
    let in_query = declared.fields.iter().filter(|field| !is_placed(field));
    let in_query = in_query.filter(|_| !route.verb.has_body() || route.text.is_some());
    let in_query = in_query.map(|field| {
        json!({ "name": field.name, "in": "query", "description": field.help, "schema": schema(field) })
    });
    let conditions = (route.does == Does::Command("profile set")).then(|| {
        ["If-Match", "If-None-Match"].map(|name| {
            let description = "The ETag of what may be replaced, so that nobody's change is lost (412).";
            json!({ "name": name, "in": "header", "description": description, "schema": { "type": "string" } })
        })
    });
    in_path.chain(in_query).chain(conditions.into_iter().flatten()).collect()
}

fn schema(field: &Field) -> Value {
    let mut one = Map::new();
    let kind = match (field.shape, field.is_number) {
        (Shape::Flag, _) => "boolean",
        (_, true) => "integer",
        (_, false) => "string",
    };
    one.insert("type".to_owned(), json!(kind));
    if !field.values.is_empty() {
        one.insert("enum".to_owned(), json!(field.values));
    }
    if let Some(default) = &field.default {
        let number = default.parse::<i64>().ok().filter(|_| field.is_number);
        one.insert("default".to_owned(), number.map_or_else(|| json!(default), |number| json!(number)));
    }
    match field.shape {
        Shape::Many => json!({ "type": "array", "items": one }),
        Shape::One | Shape::Flag => Value::Object(one),
    }
}

fn body(route: &Route, declared: &Declared) -> Value {
    let free = || declared.fields.iter().filter(|field| !route.placed().any(|placed| placed == field.name));
    let mut properties: Map<String, Value> = free()
        .map(|field| {
            let mut schema = schema(field);
            if let Some(schema) = schema.as_object_mut() {
                schema.insert("description".to_owned(), json!(field.help));
            }
            (field.name.clone(), schema)
        })
        .collect();
    if route.text.is_some() {
        let texts = "The texts that other members name, by name; `-` is the one that need not be named.";
        let of_texts =
            json!({ "type": "object", "additionalProperties": { "type": "string" }, "description": texts });
        properties.insert(TEXTS.to_owned(), of_texts);
    }
    let is_text = |field: &&Field| route.text.is_some_and(|(argument, _)| argument == field.name);
    let required: Vec<&str> = free()
        .filter(|field| field.is_required && !is_text(field))
        .map(|field| field.name.as_str())
        .collect();
    let mut object = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if let (false, Some(object)) = (required.is_empty(), object.as_object_mut()) {
        object.insert("required".to_owned(), json!(required));
    }
    let mut content = json!({ "application/json": { "schema": object } });
    if let (Some((_, media)), Some(content)) = (route.text, content.as_object_mut()) {
        content.insert(media.to_owned(), json!({ "schema": { "type": "string" } }));
    }
    json!({ "content": content })
}

fn responses(route: &Route) -> Value {
    let content = match route.gives {
        Gives::Value if route.streams => {
            json!({ "application/json": {}, crate::io::http::exchange::LINES: {} })
        }
        Gives::Value => json!({ "application/json": {} }),
        Gives::Text(media) => json!({ media: {} }),
        Gives::Picture => json!({ "image/svg+xml": {}, "text/plain": {}, "text/vnd.graphviz": {} }),
    };
    json!({
        "200": { "description": "It is done, or this is what there is.", "content": content },
        "default": { "$ref": "#/components/responses/Problem" },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_described_and_nothing_else_is() {
        let document = document();
        let mut described = BTreeSet::new();
        for (path, operations) in document["paths"].as_object().unwrap() {
            for (verb, operation) in operations.as_object().unwrap() {
                assert!(!operation["summary"].as_str().unwrap().is_empty(), "{verb} {path} says nothing");
                described.insert((verb.to_ascii_uppercase(), path.clone()));
            }
        }
        let routes: BTreeSet<_> =
            ROUTES.iter().map(|route| (route.verb.to_string(), route.path.to_owned())).collect();
        assert_eq!(described, routes);
    }

    #[test]
    fn every_argument_of_a_path_is_one_of_its_command() {
        for route in ROUTES {
            let fields = Declared::of(route).map(|declared| declared.fields).unwrap_or_default();
            let named = route.placed().chain(route.text.map(|(argument, _)| argument));
            for name in named {
                assert!(
                    fields.iter().any(|field| field.name == name),
                    "{} {}: {name}",
                    route.verb,
                    route.path
                );
            }
        }
    }

    #[test]
    fn names_are_given_once_and_every_field_says_what_it_means() {
        let document = document();
        let operations =
            document["paths"].as_object().unwrap().values().flat_map(|at| at.as_object().unwrap().values());
        let names: Vec<&str> =
            operations.map(|operation| operation["operationId"].as_str().unwrap()).collect();
        let once: BTreeSet<&str> = names.iter().copied().collect();
        assert_eq!(names.len(), once.len(), "{names:?}");
        for route in ROUTES {
            for field in Declared::of(route).map(|declared| declared.fields).unwrap_or_default() {
                assert!(!field.help.is_empty(), "{} {}: {}", route.verb, route.path, field.name);
            }
        }
    }
}
