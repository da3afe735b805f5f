//! `application/x-www-form-urlencoded` bodies (RFC 6749 appendix B), read strictly.

use super::{
    media,
    percent::{self, NotText},
};
use crate::Request;
use countersign_engine::{
    denied::{Denied, Problem, ProblemKind},
    secret::Secret,
};

/// Parameters of one body: several times what any endpoint knows.
pub const PARAMETERS_MAX: usize = 64;

/// A decoded form. Values may be secrets, so they print as nothing.
#[derive(Debug, Clone)]
pub struct Form(Vec<(String, Secret<String>)>);

impl Form {
    /// Read the body of `request`. Repeats are kept, for [`Form::check_repeats`].
    ///
    /// # Errors
    /// [`Denied::UnsupportedMediaType`], or [`Denied::Invalid`] for the first parameter that is not text, or
    /// when there are more than [`PARAMETERS_MAX`].
    pub fn read(request: &Request<'_>) -> Result<Self, Denied> {
        media::require(request.headers, media::FORM)?;
        Self::decode(request.body)
    }

    /// Read a body whose type was already checked.
    ///
    /// # Errors
    /// [`Denied::Invalid`].
    pub fn decode(body: &[u8]) -> Result<Self, Denied> {
        let mut pairs = Vec::new();
        for pair in body.split(|&byte| byte == b'&').filter(|p| !p.is_empty()) {
            if pairs.len() >= PARAMETERS_MAX {
                let kind = ProblemKind::TooLong {
                    max: PARAMETERS_MAX,
                };
                return Err(Denied::invalid("parameters", kind));
            }
            let mut halves = pair.splitn(2, |&byte| byte == b'=');
            let name = percent::decode_form(halves.next().unwrap_or_default())
                .map_err(|why| not_text("parameters", why))?;
            let value = percent::decode_form(halves.next().unwrap_or_default())
                .map_err(|why| not_text(&name, why))?;
            pairs.push((name, Secret::new(value)));
        }
        Ok(Self(pairs))
    }

    /// The one value of `name`. A value of no bytes counts as left out (RFC 6749 section 3.2).
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find_map(|pair| value_of(pair, name))
    }

    /// Every value of `name` that has any bytes.
    pub fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(move |pair| value_of(pair, name))
    }

    /// How often `name` stands there, with or without a value.
    pub fn count(&self, name: &str) -> usize {
        self.0.iter().filter(|(n, _)| n == name).count()
    }

    /// The one value of `name`, which must be there.
    ///
    /// # Errors
    /// [`Denied::Invalid`]: it is missing.
    pub fn required(&self, name: &str) -> Result<&str, Denied> {
        self.text(name)
            .ok_or_else(|| Denied::invalid(name, ProblemKind::Missing))
    }

    /// That no parameter stands twice (RFC 6749 section 3.2), known to us or not, except `repeatable`.
    ///
    /// # Errors
    /// [`Denied::Invalid`], naming each.
    pub fn check_repeats(&self, repeatable: &[&str]) -> Result<(), Denied> {
        let mut problems: Vec<Problem> = Vec::new();
        for (name, _) in &self.0 {
            let is_known = problems.iter().any(|problem| problem.field == *name);
            if self.count(name) > 1 && !is_known && !repeatable.contains(&name.as_str()) {
                problems.push(Problem::new(name.as_str(), ProblemKind::Repeated));
            }
        }
        if problems.is_empty() {
            Ok(())
        } else {
            Err(Denied::Invalid(problems))
        }
    }
}

fn value_of<'a>((name, value): &'a (String, Secret<String>), wanted: &str) -> Option<&'a str> {
    let text = value.expose().as_str();
    (name == wanted && !text.is_empty()).then_some(text)
}

fn not_text(field: &str, why: NotText) -> Denied {
    Denied::invalid(field, ProblemKind::Expected(why.expected()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(body: &str) -> Form {
        Form::decode(body.as_bytes()).unwrap()
    }

    #[test]
    fn an_empty_value_counts_as_left_out() {
        let form = form("scope=&a&&b=1&=x");
        assert_eq!(form.text("scope"), None);
        assert_eq!(form.text("a"), None);
        assert_eq!(form.text("b"), Some("1"));
        assert_eq!(form.text("missing"), None);
        assert_eq!(
            form.required("scope").unwrap_err(),
            Denied::invalid("scope", ProblemKind::Missing)
        );
    }

    #[test]
    fn only_the_first_equals_sign_divides() {
        assert_eq!(
            form("client_secret=ab+c%2Bd==").text("client_secret"),
            Some("ab c+d==")
        );
    }

    #[test]
    fn a_repeated_parameter_is_named_once_also_when_unknown_or_empty() {
        let form = form("x=1&resource=a&scope=&x=2&resource=b&x=3&scope=s");
        let named = vec![
            Problem::new("x", ProblemKind::Repeated),
            Problem::new("scope", ProblemKind::Repeated),
        ];
        assert_eq!(
            form.check_repeats(&["resource"]),
            Err(Denied::Invalid(named))
        );
        assert_eq!(form.texts("resource").collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn names_that_decode_alike_are_repeats() {
        assert!(form("scope=a&sc%6Fpe=b").check_repeats(&[]).is_err());
    }

    #[test]
    fn what_is_not_text_is_refused_by_name() {
        for (body, field) in [
            (&b"scope=%ff"[..], "scope"),
            (b"scope=a%00b", "scope"),
            (b"scope=a\0", "scope"),
            (b"scope=%g1", "scope"),
            (b"\xffscope=1", "parameters"),
            (b"a=1&%00=2", "parameters"),
        ] {
            match Form::decode(body).unwrap_err() {
                Denied::Invalid(problems) => assert_eq!(problems[0].field, field),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn parameters_are_counted_before_they_are_kept() {
        assert!(Form::decode("a=1&".repeat(PARAMETERS_MAX).as_bytes()).is_ok());
        for body in ["a=1&".repeat(PARAMETERS_MAX + 1), "a&".repeat(512 * 1024)] {
            let kind = ProblemKind::TooLong {
                max: PARAMETERS_MAX,
            };
            let refused = Form::decode(body.as_bytes()).unwrap_err();
            assert_eq!(refused, Denied::invalid("parameters", kind));
        }
    }

    #[test]
    fn values_are_not_printed() {
        assert!(!format!("{:?}", form("client_secret=hunter2")).contains("hunter2"));
    }
}
