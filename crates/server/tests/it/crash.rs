//! `kill -9` in the midst of mixed writes, again and again: what was acknowledged is there, and nothing is there
//! by halves. What was not acknowledged may be there or not, but then stays as it is.

pub mod ledger;
mod writer;

use crate::{
    ask::Ask,
    binary::Process,
    world::{Doors, text},
};
use countersign::system::SystemClock;
use countersign_engine::ports::Clock;
use rusqlite::{Connection, OpenFlags};
use serde_json::json;
use std::{collections::BTreeMap, time::Duration};
use tempfile::TempDir;
use tokio::task::JoinSet;
use writer::Writer;

const KILLS: u32 = 50;
const WRITERS: u64 = 4;
/// Nobody should wait as long; the promise is a second, and the run prints what it saw. A bound only because a
/// server that never comes back would otherwise be waited for without end.
const READY_WITHIN: Duration = Duration::from_secs(20);

/// The host that leads to the sandbox.
const HOST: &str = "localhost";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_kills_during_mixed_writes_lose_nothing_that_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::serve(&folder);
    let mut doors = process.doors(&folder);
    set_up(&doors).await;
    wait_for_next_keys(&doors).await;
    let mut writers: Vec<Writer> = (0..WRITERS).map(Writer::new).collect();
    let mut dice = Dice(0x5eed);
    let mut restarts = Vec::new();
    for kill in 0..KILLS {
        let mut work = JoinSet::new();
        for writer in writers.drain(..) {
            let doors = doors.clone();
            work.spawn(async move { writer.until_nobody_answers(doors).await });
        }
        tokio::time::sleep(Duration::from_millis(20 + dice.roll(280))).await;
        process.kill();
        writers = work.join_all().await;
        if kill % 10 == 9 {
            // Killed again while it recovers.
            let recovering = Process::serve(&folder);
            tokio::time::sleep(Duration::from_millis(dice.roll(150))).await;
            recovering.kill();
        }
        let (restarted, took) = restart(&folder).await;
        process = restarted;
        doors = process.doors(&folder);
        restarts.push(took);
        for writer in &mut writers {
            writer
                .ledger
                .settle(&doors, &format!("after kill {kill}"))
                .await;
        }
    }
    check_whole(&doors, &writers).await;
    check_key_sets(&doors, &writers).await;
    process.kill();
    check_file(&folder);
    restarts.sort();
    let (median, worst) = (restarts[restarts.len() / 2], restarts[restarts.len() - 1]);
    let writes: u32 = writers.iter().map(|writer| writer.acknowledged).sum();
    eprintln!(
        "{KILLS} kills, {writes} acknowledged writes; ready again: median {median:?}, worst {worst:?}"
    );
    assert!(writes > KILLS, "too few writes to prove anything: {writes}");
}

