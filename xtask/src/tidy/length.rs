//! Files that can be read in one sitting, functions that fit on a screen. Tests are counted apart: a table of
//! refusals is as long as it needs to be.

use super::Violation;
use crate::tree::{Source, Tree};

const FILE_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 70;

pub fn check(tree: &Tree) -> Vec<Violation> {
    tree.rust()
        .filter(|source| !is_test(&source.path))
        .flat_map(judge)
        .collect()
}

/// Files that hold nothing but tests.
fn is_test(path: &str) -> bool {
    path.split('/')
        .any(|part| part == "tests" || part == "benches")
        || path.ends_with("/tests.rs")
        || path.ends_with("_tests.rs")
}

fn judge(source: &Source) -> Vec<Violation> {
    let lines = without_tests(&source.text);
    let mut violations = Vec::new();
    if lines.len() > FILE_LINES_MAX {
        let problem = format!(
            "{} lines without its tests, more than {FILE_LINES_MAX}: split it by what a reader looks for",
            lines.len()
        );
        violations.push(Violation::new(&source.path, lines.len(), problem));
    }
    for function in functions(&lines) {
        if function.lines > FUNCTION_LINES_MAX {
            let problem = format!(
                "fn {} has {} lines, more than {FUNCTION_LINES_MAX}: name its steps",
                function.name, function.lines
            );
            violations.push(Violation::new(&source.path, function.line, problem));
        }
    }
    violations
}

/// The lines before the tests: rustfmt leaves `#[cfg(test)]` of a module at the start of a line, and ours come last.
fn without_tests(text: &str) -> Vec<&str> {
    let lines: Vec<&str> = text.lines().collect();
    let is_tail = |pair: &[&str]| {
        matches!(pair, [attribute, module]
            if *attribute == "#[cfg(test)]" && module.starts_with("mod ") && module.ends_with('{'))
    };
    let end = lines.windows(2).position(is_tail).unwrap_or(lines.len());
    lines.get(..end).unwrap_or_default().to_vec()
}

struct Function<'a> {
    name: &'a str,
    line: usize,
    lines: usize,
}

/// Every function, by indentation: in source that rustfmt wrote, a body ends at the first line that closes a brace at
/// the indentation of its `fn`.
fn functions<'a>(lines: &[&'a str]) -> Vec<Function<'a>> {
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else {
            continue;
        };
        let indent = line.len() - line.trim_start().len();
        let rest = lines.get(index..).unwrap_or_default();
        let ends = |line: &&str| {
            let text = line.trim_end();
            let own = text.len() - text.trim_start().len() == indent && !text.is_empty();
            own && (text.ends_with('}') || text.ends_with(';'))
        };
        let length = rest.iter().position(ends).map_or(rest.len(), |end| end + 1);
        found.push(Function {
            name,
            line: index + 1,
            lines: length,
        });
    }
    found
}

/// The name, where the line begins a function.
fn function_name(line: &str) -> Option<&str> {
    let mut rest = line.trim_start();
    loop {
        if let Some(after) = rest.strip_prefix("fn ") {
            let end = after.find(|c: char| !c.is_alphanumeric() && c != '_')?;
            return after.get(..end);
        }
        let (word, after) = rest.split_once(' ')?;
        let qualifier = matches!(
            word,
            "pub" | "const" | "async" | "unsafe" | "extern" | "default"
        ) || word.starts_with("pub(")
            || word.starts_with('"');
        if !qualifier {
            return None;
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: String) -> Source {
        Source {
            path: path.to_owned(),
            text,
        }
    }

    fn function(qualifiers: &str, body_lines: usize) -> String {
        format!(
            "{qualifiers}fn long(\n    a: u8,\n) -> u8 {{\n{}}}\n",
            "    a;\n".repeat(body_lines)
        )
    }

    #[test]
    fn a_long_file_is_refused_and_its_tests_are_not_counted() {
        let short = "// line\n".repeat(600);
        assert_eq!(judge(&source("crates/a/src/b.rs", short.clone())), vec![]);
        let tests = format!(
            "{short}#[cfg(test)]\nmod tests {{\n{}}}\n",
            "    // line\n".repeat(500)
        );
        assert_eq!(judge(&source("crates/a/src/b.rs", tests)), vec![]);
        let found = judge(&source("crates/a/src/b.rs", "// line\n".repeat(601)));
        assert_eq!(found.len(), 1);
        assert!(
            found[0]
                .to_string()
                .starts_with("crates/a/src/b.rs:601: 601 lines"),
            "{}",
            found[0]
        );
    }

    #[test]
    fn a_long_function_is_refused_at_its_line() {
        for qualifiers in [
            "",
            "pub ",
            "pub(crate) async ",
            "const ",
            "pub unsafe extern \"C\" ",
        ] {
            let fits = source("a.rs", function(qualifiers, 66));
            assert_eq!(judge(&fits), vec![], "{qualifiers}");
            let long = source("a.rs", format!("// above\n{}", function(qualifiers, 67)));
            let found = judge(&long);
            assert_eq!(found.len(), 1, "{qualifiers}");
            assert!(
                found[0]
                    .to_string()
                    .starts_with("a.rs:2: fn long has 71 lines"),
                "{}",
                found[0]
            );
        }
    }

    #[test]
    fn methods_and_inner_functions_are_counted_each_and_declarations_end_at_once() {
        let lines = [
            "trait T {",
            "    fn declared(&self);",
            "    fn wrapped(",
            "        &self,",
            "    ) -> u8;",
            "    fn short(&self) {}",
            "    async fn given(&self) {",
            "        fn inner() {",
            "            call()",
            "        }",
            "    }",
            "}",
        ];
        let found: Vec<(&str, usize)> = functions(&lines)
            .iter()
            .map(|function| (function.name, function.lines))
            .collect();
        let expected = [
            ("declared", 1),
            ("wrapped", 3),
            ("short", 1),
            ("given", 5),
            ("inner", 3),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn words_that_only_look_like_functions_are_none() {
        for line in [
            "// fn no()",
            "let f: fn (u8) = x;",
            "/// fn no()",
            "impl Fn for X {",
            "type F = fn();",
        ] {
            assert_eq!(function_name(line), None, "{line}");
        }
    }

    #[test]
    fn files_of_tests_are_apart() {
        for path in [
            "crates/a/tests/b.rs",
            "crates/a/src/x/tests.rs",
            "crates/a/src/x_tests.rs",
        ] {
            assert!(is_test(path), "{path}");
        }
        assert!(!is_test("crates/a/src/attests.rs"));
    }
}
