//! Whether a stranger can tell an account that exists from one that does not by how long the answer takes.
//!
//! Over one kept connection, requests about the one and the other in random order, so that whatever drifts drifts for
//! both; then a rank test, which asks only whether the ones are answered sooner than the others, not by how much.

use crate::{
    measure::Place,
    options::Options,
    people::{self, HOST, PLATFORM, People, guess, post, post_json},
    probe::{Plan, Took},
    process,
    server::Server,
    statistics::{self, RankTest},
};
use anyhow::{Context, Result, ensure};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use serde::Serialize;
use serde_json::json;
use std::{fmt::Write, path::Path};

/// How often an address is asked about: fewer times than slow guesses down or keep letters back.
const ASKED_EACH: usize = 10;
/// Requests before anything counts, of either kind.
const WARM_UP: usize = 20;

/// A place where somebody might be told apart from nobody.
struct Door {
    name: &'static str,
    /// About one who exists, from a network; about one who does not.
    known: Box<dyn Fn(usize) -> String>,
    unknown: Box<dyn Fn(usize) -> String>,
}

/// What was seen there.
#[derive(Debug, Clone, Serialize)]
pub struct Seen {
    /// The place.
    pub name: &'static str,
    /// Samples of each kind.
    pub samples: usize,
    /// The status that everyone got.
    pub status: u16,
    /// Microseconds, in the median, about one who exists.
    pub known: f64,
    /// The same about nobody.
    pub unknown: f64,
    /// Whether the ones are answered sooner than the others.
    pub test: RankTest,
}

/// Measure every place.
///
/// # Errors
/// When the server does not start or set up, or answers differ by more than time.
pub async fn measure(place: &Place, program: &Path, options: &Options) -> Result<Vec<Seen>> {
    let server = Server::start(place.server_core, program).await?;
    let count = options.samples.div_ceil(ASKED_EACH) + WARM_UP;
    let people = People::set_up(&server, count).await?;
    let mut seen = Vec::new();
    for (number, door) in doors(&people).iter().enumerate() {
        eprintln!("{}: {} samples of each kind", door.name, options.samples);
        seen.push(measure_door(door, number, server.public, place, options)?);
    }
    Ok(seen)
}

fn measure_door(
    door: &Door,
    number: usize,
    address: std::net::SocketAddr,
    place: &Place,
    options: &Options,
) -> Result<Seen> {
    let warm_up = (0..2 * WARM_UP).map(|turn| turn % 2 == 0);
    let order: Vec<bool> = warm_up.chain(shuffled(options.samples)).collect();
    let mut asked = [0, 0];
    // Each request from a network of its own, and no network twice.
    let first = (number + 1) * 2 * (options.samples + WARM_UP);
    let requests = order.iter().enumerate().map(|(turn, is_known)| {
        let [known, unknown] = &mut asked;
        let (of, counter) = match is_known {
            true => (&door.known, known),
            false => (&door.unknown, unknown),
        };
        *counter += 1;
        let about = of(*counter - 1);
        about.replacen("\r\n", &format!("\r\n{}", people::from(first + turn)), 1)
    });
    let plan = Plan {
        address,
        requests: requests.collect(),
    };
    let plan = serde_json::to_string(&plan)?;
    let printed = process::ask(place.load_core, &place.own_file, "probe", &plan)?;
    let took: Vec<Took> = serde_json::from_str(&printed).context("the probe's figures")?;
    let counted = order.iter().zip(&took).skip(2 * WARM_UP);
    let of = |wanted: bool| {
        let those = counted.clone().filter(move |(known, _)| **known == wanted);
        those.map(|(_, took)| *took).collect::<Vec<_>>()
    };
    Seen::of(door.name, &of(true), &of(false))
}

impl Seen {
    fn of(name: &'static str, known: &[Took], unknown: &[Took]) -> Result<Self> {
        let first = known.first().context("no samples")?;
        let alike = |took: &Took| (took.status, took.bytes) == (first.status, first.bytes);
        ensure!(
            known.iter().chain(unknown).all(alike),
            "{name}: answers differ by status or length: {:?}",
            known.iter().chain(unknown).find(|took| !alike(took))
        );
        let micros = |took: &[Took]| took.iter().map(|took| took.micros).collect::<Vec<_>>();
        let (known, unknown) = (micros(known), micros(unknown));
        Ok(Self {
            name,
            samples: known.len(),
            status: first.status,
            known: statistics::median(&known).context("no samples")?,
            unknown: statistics::median(&unknown).context("no samples")?,
            test: RankTest::of(&known, &unknown).context("no samples")?,
        })
    }
}

