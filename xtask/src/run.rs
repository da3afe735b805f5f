//! Runs parts one after another and prints what each took against its budget.

use crate::parts::{BUDGET_MINUTES, Part, Step};
use crate::{needs, npm, python, shell, tidy};
use anyhow::{Context, Result, bail, ensure};
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

const SET_UP: &str = "set-up";

/// How one part ended.
struct Ended {
    name: &'static str,
    budget_minutes: f64,
    took: Duration,
    /// Why it failed, where it did.
    failure: Option<String>,
}

/// What the options ask for.
enum Wish<'a> {
    List,
    Run(Vec<&'a Part>),
}

/// Runs the chosen parts; `false` where one failed. A failing part stops only those that come after it by need.
pub fn run(root: &Path, parts: &[Part], options: &[&str]) -> Result<bool> {
    let chosen = match wish(parts, options)? {
        Wish::List => {
            list(parts);
            return Ok(true);
        }
        Wish::Run(chosen) => chosen,
    };
    let mut ended = vec![measure(SET_UP, needs::BUDGET_MINUTES, || {
        set_up(root, &chosen)
    })];
    for part in chosen {
        println!("\n== {}", part.name);
        let part_ended = measure(part.name, part.budget_minutes, || {
            perform(root, part, &ended)
        });
        if let Some(failure) = &part_ended.failure {
            println!("{}: {failure}", part.name);
        }
        ended.push(part_ended);
    }
    Ok(report(&ended))
}

fn wish<'a>(parts: &'a [Part], options: &[&str]) -> Result<Wish<'a>> {
    match options {
        [] => Ok(Wish::Run(parts.iter().collect())),
        ["--list"] => Ok(Wish::List),
        ["--only", names @ ..] if !names.is_empty() => {
            for name in names {
                ensure!(
                    parts.iter().any(|part| part.name == *name),
                    "no such part: {name} (see --list)"
                );
            }
            Ok(Wish::Run(
                parts
                    .iter()
                    .filter(|part| names.contains(&part.name))
                    .collect(),
            ))
        }
        _ => bail!(
            "expected nothing, --list, or --only PART..., got: {}",
            options.join(" ")
        ),
    }
}

fn list(parts: &[Part]) {
    for part in parts {
        let needs = if part.needs.is_empty() {
            String::new()
        } else {
            format!("needs {}", part.needs.join(", "))
        };
        println!(
            "{:<16} {:>5.1} min  {needs}",
            part.name, part.budget_minutes
        );
    }
}

/// Installs everything that the chosen parts need and the machine lacks, in one go.
fn set_up(root: &Path, chosen: &[&Part]) -> Result<()> {
    let names: Vec<&str> = chosen
        .iter()
        .flat_map(|part| part.needs.iter().copied())
        .collect();
    let lacking = needs::lacking(&names, root);
    if lacking.is_empty() {
        return Ok(());
    }
    println!("== {SET_UP}");
    let result = needs::install(&lacking, root);
    if let Err(error) = &result {
        println!("{SET_UP}: {error:#}");
    }
    result
}

fn perform(root: &Path, part: &Part, ended: &[Ended]) -> Result<()> {
    let failed = |name: &&&str| {
        ended
            .iter()
            .any(|other| other.name == **name && other.failure.is_some())
    };
    if let Some(earlier) = part.after.iter().find(failed) {
        bail!("not run, because {earlier} failed");
    }
    let lacking: Vec<&str> = needs::lacking(part.needs, root)
        .iter()
        .map(|need| need.name)
        .collect();
    ensure!(
        lacking.is_empty(),
        "not run, because the machine lacks {}",
        lacking.join(", ")
    );
    part.steps.iter().try_for_each(|step| take(root, step))
}

