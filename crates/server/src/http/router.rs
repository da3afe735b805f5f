//! Paths to endpoints. Built once for each listener, from the registry.

use super::{Kind, builtin::Builtin, speaker::Speaker};
use countersign_dialects::{Delivery, Dialect, Listener, Route};
use http::Method;
use std::{cmp::Reverse, collections::BTreeMap};

/// What a path and a method lead to.
#[derive(Clone, Copy)]
pub(super) enum Endpoint {
    /// A dialect's.
    Route(&'static Dialect, &'static Route),
    /// The server's own.
    Builtin(Builtin),
}

/// A path with its methods.
pub(super) struct Place {
    endpoints: Vec<(Method, Endpoint)>,
    /// For `Allow`.
    pub(super) allow: &'static str,
    /// Whose path it is; none: the server's own.
    pub(super) dialect: Option<&'static Dialect>,
}

/// Paths to endpoints.
pub struct Router {
    places: matchit::Router<Place>,
    dialects: Vec<&'static Dialect>,
    fallback: Option<&'static Dialect>,
    phones: Option<&'static Dialect>,
}

/// Two endpoints want the same path.
#[derive(Debug, thiserror::Error)]
#[error("two endpoints want {path}: {problem}")]
pub struct Collision {
    path: String,
    problem: String,
}

/// What was found at a path.
pub(super) enum Found<'a> {
    /// An endpoint.
    Endpoint(Endpoint, &'a Place, Vec<(&'a str, &'a str)>),
    /// The path is there, the method is not.
    OtherMethod(&'a Place),
    /// Nothing.
    Nothing,
}

impl Router {
    /// The router of a listener.
    ///
    /// # Errors
    /// [`Collision`], which is a defect of the registry.
    pub fn new(kind: Kind, dialects: &'static [Dialect]) -> Result<Self, Collision> {
        let (listener, fallback) = match kind {
            Kind::Admin => (Listener::Admin, "admin"),
            Kind::Public | Kind::Gateway => (Listener::Public, "standard"),
        };
        let served = || {
            dialects
                .iter()
                .filter(|dialect| dialect.listener == listener)
        };
        let mut paths: BTreeMap<String, Place> = BTreeMap::new();
        for dialect in served() {
            for route in dialect.routes {
                let endpoint = Endpoint::Route(dialect, route);
                add(
                    &mut paths,
                    route.path,
                    &route.method,
                    endpoint,
                    Some(dialect),
                )?;
            }
        }
        for (path, builtin) in Builtin::table(kind, dialects) {
            add(
                &mut paths,
                &path,
                &Method::GET,
                Endpoint::Builtin(builtin),
                None,
            )?;
        }
        let mut places = matchit::Router::new();
        for (path, mut place) in paths {
            place.allow = allow(&place.endpoints);
            let insert = places.insert(path.clone(), place);
            insert.map_err(|error| Collision {
                path,
                problem: error.to_string(),
            })?;
        }
        Ok(Self {
            places,
            dialects: served().collect(),
            fallback: served().find(|dialect| dialect.name == fallback),
            phones: served().find(|dialect| dialect.is_for_phones()),
        })
    }

    /// What `method` of `path` leads to. `HEAD` is answered by what answers `GET` (RFC 9110 section 9.3.2).
    pub(super) fn find<'a>(&'a self, method: &Method, path: &'a str) -> Found<'a> {
        let Ok(found) = self.places.at(path) else {
            return Found::Nothing;
        };
        let wanted = if method == Method::HEAD {
            &Method::GET
        } else {
            method
        };
        let endpoint = found.value.endpoint(wanted);
        match endpoint {
            Some(endpoint) => Found::Endpoint(endpoint, found.value, found.params.iter().collect()),
            None => Found::OtherMethod(found.value),
        }
    }

    /// How the answer of `method` of `path` is delivered.
    pub(super) fn delivery(&self, method: &Method, path: &str) -> Delivery {
        match self.find(method, path) {
            Found::Endpoint(Endpoint::Route(_, route), ..) => route.delivery,
            _ => Delivery::Once,
        }
    }

    /// The dialect in whose words `path` is refused where nothing is: of those that may speak, the one whose own paths
    /// are most like it.
    pub(super) fn refuser(
        &self,
        path: &str,
        may_speak: impl Fn(&Dialect) -> bool,
    ) -> Option<&'static Dialect> {
        let speaking = self.dialects.iter().filter(|dialect| may_speak(dialect));
        let likeness = speaking.filter_map(|dialect| {
            let of_routes = dialect
                .routes
                .iter()
                .map(|route| likeness(path, route.path));
            Some((of_routes.max()?, *dialect))
        });
        // Of two that are as like, the first.
        let best = likeness.rev().max_by_key(|(likeness, _)| *likeness);
        best.filter(|(likeness, _)| likeness.0 > 0)
            .map(|(_, dialect)| dialect)
            .or(self.fallback)
    }

    /// The dialect in whose words is refused what no other speaks for.
    pub(super) fn fallback(&self) -> Option<&'static Dialect> {
        self.fallback
    }

    /// The dialect of devices, which has a host of its own.
    pub(super) fn phones(&self) -> Option<&'static Dialect> {
        self.phones
    }
}

impl Place {
    /// In whose words a method that is not there is refused: its only route's, or its dialect's.
    pub(super) fn speaker(&self) -> Speaker {
        match self.endpoints.as_slice() {
            [(_, Endpoint::Route(dialect, route))] => Speaker::Route(dialect, route),
            _ => Speaker::of(self.dialect),
        }
    }

    /// What answers `method` here.
    pub(super) fn endpoint(&self, method: &Method) -> Option<Endpoint> {
        self.endpoints
            .iter()
            .find(|(known, _)| known == method)
            .map(|(_, endpoint)| *endpoint)
    }
}

fn add(
    paths: &mut BTreeMap<String, Place>,
    path: &str,
    method: &Method,
    endpoint: Endpoint,
    dialect: Option<&'static Dialect>,
) -> Result<(), Collision> {
    let collision = |problem: &str| Collision {
        path: path.to_owned(),
        problem: problem.to_owned(),
    };
    let place = paths.entry(path.to_owned()).or_insert_with(|| Place {
        endpoints: Vec::new(),
        allow: "",
        dialect,
    });
    if place.dialect.map(|known| known.name) != dialect.map(|new| new.name) {
        return Err(collision("a path belongs to one dialect"));
    }
    if place.endpoints.iter().any(|(known, _)| known == method) {
        return Err(collision("the same method twice"));
    }
    place.endpoints.push((method.clone(), endpoint));
    Ok(())
}

/// The value of `Allow`, for ever: there is one of each path and listener.
fn allow(endpoints: &[(Method, Endpoint)]) -> &'static str {
    let mut names: Vec<&str> = endpoints
        .iter()
        .map(|(method, _)| method.as_str())
        .collect();
    if names.contains(&"GET") {
        names.push("HEAD");
    }
    names.sort_unstable();
    Box::leak(names.join(", ").into_boxed_str())
}

/// How many leading segments two paths share; of as many, those of like length are more alike.
fn likeness(path: &str, other: &str) -> (usize, Reverse<usize>) {
    let [ours, theirs] = [path, other].map(|path| path.trim_start_matches('/').split('/'));
    let apart = ours.clone().count().abs_diff(theirs.clone().count());
    let shared = ours.zip(theirs).take_while(|(ours, theirs)| ours == theirs);
    (shared.count(), Reverse(apart))
}
