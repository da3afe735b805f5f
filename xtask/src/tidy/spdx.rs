//! As much of SPDX licence expressions as crates use: OR, AND, WITH, parentheses, and the old `/` for OR.

/// Whether an expression can be satisfied with licences that `allowed` accepts. `allowed` gets each licence with
/// its exception, if it has one. An error says where the expression stops making sense.
pub fn satisfied(
    expression: &str,
    allowed: &dyn Fn(&str, Option<&str>) -> bool,
) -> Result<bool, String> {
    let spaced = expression
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut parser = Parser {
        words: &words,
        allowed,
    };
    let answer = parser.any_of()?;
    match parser.words.first() {
        None => Ok(answer),
        Some(word) => Err(format!("unexpected `{word}`")),
    }
}

struct Parser<'a> {
    words: &'a [&'a str],
    allowed: &'a dyn Fn(&str, Option<&str>) -> bool,
}

impl<'a> Parser<'a> {
    /// `a OR b`: binds the least tightly.
    fn any_of(&mut self) -> Result<bool, String> {
        let mut answer = self.all_of()?;
        while self.takes("OR") {
            answer |= self.all_of()?;
        }
        Ok(answer)
    }

    fn all_of(&mut self) -> Result<bool, String> {
        let mut answer = self.one()?;
        while self.takes("AND") {
            answer &= self.one()?;
        }
        Ok(answer)
    }

    fn one(&mut self) -> Result<bool, String> {
        if self.takes("(") {
            let answer = self.any_of()?;
            return if self.takes(")") {
                Ok(answer)
            } else {
                Err("a `)` is missing".to_owned())
            };
        }
        let licence = self.word()?;
        let exception = if self.takes("WITH") {
            Some(self.word()?)
        } else {
            None
        };
        Ok((self.allowed)(licence, exception))
    }

    /// The name of a licence or of an exception.
    fn word(&mut self) -> Result<&'a str, String> {
        match self.words.split_first() {
            Some((word, _)) if matches!(*word, "OR" | "AND" | "WITH" | "(" | ")") => {
                Err(format!("a licence is missing before `{word}`"))
            }
            Some((word, rest)) => {
                self.words = rest;
                Ok(word)
            }
            None => Err("a licence is missing at the end".to_owned()),
        }
    }

    fn takes(&mut self, word: &str) -> bool {
        match self.words.split_first() {
            Some((first, rest)) if *first == word => {
                self.words = rest;
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(expression: &str) -> Result<bool, String> {
        satisfied(expression, &|licence, exception| match exception {
            None => matches!(licence, "MIT" | "Apache-2.0" | "ISC"),
            Some(exception) => licence == "Apache-2.0" && exception == "LLVM-exception",
        })
    }

    #[test]
    fn expressions_are_satisfied_as_their_operators_say() {
        let table = [
            ("MIT", true),
            ("GPL-3.0", false),
            ("MIT OR GPL-3.0", true),
            ("GPL-3.0 OR MIT", true),
            ("MIT AND GPL-3.0", false),
            ("MIT/Apache-2.0", true),
            ("GPL-2.0/GPL-3.0", false),
            ("Apache-2.0 / MIT", true),
            ("Apache-2.0 WITH LLVM-exception", true),
            ("MIT WITH LLVM-exception", false),
            ("Apache-2.0 WITH Other-exception OR MIT", true),
            // AND binds more tightly than OR.
            ("MIT OR GPL-3.0 AND GPL-2.0", true),
            ("(MIT OR GPL-3.0) AND GPL-2.0", false),
            ("ISC AND (Apache-2.0 OR ISC) AND (GPL-2.0 OR MIT)", true),
        ];
        for (expression, expected) in table {
            assert_eq!(judge(expression), Ok(expected), "{expression}");
        }
    }

    #[test]
    fn what_is_no_expression_is_an_error() {
        for expression in [
            "", "MIT OR", "OR MIT", "(MIT", "MIT)", "MIT ISC", "MIT WITH", "()",
        ] {
            assert!(judge(expression).is_err(), "{expression:?}");
        }
    }
}