/// So many of each kind, in an order that nothing else on the machine follows.
fn shuffled(samples: usize) -> Vec<bool> {
    let mut order: Vec<bool> = (0..2 * samples).map(|turn| turn < samples).collect();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for last in (1..order.len()).rev() {
        // xorshift64 (Marsaglia): the order need not be a secret, only unrelated.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let bound = u64::try_from(last).unwrap_or(u64::MAX) + 1;
        order.swap(last, usize::try_from(state % bound).unwrap_or_default());
    }
    order
}

fn doors(people: &People) -> Vec<Door> {
    let addresses = people.known.clone();
    let count = addresses.len();
    let somebody = move |turn: usize| {
        addresses
            .iter()
            .cycle()
            .nth(turn % count)
            .cloned()
            .unwrap_or_default()
    };
    let nobody = move |turn: usize| people::nobody(turn % count);
    let door = |name, known: Box<dyn Fn(usize) -> String>, unknown| Door {
        name,
        known,
        unknown,
    };
    let login = |email: String| guess(&email, "");
    let reset = |email: String| post_json("/api/v1/password-reset", "", &json!({ "email": email }));
    let client = people.client.clone();
    let other: String = client.chars().rev().collect();
    let with = somebody.clone();
    let mut doors = vec![door(
        "password login",
        Box::new(move |turn| login(with(turn))),
        Box::new(move |turn| login(nobody(turn))),
    )];
    doors.push(door(
        "password reset",
        Box::new(move |turn| reset(somebody(turn))),
        Box::new(move |turn| reset(nobody(turn))),
    ));
    doors.push(door(
        "platform login",
        Box::new(|_| vouched(PLATFORM)),
        Box::new(|turn| vouched(&format!("other{:03}", turn % 100))),
    ));
    for (name, path, form) in [
        ("introspection", "/oauth2/introspect", "token=x"),
        (
            "token endpoint",
            "/oauth2/token",
            "grant_type=client_credentials",
        ),
    ] {
        let (client, other) = (client.clone(), other.clone());
        doors.push(door(
            name,
            Box::new(move |_| wrong_secret(path, form, &client)),
            Box::new(move |_| wrong_secret(path, form, &other)),
        ));
    }
    doors
}

/// A platform's word that a stranger made up: everything of it is right but the signature.
fn vouched(platform: &str) -> String {
    let part = |text: &str| BASE64URL_NOPAD.encode(text.as_bytes());
    let token = format!(
        "{}.{}.{}",
        part(r#"{"alg":"RS512","typ":"JWT"}"#),
        part(r#"{"email":"john@email.com","expire":4102444800}"#),
        BASE64URL_NOPAD.encode(&[0x55; 256])
    );
    format!(
        "POST /api/v1/authenticate-jwt/{platform} HTTP/1.1\r\nHost: {HOST}\r\nToken: {token}\r\nContent-Length: 0\r\n\r\n"
    )
}

/// A client's identifier, with a secret that nobody has.
fn wrong_secret(path: &str, form: &str, client: &str) -> String {
    let pair = format!("{client}:not-the-secret-of-anybody");
    let basic = format!(
        "Authorization: Basic {}\r\n",
        BASE64.encode(pair.as_bytes())
    );
    post(path, "application/x-www-form-urlencoded", &basic, form)
}

/// The table.
///
/// # Errors
/// None in practice: text is written into memory.
pub fn table(seen: &[Seen]) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    writeln!(
        text,
        "{:<20} {:>8} {:>7} {:>12} {:>12} {:>12} {:>8} {:>9}",
        "accounts", "samples", "status", "known us", "unknown us", "difference", "guessed", "p"
    )?;
    for one in seen {
        writeln!(
            text,
            "{:<20} {:>8} {:>7} {:>12.1} {:>12.1} {:>+12.1} {:>7.1}% {:>9.4}",
            one.name,
            one.samples,
            one.status,
            one.known,
            one.unknown,
            one.known - one.unknown,
            one.test.guessed() * 100.0,
            one.test.p,
        )?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_of_each_kind_come_in_no_order() {
        let order = shuffled(500);
        assert_eq!(order.iter().filter(|known| **known).count(), 500);
        let turns = order.windows(2).filter(|two| two[0] != two[1]).count();
        assert!((400..600).contains(&turns), "{turns}");
    }

    #[test]
    fn answers_of_another_length_need_no_clock() {
        let took = |bytes| Took {
            micros: 1.0,
            status: 401,
            bytes,
        };
        assert!(Seen::of("door", &[took(9)], &[took(9)]).is_ok());
        assert!(Seen::of("door", &[took(9)], &[took(8)]).is_err());
    }
}
