//! Requests that wait for news: held, woken, bounded in time, and let go.

use crate::harness::{Answer, Server, get};
use countersign::serve::Running;
use countersign_engine::{
    bounds::LONG_POLL_FOR,
    commit::{Change, Commit},
    id::{ApprovalId, AssetId, DeviceId, EnvironmentId, RequestId},
    model::{
        approval::{Approval, ApprovalState, Asked, Bound, Seat},
        audit::AuditEvent,
        environment::Mode,
    },
    row::Row,
};
use std::{net::SocketAddr, time::Duration};
use tokio::{io::AsyncWriteExt, net::TcpStream, task::JoinSet};

const ID: &str = "0123456789abcdef0123456789abcdef";

async fn sandbox() -> Server {
    let server = Server::start().await;
    server
        .environment("sandbox", Mode::Sandbox, &["api.example"])
        .await;
    server
}

/// An approval that nobody has answered, good for an hour.
fn pending(running: &Running) -> Approval {
    let now = running.state.clock.now();
    Approval {
        environment: EnvironmentId::parse("sandbox").unwrap(),
        id: ApprovalId::parse(ID).unwrap(),
        organization: None,
        asked: Asked::Countersignature(Bound {
            guard: "payouts".into(),
            client: None,
            subject: "s1".into(),
            method: "POST".into(),
            host: "api.example".into(),
            target: "/payouts".into(),
            content_digest: None,
        }),
        token: ID.into(),
        otp: ID.into(),
        record: "{}".into(),
        seats: vec![Seat {
            approver: None,
            display_name: None,
            device: DeviceId::parse("d1").unwrap(),
            asset: AssetId::parse("a1").unwrap(),
        }],
        needed: 1,
        votes: Vec::new(),
        state: ApprovalState::Pending,
        signature: None,
        used: None,
        receipt: None,
        created_at: now,
        updated_at: now,
        expires_at: now.plus(Duration::from_secs(3600)),
    }
}

async fn commit(running: &Running, change: Change) {
    let at = running.state.clock.now();
    let audit = AuditEvent {
        at,
        environment: EnvironmentId::parse("sandbox").unwrap(),
        organization: None,
        actor: "test".into(),
        action: "approval.change".into(),
        target: format!("approval:{ID}"),
        outcome: "ok".into(),
        request_id: RequestId::parse("r1").unwrap(),
        peer: None,
        count: 1,
    };
    let changes = vec![change];
    let commit = Commit { at, changes, audit };
    running.state.store.commit(commit).await.unwrap();
}

async fn ask(running: &Running) -> Approval {
    let approval = pending(running);
    let row = Row::Approval(Box::new(approval.clone()));
    commit(running, Change::Insert(row)).await;
    approval
}

async fn answer(running: &Running, approval: Approval, if_version: u64) {
    let row = Row::Approval(Box::new(approval));
    commit(running, Change::Replace { row, if_version }).await;
}

/// A poll that is under way.
struct Poll(JoinSet<Answer>);

fn poll(address: SocketAddr) -> Poll {
    let mut under_way = JoinSet::new();
    under_way.spawn(async move { get(address, "api.example", &format!("/approvals/{ID}")).await });
    Poll(under_way)
}

impl Poll {
    async fn answer(mut self) -> Answer {
        self.0.join_next().await.unwrap().unwrap()
    }

    /// The answer of a poll that was woken: one that was not comes when the wait is over.
    async fn woken(self) -> Answer {
        let woken = tokio::time::timeout(LONG_POLL_FOR / 2, self.answer()).await;
        woken.expect("woken by the change")
    }

    fn is_waiting(&mut self) -> bool {
        self.0.try_join_next().is_none()
    }
}

