//! Where in a body something stands, written as a refusal names it: `guards[2].paths[0]`.

use std::fmt;

/// A chain from the body down to one value. Costs nothing until it is printed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place<'a> {
    /// The body itself.
    Body,
    /// A member of an object.
    Member(&'a Place<'a>, &'a str),
    /// An item of a list, counted from 0.
    Item(&'a Place<'a>, usize),
}

impl<'a> Place<'a> {
    /// A member of what stands here.
    pub(super) fn member(&'a self, name: &'a str) -> Place<'a> {
        Place::Member(self, name)
    }

    /// An item of what stands here.
    pub(super) fn item(&'a self, index: usize) -> Place<'a> {
        Place::Item(self, index)
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body => f.write_str("body"),
            Self::Member(Place::Body, name) => f.write_str(name),
            Self::Member(parent, name) => write!(f, "{parent}.{name}"),
            Self::Item(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}
