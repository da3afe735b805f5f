use super::*;
use crate::{compose, config::Config, system::Machine};
use countersign_dialects::{Delivery, wire::openapi::Doc};
use countersign_engine::{
    commit::{Change, Commit},
    id::{ApprovalId, EnvironmentId, RequestId},
    model::{
        approval::{Approval, ApprovalState, Asked, Bound},
        audit::AuditEvent,
    },
    row::Row,
};
use http_body_util::BodyExt as _;

#[test]
fn each_line_of_an_event_says_that_it_is_data() {
    assert_eq!(event(b"{\"a\":1}"), "data: {\"a\":1}\n\n");
    assert_eq!(event(b"a\nb"), "data: a\ndata: b\n\n");
}

#[test]
fn no_more_are_held_than_the_bound_says_and_none_in_the_drain() {
    let metrics = Metrics::default();
    let waiting = Waiting::new(Arc::default(), &metrics);
    let held: Vec<_> = std::iter::from_fn(|| waiting.hold()).collect();
    assert_eq!(held.len(), HELD_REQUESTS_MAX);
    assert_eq!(metrics.held_requests_refused.get(), 1);
    drop(held);
    assert_eq!(metrics.held_requests.get(), 0);
    waiting.close();
    assert!(waiting.hold().is_none());
    assert_eq!(metrics.held_requests_refused.get(), 1, "nobody is too many");
}

const ID: &str = "0123456789abcdef0123456789abcdef";

/// A server without sockets, in which one approval waits.
struct Stage {
    state: Arc<ServerState>,
    approval: Approval,
    _folder: tempfile::TempDir,
}

impl Stage {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.data.dir = folder.path().join("data");
        config.data.store = "memory:".into();
        let composed = compose::compose(&config, &[], Machine::own())
            .await
            .unwrap();
        let now = composed.state.clock.now();
        let approval = Approval {
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
            seats: Vec::new(),
            needed: 1,
            votes: Vec::new(),
            state: ApprovalState::Pending,
            signature: None,
            used: None,
            receipt: None,
            created_at: now,
            updated_at: now,
            expires_at: now.plus(Duration::from_secs(3600)),
        };
        let stage = Self {
            state: composed.state,
            approval: approval.clone(),
            _folder: folder,
        };
        let row = Row::Approval(Box::new(approval));
        stage.commit(Change::Insert(row)).await;
        stage
    }

    async fn commit(&self, change: Change) {
        let at = self.state.clock.now();
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
        self.state.store.commit(commit).await.unwrap();
    }

    async fn replace(&self, approval: Approval, if_version: u64) {
        let row = Row::Approval(Box::new(approval));
        self.commit(Change::Replace { row, if_version }).await;
    }

    /// The poll of an approval, as events.
    async fn stream(&self, id: &str) -> Answer {
        let standard = countersign_dialects::dialect("standard").unwrap();
        let polls = |route: &&Route| route.name == "standard.approval";
        let polled = standard.routes.iter().find(polls).unwrap();
        let route: &'static Route = Box::leak(Box::new(Route {
            name: "test.events",
            method: polled.method.clone(),
            path: polled.path,
            callers: polled.callers,
            body_bytes_max: 0,
            cors: polled.cors,
            delivery: Delivery::Events,
            decode: polled.decode,
            encode: polled.encode,
            doc: Doc {
                summary: "",
                description: "",
                parameters: &[],
                body: None,
                answers: &[],
                refusals: &[],
            },
        }));
        let environment = EnvironmentId::parse("sandbox").unwrap();
        let context = self.state.context(environment, None, "standard");
        let (parts, ()) = http::Request::new(()).into_parts();
        let question = Question {
            route,
            host: "api.example",
            parts: &parts,
            parameters: &[("id", id.into())],
            body: b"",
        };
        question.stream(&self.state, &context).await
    }
}

/// The next event, or that there is none any more.
async fn next(answer: &mut Answer) -> Option<String> {
    let frame = answer.body_mut().frame().await?.unwrap();
    Some(String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap())
}

#[tokio::test]
async fn a_stream_tells_what_is_there_then_what_is_news_and_ends_with_the_drain() {
    let stage = Stage::new().await;
    let mut answer = stage.stream(ID).await;
    assert_eq!(answer.headers()[header::CONTENT_TYPE], "text/event-stream");
    let first = next(&mut answer).await.unwrap();
    assert!(first.contains("\"state\":\"pending\""), "{first}");
    assert_eq!(stage.state.metrics.held_requests.get(), 1);

    // What changes without a difference for the reader is no news; what comes after it is.
    let same = Approval {
        otp: "another".into(),
        ..stage.approval.clone()
    };
    stage.replace(same, 1).await;
    let approved = Approval {
        state: ApprovalState::Approved,
        ..stage.approval.clone()
    };
    stage.replace(approved, 2).await;
    let second = next(&mut answer).await.unwrap();
    assert!(second.contains("\"state\":\"approved\""), "{second}");

    stage.state.waiting.close();
    assert_eq!(next(&mut answer).await, None);
    assert_eq!(stage.state.metrics.held_requests.get(), 0);
}

#[tokio::test]
async fn a_change_between_the_first_answer_and_its_reader_is_told() {
    let stage = Stage::new().await;
    let mut answer = stage.stream(ID).await;
    let rejected = Approval {
        state: ApprovalState::Rejected,
        ..stage.approval.clone()
    };
    stage.replace(rejected, 1).await;
    let first = next(&mut answer).await.unwrap();
    assert!(first.contains("pending"), "{first}");
    let second = next(&mut answer).await.unwrap();
    assert!(second.contains("rejected"), "{second}");
}

#[tokio::test]
async fn a_stream_that_nobody_may_read_any_more_ends() {
    let stage = Stage::new().await;
    let mut answer = stage.stream(ID).await;
    next(&mut answer).await.unwrap();
    let key = Row::Approval(Box::new(stage.approval.clone())).key();
    let removed = Change::Remove { key, if_version: 1 };
    stage.commit(removed).await;
    assert_eq!(next(&mut answer).await, None);
}

#[tokio::test]
async fn what_is_refused_is_no_stream_and_holds_nothing() {
    let stage = Stage::new().await;
    let answer = stage.stream("ffffffffffffffffffffffffffffffff").await;
    assert_eq!(answer.status(), 404);
    assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/json");
    assert!(matches!(answer.body(), AnswerBody::Whole(_)));
    assert_eq!(stage.state.metrics.held_requests.get(), 0);
}

#[tokio::test]
async fn a_stream_too_many_tells_what_is_there_and_ends() {
    let stage = Stage::new().await;
    let held: Vec<_> = std::iter::from_fn(|| stage.state.waiting.hold()).collect();
    assert_eq!(held.len(), HELD_REQUESTS_MAX);
    let mut answer = stage.stream(ID).await;
    assert!(next(&mut answer).await.unwrap().contains("pending"));
    assert_eq!(next(&mut answer).await, None);
}