fn take(root: &Path, step: &Step) -> Result<()> {
    match step {
        Step::Tidy => {
            ensure!(tidy::run(root)?, "the tree breaks its rules");
            Ok(())
        }
        Step::Python => python::install(root).context("the Python clients"),
        Step::Npm => npm::install(root).context("the JavaScript clients"),
        Step::Run(argv) => shell::show(argv, root, &interop(root)),
        Step::RunWith(name, value, argv) => {
            let mut variables = interop(root);
            variables.push((name, OsString::from(value)));
            shell::show(argv, root, &variables)
        }
    }
}

/// How the test programs find the clients; a test without its variable says which part brings it.
fn interop(root: &Path) -> Vec<(&'static str, OsString)> {
    let found = [
        (python::VARIABLE, python::interpreter(root)),
        (npm::VARIABLE, npm::installed(root)),
        ("NODE_OPTIONS", npm::node_options(root)),
    ];
    found
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

fn measure(name: &'static str, budget_minutes: f64, work: impl FnOnce() -> Result<()>) -> Ended {
    let start = shell::start_of_part();
    let failure = work().err().map(|error| format!("{error:#}"));
    Ended {
        name,
        budget_minutes,
        took: start.elapsed(),
        failure,
    }
}

/// Prints the table and, last, `N passed, N failed`; whether none failed.
fn report(ended: &[Ended]) -> bool {
    println!("\n{:<16} {:>8} {:>8}", "part", "minutes", "budget");
    for part in ended {
        let state = match &part.failure {
            Some(failure) => format!("failed: {}", failure.lines().next().unwrap_or_default()),
            None => "passed".to_owned(),
        };
        print_row(part.name, part.took, part.budget_minutes, &state);
    }
    print_row(
        "total",
        ended.iter().map(|part| part.took).sum(),
        BUDGET_MINUTES,
        "",
    );
    let failed = ended.iter().filter(|part| part.failure.is_some()).count();
    println!("{} passed, {failed} failed", ended.len() - failed);
    failed == 0
}

fn print_row(name: &str, took: Duration, budget_minutes: f64, state: &str) {
    let minutes = took.as_secs_f64() / 60.0;
    let over = if minutes > budget_minutes {
        "over its budget "
    } else {
        ""
    };
    println!(
        "{}",
        format!("{name:<16} {minutes:>8.1} {budget_minutes:>8.1}  {over}{state}").trim_end()
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parts::TEST;

    #[test]
    fn options_choose_parts_in_the_order_of_the_table() {
        let Ok(Wish::Run(all)) = wish(TEST, &[]) else {
            panic!("all")
        };
        assert_eq!(all.len(), TEST.len());
        let Ok(Wish::Run(two)) = wish(TEST, &["--only", "fmt", "tidy"]) else {
            panic!("two")
        };
        assert_eq!(
            two.iter().map(|part| part.name).collect::<Vec<_>>(),
            ["tidy", "fmt"]
        );
        assert!(matches!(wish(TEST, &["--list"]), Ok(Wish::List)));
    }

    #[test]
    fn options_that_make_no_sense_are_refused() {
        for options in [
            &["--only"][..],
            &["--only", "nothing"],
            &["--fast"],
            &["tidy"],
            &["--list", "tidy"],
        ] {
            assert!(wish(TEST, options).is_err(), "{options:?}");
        }
    }

    #[test]
    fn a_part_whose_predecessor_failed_is_not_run_and_fails() {
        const AFTER: Part = Part {
            name: "second",
            needs: &[],
            after: &["first"],
            steps: &[],
            budget_minutes: 1.0,
        };
        let root = Path::new("/");
        let first = measure("first", 1.0, || bail!("broken"));
        let error = perform(root, &AFTER, &[first]).expect_err("not run");
        assert_eq!(error.to_string(), "not run, because first failed");
        let first = measure("first", 1.0, || Ok(()));
        assert!(perform(root, &AFTER, &[first]).is_ok());
    }

    #[test]
    fn one_failing_part_fails_the_whole() {
        assert!(report(&[measure("one", 1.0, || Ok(()))]));
        assert!(!report(&[
            measure("one", 1.0, || Ok(())),
            measure("two", 1.0, || bail!("broken"))
        ]));
    }
}
