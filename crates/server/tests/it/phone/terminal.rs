//! `countersign phone`: the same as the page, for terminals and scripts.

use super::{Stage, TARGET};
use crate::proxies::{child::eventually, wire};
use serde_json::{Value, json};
use std::{
    fs,
    io::{BufReader, Write},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tempfile::TempDir;

const PIN: &str = "402311";

/// A phone in a folder of its own.
struct Phone {
    folder: TempDir,
}

/// What a command printed.
struct Told {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Told {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    fn json(&self) -> Value {
        assert_eq!(self.code, Some(0), "{}{}", self.out, self.err);
        serde_json::from_str(&self.out).unwrap()
    }
}

impl Phone {
    fn new() -> Self {
        Self {
            folder: TempDir::new().unwrap(),
        }
    }

    /// One that is the approver's.
    fn linked(stage: &Stage) -> Self {
        let phone = Self::new();
        phone.enrol(stage).json();
        let typed = phone
            .run(&["type-in", &stage.nonce(), "--json"], PIN)
            .json();
        assert_eq!(typed["purpose"], "approver", "{typed}");
        assert_eq!(typed["shown_by"], "Acme Logistics", "{typed}");
        phone
    }

    fn enrol(&self, stage: &Stage) -> Told {
        self.run(
            &[
                "enrol",
                "--url",
                &stage.url(),
                "--name",
                "Ada's terminal",
                "--json",
            ],
            PIN,
        )
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("phone.json")
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the tests' own harness starts programs"
    )]
    fn command(&self, arguments: &[&str], pin: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command
            .env_clear()
            .arg("phone")
            .args(arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        if !pin.is_empty() {
            command.env("COUNTERSIGN_PHONE_PIN", pin);
        }
        command
    }

    fn run(&self, arguments: &[&str], pin: &str) -> Told {
        Told::of(self.command(arguments, pin).output().unwrap())
    }

    fn watch(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(&["watch"], PIN);
        let watching = command.args(arguments).stdout(Stdio::piped());
        watching.stderr(Stdio::piped()).spawn().unwrap()
    }
}

#[test]
fn a_terminal_approves_exactly_what_it_shows_and_that_passes_once() {
    let stage = Stage::new();
    let phone = Phone::linked(&stage);
    let (id, code) = stage.ask(TARGET);

    let listed = phone.run(&["list", "--json"], PIN).json();
    assert_eq!(listed[0]["id"], *id, "{listed}");
    assert_eq!(listed[0]["text"], "Pay 1250.00 to Northern Waterworks");
    assert_eq!(listed[0]["asked_by"], "Payroll robot, Acme Logistics");
    assert_eq!(
        listed[0]["code"].as_str().unwrap().replace(' ', ""),
        code,
        "both sides show the same"
    );
    let shown = phone.run(&["show", &id], PIN);
    for line in [
        "Pay 1250.00 to Northern Waterworks",
        "asked by      Payroll robot, Acme Logistics",
        "method        POST",
        "host          api.sandbox.test",
        "path          /payouts",
        "parameter     to = Northern Waterworks",
        "parameter     amount = 1250.00",
        "body          none",
        "who decides   1 of finance, acme",
    ] {
        assert!(shown.out.contains(line), "{line}: {}", shown.out);
    }

    let early = stage.pay(TARGET, Some(&id));
    assert_eq!(early.status, 403, "nobody has approved yet: {early:?}");
    let approved = phone.run(&["approve", &id, "--json"], PIN).json();
    assert_eq!(approved["state"], "approved", "{approved}");

    let other = stage.pay(&TARGET.replace("1250", "9250"), Some(&id));
    assert_eq!(Stage::refused(&other), "approval-mismatch", "{other:?}");
    assert_eq!(stage.pay(TARGET, Some(&id)).status, 200);
    let again = stage.pay(TARGET, Some(&id));
    assert_eq!(Stage::refused(&again), "approval-used", "{again:?}");
}

#[test]
fn a_rejection_and_a_second_answer_are_told_apart() {
    let stage = Stage::new();
    let phone = Phone::linked(&stage);
    let (id, _) = stage.ask(TARGET);
    let rejected = phone.run(&["reject", &id], "");
    assert_eq!(
        (rejected.code, rejected.out.as_str()),
        (Some(0), "Rejected.\n")
    );
    let told = stage.pay(TARGET, Some(&id));
    assert_eq!(Stage::refused(&told), "approval-rejected", "{told:?}");
    let late = phone.run(&["approve", &id], PIN);
    assert_eq!(late.code, Some(1), "{}", late.err);
    let none = phone.run(&["approve", &"0".repeat(32)], PIN);
    assert_eq!(none.code, Some(1));
    assert!(none.err.contains("no such request"), "{}", none.err);
}

#[test]
fn wrong_pins_are_counted_and_the_fifth_locks_the_phone() {
    let stage = Stage::new();
    let phone = Phone::linked(&stage);
    let (id, _) = stage.ask(TARGET);
    for left in (1..5).rev() {
        let wrong = phone.run(&["approve", &id], "111222");
        assert_eq!(wrong.code, Some(1));
        let said = format!("Tries left: {left}.");
        assert!(wrong.err.contains(&said), "{said} {}", wrong.err);
    }
    let fifth = phone.run(&["approve", &id], "111222");
    assert!(fifth.err.contains("locked"), "{}", fifth.err);
    let right = phone.run(&["approve", &id], PIN);
    assert_eq!(right.code, Some(1));
    assert!(right.err.contains("Too many wrong PINs"), "{}", right.err);
    let shown = phone.run(&["show", "--json"], PIN).json();
    assert_eq!(
        (&shown["locked"], &shown["tries_left"]),
        (&json!(true), &json!(0))
    );
    let stays = stage.pay(TARGET, Some(&id));
    assert_eq!(stays.status, 403, "{stays:?}");
}

#[test]
fn a_watching_phone_hears_of_requests_and_answers_them_for_scripts() {
    let stage = Stage::new();
    let phone = Phone::linked(&stage);
    let watching = phone.watch(&["--auto-approve", "--count", "2", "--json"]);
    let (first, _) = stage.ask(TARGET);
    let other = TARGET.replace("1250", "7");
    let (second, _) = stage.ask(&other);
    let told = Told::of(watching.wait_with_output().unwrap());
    assert_eq!(told.code, Some(0), "{}", told.err);
    let lines: Vec<Value> = told
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for id in [&first, &second] {
        let states: Vec<&Value> = lines
            .iter()
            .filter(|line| line["id"] == **id)
            .map(|line| &line["state"])
            .collect();
        assert_eq!(states, ["pending", "approved"], "{}", told.out);
    }
    assert_eq!(stage.pay(TARGET, Some(&first)).status, 200);
    assert_eq!(stage.pay(&other, Some(&second)).status, 200);
}

#[test]
fn a_phones_file_is_its_owners_alone_and_never_overwritten() {
    let stage = Stage::new();
    let phone = Phone::new();
    let enrolled = phone.enrol(&stage).json();
    let mode = fs::metadata(phone.file()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let kept = fs::read_to_string(phone.file()).unwrap();
    let file: Value = serde_json::from_str(&kept).unwrap();
    assert_eq!(file["device"], enrolled["id"]);
    assert!(!kept.contains(PIN), "the PIN is nowhere");

    let again = phone.enrol(&stage);
    assert_eq!(again.code, Some(2), "{}", again.err);
    assert_eq!(fs::read_to_string(phone.file()).unwrap(), kept);

    fs::set_permissions(phone.file(), fs::Permissions::from_mode(0o644)).unwrap();
    let open = phone.run(&["show"], PIN);
    assert_eq!(open.code, Some(1));
    assert!(open.err.contains("can be read by others"), "{}", open.err);
    assert!(open.err.contains("device remove"), "{}", open.err);
    assert!(!open.err.contains("revoke the token"), "{}", open.err);
}

/// Somebody's server that holds nothing, as one does that drains: the answer to everything, at once.
fn in_a_hurry() -> (String, Arc<AtomicU32>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::<AtomicU32>::default();
    let counted = Arc::clone(&asked);
    std::thread::Builder::new()
        .spawn(move || {
            for stream in listener.incoming() {
                let mut reader = BufReader::new(stream.unwrap());
                wire::line(&mut reader).unwrap();
                let headers = wire::headers(&mut reader).unwrap();
                wire::body(&mut reader, &headers, false).unwrap();
                counted.fetch_add(1, Ordering::Relaxed);
                let body = json!({ "id": "d", "version": 7, "requests": [] }).to_string();
                let length = body.len();
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
                );
                let answer = format!("{head}{body}");
                reader.get_mut().write_all(answer.as_bytes()).unwrap();
            }
        })
        .unwrap();
    (url, asked)
}

#[test]
fn a_watching_phone_asked_without_end_what_was_not_held() {
    let (url, asked) = in_a_hurry();
    let phone = Phone::new();
    phone.run(&["enrol", "--url", &url, "--json"], PIN).json();
    let enrolled = asked.load(Ordering::Relaxed);
    let mut watching = phone.watch(&[]);
    eventually("it watches", || {
        (asked.load(Ordering::Relaxed) >= enrolled + 2).then_some(())
    });
    std::thread::sleep(Duration::from_secs(1));
    watching.kill().unwrap();
    watching.wait().unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), enrolled + 2, "in a second");
}

