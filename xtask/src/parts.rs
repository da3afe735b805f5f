//! What `check` and `test` run, as data.

/// One line of the table at the end.
pub struct Part {
    pub name: &'static str,
    /// Names of [`crate::needs::NEEDS`]; what lacks is installed before the first part.
    pub needs: &'static [&'static str],
    /// Parts without which this one makes no sense; it fails at once when one of them failed.
    pub after: &'static [&'static str],
    pub steps: &'static [Step],
    /// On two cores, from a clean clone.
    pub budget_minutes: f64,
}

/// A step of a part.
pub enum Step {
    /// A program with its arguments, from the root of the workspace.
    Run(&'static [&'static str]),
    /// The same with a variable of the environment.
    RunWith(&'static str, &'static str, &'static [&'static str]),
    /// The rules of the tree.
    Tidy,
    /// The Python clients of the interop tests, in a venv of their own.
    Python,
    /// The JavaScript clients of the interop tests.
    Npm,
}

/// The whole of `test` has this long.
pub const BUDGET_MINUTES: f64 = 45.0;

const C_COMPILER: &[&str] = &["cc"];
/// Checks the types that the phone page's scripts have in their comments.
const TSC: &str = "target/interop/npm/node_modules/typescript/bin/tsc";

/// The quick half, in the build that a developer has warm.
pub const CHECK: &[Part] = &[
    Part {
        name: "tidy",
        needs: &["git"],
        after: &[],
        steps: &[Step::Tidy],
        budget_minutes: 0.2,
    },
    FMT,
    Part {
        name: "clippy",
        needs: C_COMPILER,
        after: &[],
        steps: &[Step::Run(&[
            "cargo",
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ])],
        budget_minutes: 3.0,
    },
    Part {
        name: "doc",
        needs: C_COMPILER,
        after: &[],
        steps: &[Step::RunWith(
            "RUSTDOCFLAGS",
            "-D warnings",
            &[
                "cargo",
                "doc",
                "--workspace",
                "--no-deps",
                "--document-private-items",
            ],
        )],
        budget_minutes: 2.0,
    },
    Part {
        name: "unit",
        needs: C_COMPILER,
        after: &[],
        steps: &[Step::Run(&[
            "cargo",
            "test",
            "--workspace",
            "--lib",
            "--bins",
        ])],
        budget_minutes: 5.0,
    },
];

/// Everything. All that compiles shares the profile `ci`, so that dependencies and their C code are built once.
pub const TEST: &[Part] = &[
    Part {
        name: "tidy",
        needs: &["git"],
        after: &[],
        steps: &[Step::Tidy],
        budget_minutes: 0.5,
    },
    FMT,
    Part {
        name: "build",
        needs: C_COMPILER,
        after: &[],
        steps: &[Step::Run(&[
            "cargo",
            "build",
            "--profile",
            "ci",
            "--workspace",
            "--all-targets",
        ])],
        budget_minutes: 14.0,
    },
    Part {
        name: "clippy",
        needs: C_COMPILER,
        after: &[],
        steps: &[Step::Run(&[
            "cargo",
            "clippy",
            "--profile",
            "ci",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ])],
        budget_minutes: 4.0,
    },
    Part {
        name: "doc",
        needs: C_COMPILER,
        after: &[],
        steps: &[Step::RunWith(
            "RUSTDOCFLAGS",
            "-D warnings",
            &[
                "cargo",
                "doc",
                "--profile",
                "ci",
                "--workspace",
                "--no-deps",
                "--document-private-items",
            ],
        )],
        budget_minutes: 3.0,
    },
    Part {
        name: "generated",
        needs: &["git"],
        after: &["build"],
        steps: &[
            Step::Run(&[
                "target/ci/countersign",
                "openapi",
                "--write",
                "docs/openapi",
            ]),
            Step::Run(&["git", "diff", "--exit-code", "--", "docs", "deploy"]),
        ],
        budget_minutes: 0.5,
    },
    Part {
        name: "interop-python",
        needs: &["ca-certificates", "python3", "python3-venv"],
        after: &[],
        steps: &[Step::Python],
        budget_minutes: 1.5,
    },
    Part {
        name: "interop-npm",
        needs: &["ca-certificates", "node", "npm"],
        after: &[],
        steps: &[Step::Npm],
        budget_minutes: 1.0,
    },
    Part {
        name: "page",
        needs: &["node"],
        after: &["interop-npm"],
        steps: &[
            Step::Run(&["node", TSC, "-p", "crates/dialects/src/phone/page"]),
            Step::Run(&[
                "node",
                TSC,
                "-p",
                "crates/dialects/src/phone/page/tsconfig.worker.json",
            ]),
        ],
        budget_minutes: 0.3,
    },
    Part {
        name: "tests",
        needs: &[
            "cc", "curl", "openssl", "softhsm2", "chromium", "nginx", "caddy", "haproxy",
        ],
        after: &["build"],
        steps: &[Step::Run(&[
            "cargo",
            "test",
            "--profile",
            "ci",
            "--workspace",
            "--no-fail-fast",
        ])],
        budget_minutes: 16.0,
    },
];

const FMT: Part = Part {
    name: "fmt",
    needs: &[],
    after: &[],
    steps: &[Step::Run(&["cargo", "fmt", "--all", "--check"])],
    budget_minutes: 0.2,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::needs::NEEDS;

    #[test]
    fn every_need_is_in_the_table_and_every_predecessor_comes_before() {
        for parts in [CHECK, TEST] {
            for (index, part) in parts.iter().enumerate() {
                for need in part.needs {
                    assert!(
                        NEEDS.iter().any(|known| known.name == *need),
                        "{} needs {need}",
                        part.name
                    );
                }
                for earlier in part.after {
                    let before = parts[..index].iter().any(|known| known.name == *earlier);
                    assert!(before, "{} comes after {earlier}", part.name);
                }
            }
        }
    }

    #[test]
    fn the_parts_fit_in_the_budget_with_their_set_up() {
        let minutes: f64 = TEST.iter().map(|part| part.budget_minutes).sum();
        assert!(
            minutes + crate::needs::BUDGET_MINUTES <= BUDGET_MINUTES,
            "{minutes}"
        );
    }
}
