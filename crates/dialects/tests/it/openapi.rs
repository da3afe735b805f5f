//! The generated documents: complete, sound, and the same as the checked-in ones.

use countersign_dialects::{openapi_documents, registry, wire::openapi};
use countersign_engine::call::Callers;
use serde_json::Value;
use std::path::PathBuf;

fn document(name: &str) -> Value {
    let documents = openapi_documents();
    let (_, text) = documents.iter().find(|(n, _)| *n == name).unwrap();
    serde_json::from_str(text).unwrap()
}

#[test]
fn the_checked_in_documents_are_the_generated_ones() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi");
    for (name, text) in openapi_documents() {
        let path = folder.join(format!("{name}.json"));
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            kept == text,
            "{} is not what the routes say. Make it again with\n    \
             cargo run -p countersign-dialects --example openapi -- docs/openapi",
            path.display()
        );
    }
    for entry in std::fs::read_dir(&folder).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        let name = file.strip_suffix(".json").expect("only documents");
        assert!(
            registry().iter().any(|d| d.name == name),
            "{file} is of no dialect"
        );
    }
}

#[test]
fn every_route_is_an_operation_that_lists_its_refusals() {
    for dialect in registry() {
        let document = document(dialect.name);
        assert_eq!(document["openapi"], "3.1.0");
        let mut operations = 0;
        for item in document["paths"].as_object().unwrap().values() {
            operations += item.as_object().unwrap().len();
        }
        assert_eq!(operations, dialect.routes.len(), "{}", dialect.name);
        for route in dialect.routes {
            let method = route.method.as_str().to_ascii_lowercase();
            let operation = &document["paths"][route.path][method];
            assert_eq!(operation["operationId"], route.name);
            assert!(
                !operation["summary"].as_str().unwrap().is_empty(),
                "{}",
                route.name
            );
            let mut expected = vec![400, 500, 503];
            if route.callers != Callers::Anyone {
                expected.extend([401, 403, 429]);
            }
            if route.body_bytes_max > 0 {
                expected.push(413);
            }
            if route.doc.body.is_some() {
                expected.push(415);
            }
            expected.extend(route.doc.refusals);
            expected.extend(route.doc.answers.iter().map(|answer| answer.status));
            for status in expected {
                let response = &operation["responses"][status.to_string()];
                assert!(
                    response["description"].is_string(),
                    "{} {status}",
                    route.name
                );
                if status >= 400 {
                    assert!(response["content"].is_object(), "{} {status}", route.name);
                }
            }
            assert_eq!(
                operation["requestBody"].is_object(),
                route.doc.body.is_some(),
                "{}",
                route.name
            );
            assert!(!route.doc.answers.is_empty(), "{}", route.name);
        }
    }
}

#[test]
fn every_segment_of_a_path_is_a_parameter() {
    for route in registry().iter().flat_map(|dialect| dialect.routes) {
        let segments = route
            .path
            .split('/')
            .filter_map(|s| s.strip_prefix('{')?.strip_suffix('}'));
        let mut named: Vec<&str> = segments.collect();
        let in_path = |p: &&openapi::Parameter| p.place == openapi::Place::Path;
        let mut documented: Vec<&str> = route
            .doc
            .parameters
            .iter()
            .filter(in_path)
            .map(|p| p.name)
            .collect();
        named.sort_unstable();
        documented.sort_unstable();
        assert_eq!(named, documented, "{}", route.name);
    }
}

#[test]
fn every_reference_leads_somewhere_and_to_one_schema() {
    for dialect in registry() {
        let ambiguous = openapi::ambiguous_schemas(dialect.routes);
        assert!(ambiguous.is_empty(), "{}: {ambiguous:?}", dialect.name);
        let document = document(dialect.name);
        let mut references = Vec::new();
        collect(&document, &mut references);
        assert!(!references.is_empty(), "{}", dialect.name);
        for reference in references {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(
                document.pointer(pointer).is_some(),
                "{}: {reference}",
                dialect.name
            );
        }
    }
}

fn collect(value: &Value, references: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get("$ref") {
                references.push(reference.clone());
            }
            members
                .values()
                .for_each(|member| collect(member, references));
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, references)),
        _ => {}
    }
}

#[test]
fn operations_and_routes_have_names_of_their_own() {
    let mut names: Vec<&str> = registry()
        .iter()
        .flat_map(|d| d.routes)
        .map(|r| r.name)
        .collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
    for dialect in registry() {
        let prefix = format!("{}.", dialect.name);
        assert!(
            dialect.routes.iter().all(|r| r.name.starts_with(&prefix)),
            "{}",
            dialect.name
        );
    }
}