#[test]
fn a_watching_phone_approved_what_nobody_could_read() {
    let stage = Stage::new();
    let phone = Phone::linked(&stage);
    let mut watching = phone.watch(&["--auto-approve", "--json", "--count", "1"]);
    drop(watching.stdout.take());
    let (id, _) = stage.ask(TARGET);
    let told = Told::of(watching.wait_with_output().unwrap());
    assert_eq!(told.code, Some(1), "{}", told.err);
    assert!(told.err.contains("standard output"), "{}", told.err);
    let waits = stage.pay(TARGET, Some(&id));
    assert_eq!(Stage::refused(&waits), "approval-required", "{waits:?}");
}

#[test]
fn a_failed_enrolment_leaves_no_file_and_says_why() {
    let stage = Stage::new();
    let phone = Phone::new();
    let enrol = |pin: &str, url: &str| phone.run(&["enrol", "--url", url], pin);
    let weak = enrol("123456", &stage.url());
    assert_eq!(weak.code, Some(1), "{}", weak.err);
    assert!(weak.err.contains("pin"), "{}", weak.err);
    let unattended = enrol("", &stage.url());
    assert_eq!(unattended.code, Some(2), "{}", unattended.err);
    assert!(unattended.err.contains("--pin-file"), "{}", unattended.err);
    let plain = enrol(PIN, "http://phone.example");
    assert_eq!(plain.code, Some(2), "{}", plain.err);
    let nobody = enrol(PIN, "http://127.0.0.1:9");
    assert_eq!(nobody.code, Some(3), "{}", nobody.err);
    assert!(!phone.file().exists());
}
