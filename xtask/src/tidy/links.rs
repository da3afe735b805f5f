//! Relative links of the documents lead somewhere.

use super::Violation;
use crate::tree::Tree;

pub fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for source in tree
        .sources
        .iter()
        .filter(|source| source.path.ends_with(".md"))
    {
        for (line, target) in targets(&source.text) {
            if let Err(problem) = follow(tree, &source.path, target) {
                violations.push(Violation::new(&source.path, line, problem));
            }
        }
    }
    violations
}

/// Each target of `[text](target)` and of `src="target"`, with its line; code is left out.
fn targets(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            // Between backticks stand the odd pieces.
            for piece in line.split('`').step_by(2) {
                found.extend(between(piece, "](", ')').map(|target| (index + 1, target)));
                found.extend(between(piece, "src=\"", '"').map(|target| (index + 1, target)));
            }
            // A link whose text is code: [`name`](target)
            found.extend(between(line, "`](", ')').map(|target| (index + 1, target)));
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn between<'a>(text: &'a str, open: &'a str, close: char) -> impl Iterator<Item = &'a str> {
    text.split(open)
        .skip(1)
        .filter_map(move |rest| rest.split(close).next())
}

/// Looks the target up from the folder of the file that names it.
fn follow(tree: &Tree, from: &str, target: &str) -> Result<(), String> {
    let elsewhere = target.contains("://") || target.starts_with("mailto:");
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    if elsewhere {
        return Ok(());
    }
    let place = if path.is_empty() {
        Some(from.to_owned())
    } else {
        join(from, path)
    };
    let Some(place) = place else {
        return Err(format!("the link `{target}` leaves the repository"));
    };
    let folder = format!("{place}/");
    let exists = place.is_empty()
        || tree.paths.contains(&place)
        || tree.paths.iter().any(|p| p.starts_with(&folder));
    if !exists {
        return Err(format!(
            "the link `{target}` leads nowhere: there is no {place}"
        ));
    }
    let Some(text) = tree
        .text(&place)
        .filter(|_| place.ends_with(".md") && !anchor.is_empty())
    else {
        return Ok(());
    };
    if text
        .lines()
        .filter(|line| line.starts_with('#'))
        .any(|heading| slug(heading) == anchor)
    {
        return Ok(());
    }
    Err(format!(
        "the link `{target}` leads nowhere: {place} has no heading for #{anchor}"
    ))
}

/// `path` as seen from the folder of `from`; none where it climbs out of the tree.
fn join(from: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// The anchor that renderers give a heading.
fn slug(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(target: &str) -> Result<(), String> {
        let tree = Tree::of(&[
            ("README.md", ""),
            ("docs/guide.md", "# The guide\n\n## Keys, and their use\n"),
            ("docs/adr/0001-rows.md", ""),
        ]);
        follow(&tree, "docs/guide.md", target)
    }

    #[test]
    fn links_that_lead_somewhere_pass() {
        let good = [
            "../README.md",
            "./adr/0001-rows.md",
            "adr/",
            "..",
            "#keys-and-their-use",
            "guide.md#the-guide",
            "https://example.com/x",
            "mailto:someone@example.com",
        ];
        for target in good {
            assert_eq!(judge(target), Ok(()), "{target}");
        }
    }

    #[test]
    fn links_that_lead_nowhere_are_refused() {
        for target in [
            "README.md",
            "adr/0002.md",
            "../../up.md",
            "#no-such-heading",
            "guide.md#keys",
            "ad",
        ] {
            assert!(judge(target).is_err(), "{target}");
        }
    }

    #[test]
    fn links_are_found_outside_of_code() {
        let text = "see [a](x.md) and ![b](y.svg)\n`[no](no.md)` [`code`](z.md)\n```\n[no](no.md)\n```\n<img src=\"w.svg\">\n";
        assert_eq!(
            targets(text),
            [(1, "x.md"), (1, "y.svg"), (2, "z.md"), (6, "w.svg")]
        );
    }
}