/// Wait until so many requests are held, as operators see it.
async fn held(server: &Server, count: usize) {
    let wanted = format!("\ncountersign_held_requests {count}\n");
    while !get(server.admin(), "x", "/metrics")
        .await
        .body
        .contains(&wanted)
    {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn whoever_waits_is_told_when_somebody_answers() {
    let server = sandbox().await;
    let approval = ask(&server.running).await;
    let polls = [poll(server.public()), poll(server.public())];
    held(&server, 2).await;
    let approved = Approval {
        state: ApprovalState::Approved,
        ..approval
    };
    answer(&server.running, approved, 1).await;
    for poll in polls {
        let told = poll.woken().await;
        assert_eq!(told.status, 200, "{told:?}");
        assert!(told.body.contains("\"state\":\"approved\""), "{told:?}");
        assert!(told.header("countersign-request-id").is_some(), "{told:?}");
    }
    held(&server, 0).await;
    server.stop().await;
}

#[tokio::test]
async fn a_change_that_is_no_news_lets_nobody_go() {
    let server = sandbox().await;
    let approval = ask(&server.running).await;
    let mut poll = poll(server.public());
    held(&server, 1).await;
    let other = Approval {
        otp: "another".into(),
        ..approval.clone()
    };
    answer(&server.running, other, 1).await;
    held(&server, 1).await;
    assert!(poll.is_waiting());
    let rejected = Approval {
        state: ApprovalState::Rejected,
        ..approval
    };
    answer(&server.running, rejected, 2).await;
    let told = poll.woken().await;
    assert!(told.body.contains("\"state\":\"rejected\""), "{told:?}");
    server.stop().await;
}

#[tokio::test]
async fn whoever_does_not_want_to_wait_is_answered_at_once() {
    let server = sandbox().await;
    ask(&server.running).await;
    let path = format!("/approvals/{ID}?wait=0");
    let told = get(server.public(), "api.example", &path).await;
    assert!(told.body.contains("\"state\":\"pending\""), "{told:?}");
    let unknown = format!("/approvals/{}", ID.replace('0', "f"));
    let told = get(server.public(), "api.example", &unknown).await;
    assert_eq!(told.status, 404, "nobody waits for what is not there");
    held(&server, 0).await;
    server.stop().await;
}

#[tokio::test]
async fn a_drain_lets_go_of_what_is_held() {
    let server = sandbox().await;
    ask(&server.running).await;
    let poll = poll(server.public());
    held(&server, 1).await;
    server.stop().await;
    let told = poll.answer().await;
    assert_eq!(told.status, 200, "{told:?}");
    assert!(told.body.contains("\"state\":\"pending\""), "{told:?}");
}

#[tokio::test]
async fn whoever_goes_away_is_not_held() {
    let server = sandbox().await;
    ask(&server.running).await;
    let mut gone = TcpStream::connect(server.public()).await.unwrap();
    let request = format!("GET /approvals/{ID} HTTP/1.1\r\nHost: api.example\r\n\r\n");
    gone.write_all(request.as_bytes()).await.unwrap();
    held(&server, 1).await;
    drop(gone);
    held(&server, 0).await;
    server.stop().await;
}

#[tokio::test]
async fn a_held_request_outlives_the_time_of_others_and_says_nothing_of_ours() {
    let server = Server::start_with(|config| {
        config.listener.public.limits.request_timeout_s = 1;
    })
    .await;
    server
        .environment("sandbox", Mode::Sandbox, &["api.example"])
        .await;
    let approval = ask(&server.running).await;
    let mut poll = poll(server.public());
    held(&server, 1).await;
    // Longer than any other request of this listener may take.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(poll.is_waiting());
    let approved = Approval {
        state: ApprovalState::Approved,
        ..approval
    };
    answer(&server.running, approved, 1).await;
    assert_eq!(poll.woken().await.status, 200);
    let numbers = get(server.admin(), "x", "/metrics").await.body;
    let route = "route=\"standard.approval\",status=\"2xx\"} 1\n";
    assert!(numbers.contains(route), "{numbers}");
    let number = |name: &str| {
        let lines = numbers.lines().filter(|line| line.starts_with(name));
        let values = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        values.sum::<f64>()
    };
    // Every other request was timed.
    let all = number("countersign_requests_total{");
    let timed = number("countersign_request_seconds_count");
    assert_eq!(timed, all - 1.0, "{numbers}");
    server.stop().await;
}
