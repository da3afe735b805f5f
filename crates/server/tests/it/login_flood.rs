//! A flood of logins, before the real binary: it takes the memory of one hash a core, and nobody is left without an
//! answer.

use crate::{
    ask::Ask,
    binary::Process,
    harness::{parse, resident_whole_kib},
};
use countersign::system;
use serde_json::json;
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

const AT_ONCE: usize = 200;
const LOGINS_EACH: usize = 4;
/// One is compared, the others wait.
const LOGINS_PER_CORE: usize = 33;
/// Of one Argon2id.
const HASH_KIB: u64 = 19 * 1024;
const HOST: &str = "flood.example";
const NOBODY: &str = "6f1e0c9a-3b52-4d8e-9a47-0c1d2e3f4a5b";

/// Somebody who is connected, and has been answered what nobody hashes anything for.
async fn visit(public: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(public).await.unwrap();
    let request = format!("GET /api/v1/users/{NOBODY} HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    assert_eq!(status(&mut stream).await, 401);
    stream
}

/// Log in as nobody in particular, each time as another and from another network; what statuses came.
async fn log_in(mut stream: TcpStream, next: &AtomicU32) -> Vec<u16> {
    let mut statuses = Vec::new();
    for _ in 0..LOGINS_EACH {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let [.., a, b] = number.to_be_bytes();
        let body =
            json!({ "email": format!("nobody{number}@{HOST}"), "password": "not that of anybody" });
        let body = body.to_string();
        let request = format!(
            "POST /api/v1/authenticate HTTP/1.1\r\nHost: {HOST}\r\nX-Forwarded-For: 10.0.{a}.{b}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        statuses.push(status(&mut stream).await);
    }
    statuses
}

/// Of the next answer, read to its end.
async fn status(stream: &mut TcpStream) -> u16 {
    let mut said = Vec::new();
    let mut chunk = [0; 1024];
    loop {
        let count = stream.read(&mut chunk).await.unwrap();
        assert_ne!(count, 0, "cut off: {}", String::from_utf8_lossy(&said));
        said.extend_from_slice(&chunk[..count]);
        let Some(end) = said.windows(4).position(|four| four == b"\r\n\r\n") else {
            continue;
        };
        let answer = parse(&said);
        let length: usize = answer.header("content-length").unwrap().parse().unwrap();
        if said.len() == end + 4 + length {
            return answer.status;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_logins_at_a_time_take_the_memory_of_one_hash_a_core() {
    let folder = TempDir::new().unwrap();
    let trusted = ("COUNTERSIGN__SERVER__TRUSTED_PROXIES", "127.0.0.0/8");
    let process = Process::serve_with(&folder, trusted.0, trusted.1);
    let doors = process.doors(&folder);
    let environment = json!({
        "id": "sandbox", "mode": "sandbox", "issuer": format!("https://{HOST}"), "hosts": [HOST],
        "dialects": ["bitcanuck"],
    });
    doors.make("/admin/v1/environments", environment).await;
    let id = process.id();
    let mut streams = Vec::new();
    for _ in 0..AT_ONCE {
        streams.push(visit(doors.public).await);
    }
    let base = resident_whole_kib(id);

    let next = std::sync::Arc::new(AtomicU32::new(0));
    let mut visitors = JoinSet::new();
    for stream in streams {
        let next = std::sync::Arc::clone(&next);
        visitors.spawn(async move { log_in(stream, &next).await });
    }
    let (mut statuses, mut most) = (BTreeMap::new(), base);
    while !visitors.is_empty() {
        let joined = tokio::time::timeout(Duration::from_millis(5), visitors.join_next());
        if let Ok(Some(came)) = joined.await {
            for status in came.unwrap() {
                *statuses.entry(status).or_insert(0) += 1;
            }
        }
        most = most.max(resident_whole_kib(id));
    }
    let allowed = (base + system::cores() as u64 * HASH_KIB) * 11 / 10;
    assert!(
        most <= allowed,
        "{base} KiB before, {most} KiB at most, {allowed} KiB allowed"
    );
    // And afterwards it is given back: less than half a hash more than before.
    for tenth in 0.. {
        let now = resident_whole_kib(id);
        if now < base + HASH_KIB / 2 {
            break;
        }
        assert!(tenth < 200, "{base} KiB before, {now} KiB long after");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // Compared and wrong, or turned away because too many wait: nothing else, and both.
    let asked: usize = statuses.values().sum();
    assert_eq!(asked, AT_ONCE * LOGINS_EACH);
    let came: Vec<u16> = statuses.keys().copied().collect();
    match AT_ONCE > system::cores() * LOGINS_PER_CORE {
        true => assert_eq!(came, [401, 503], "{statuses:?}"),
        false => assert_eq!(came[0], 401, "{statuses:?}"),
    }
    let ready = Ask::get("/readyz").send(doors.public).await;
    assert_eq!(ready.status, 200, "{ready:?}");
    let numbers = Ask::get("/metrics").send(doors.admin).await.body;
    assert!(numbers.contains("countersign_panics_total 0"), "{numbers}");
}