/// Start on the same folder; how long until it says that it is ready.
async fn restart(folder: &TempDir) -> (Process, Duration) {
    let clock = SystemClock::start();
    let process = Process::serve(folder);
    let file = folder.path().join("countersign-data/operator.json");
    loop {
        // The address is a new one each time, and stands in the file before anyone is served.
        let operator: serde_json::Value =
            serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let address = text(&operator, "admin");
        let address = address.strip_prefix("http://").unwrap().parse().unwrap();
        if let Some(answer) = Ask::get("/readyz").try_send(address).await
            && answer.status == 200
        {
            return (process, clock.monotonic());
        }
        assert!(clock.monotonic() < READY_WITHIN, "not ready again");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub async fn set_up(doors: &Doors) {
    let new = json!({
        "id": "sandbox", "mode": "sandbox", "issuer": "http://localhost", "hosts": [HOST],
        "dialects": ["standard", "ayyeka"],
    });
    doors.make("/admin/v1/environments", new).await;
    let new = json!({ "id": "acme", "display_name": "Acme" });
    doors.make("/admin/v1/organizations", new).await;
    let guards = json!([{ "name": "all", "paths": ["/*"], "accept": ["api_key", "access_token"] }]);
    doors.guards("sandbox", guards).await;
    // The first token waits for its key: the kills shall meet writes, and not only this wait.
    let client = doors.client("sandbox").await;
    let secret = doors.secret("sandbox", &client).await;
    doors.token(HOST, "/oauth2/token", &client, &secret).await;
    doors
        .remove(&format!("/admin/v1/environments/sandbox/clients/{client}"))
        .await;
}

/// Rows and audit lines say the same: no change without its line, no line without its change.
async fn check_whole(doors: &Doors, writers: &[Writer]) {
    let mut lines: BTreeMap<(String, String), u32> = BTreeMap::new();
    for line in doors.audit().await {
        if line["outcome"] == "ok" {
            let at = (text(&line, "action"), text(&line, "target"));
            *lines.entry(at).or_default() += 1;
        }
    }
    let count = |action: &str, target: &str| {
        let at = (action.to_owned(), target.to_owned());
        lines.get(&at).copied().unwrap_or_default()
    };
    let targets = |action: &str| {
        let of = lines.keys().filter(|(known, _)| known == action);
        of.map(|(_, target)| target.clone()).collect::<Vec<_>>()
    };
    let rows = all(doors, "/admin/v1/environments/sandbox/clients").await;
    for row in &rows {
        let target = format!("client:{}", text(row, "id"));
        assert_eq!(
            count("client.create", &target),
            1,
            "a client without its line: {row}"
        );
        assert_eq!(
            count("client.remove", &target),
            0,
            "removed, and there: {row}"
        );
        let changes = u64::from(count("client.change", &target));
        assert_eq!(row["version"].as_u64().unwrap(), 1 + changes, "{row}");
        // Its number is taken: the row and its name were written together.
        let again = json!({
            "organization": "acme", "display_name": "Twin", "kind": "backend",
            "number": row["number"],
        });
        let ask = Ask::post("/admin/v1/environments/sandbox/clients").json(&again);
        let answer = doors.admin(ask).await;
        assert_eq!(
            answer.status, 409,
            "a client without its number's name: {row}: {answer:?}"
        );
    }
    let there: Vec<String> = rows
        .iter()
        .map(|row| format!("client:{}", text(row, "id")))
        .collect();
    for target in targets("client.create") {
        let is_removed = count("client.remove", &target) == 1;
        assert_ne!(
            there.contains(&target),
            is_removed,
            "a line without its change: {target}"
        );
    }
    let credentials = all(doors, "/admin/v1/environments/sandbox/credentials").await;
    for row in &credentials {
        let target = format!("credential:{}", text(row, "id"));
        let made = count("credential.create", &target);
        let is_successor = row["replaces"].is_string();
        assert_eq!(
            made,
            u32::from(!is_successor),
            "a credential without its line: {row}"
        );
        let is_revoked = row["revoked_at"].is_string();
        assert_eq!(count("credential.revoke", &target) > 0, is_revoked, "{row}");
        let is_rotated = row["replaced_by"].is_string();
        assert_eq!(
            count("credential.rotate", &target) == 1,
            is_rotated,
            "{row}"
        );
    }
    for writer in writers {
        writer.ledger.check_lines(&count);
    }
}

/// Rotations of signing keys have their lines, and the key that they left signs what is accepted.
async fn check_key_sets(doors: &Doors, writers: &[Writer]) {
    let audit = doors.audit().await;
    for set in all(doors, "/admin/v1/environments/sandbox/key-sets").await {
        let (name, target) = (
            text(&set, "name"),
            format!("key_set:{}", text(&set, "name")),
        );
        let lines = audit
            .iter()
            .filter(|line| line["target"] == target.as_str());
        let actions: Vec<String> = lines.map(|line| text(line, "action")).collect();
        let version = set["version"].as_u64().unwrap();
        assert_eq!(version, 1 + actions.len() as u64, "{set} {actions:?}");
        let rotations = writers.iter().flat_map(|writer| &writer.ledger.rotations);
        let acknowledged = rotations.filter(|rotation| rotation.set == name).count();
        let rotated = actions.iter().filter(|action| *action == "key_set.rotate");
        let rotated = rotated.count();
        eprintln!("{name}: {acknowledged} rotations acknowledged, {rotated} in the audit log");
        assert!(
            rotated >= acknowledged,
            "{name}: {rotated} < {acknowledged}"
        );
        assert!(
            acknowledged > 0 || name != "identity",
            "no rotation to prove anything"
        );
    }
    let client = doors.client("sandbox").await;
    let secret = doors.secret("sandbox", &client).await;
    let token = doors.token(HOST, "/oauth2/token", &client, &secret).await;
    assert_eq!(ledger::decision(doors, &token).await, 200);
}

/// A rotation makes the next key, but not also one that is still lacking: those take longer than a kill lets them.
async fn wait_for_next_keys(doors: &Doors) {
    loop {
        let sets = all(doors, "/admin/v1/environments/sandbox/key-sets").await;
        let has_next = |set: &serde_json::Value| {
            let keys = set["keys"].as_array().unwrap();
            keys.iter().any(|key| key["state"] == "next")
        };
        if sets.iter().all(has_next) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// As the last kill left it, with its write-ahead log.
fn check_file(folder: &TempDir) {
    let path = folder.path().join("countersign-data/countersign.db");
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
    let mut check = connection.prepare("PRAGMA integrity_check").unwrap();
    let found = check.query_map([], |row| row.get(0)).unwrap();
    let found: Vec<String> = found.map(Result::unwrap).collect();
    assert_eq!(found, ["ok"]);
}

/// Every row of a listing.
async fn all(doors: &Doors, path: &str) -> Vec<serde_json::Value> {
    let (mut rows, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = doors.show(&format!("{path}?limit=200{cursor}")).await;
        rows.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return rows,
        }
    }
}

/// A random number that is the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}
