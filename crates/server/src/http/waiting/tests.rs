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

/// One of many rows.
fn row(number: usize) -> Key {
    let id = ApprovalId::parse(&format!("{number:032x}")).unwrap();
    Key::Approval(EnvironmentId::parse("sandbox").unwrap(), id)
}

/// As many as may be held in all, by nobody who has more than his share.
fn all(waiting: &Waiting) -> Vec<Held> {
    let held = (0..=HELD_REQUESTS_MAX).map_while(|number| waiting.hold(&row(number), None));
    held.collect()
}

#[test]
fn no_more_are_held_than_the_bound_says_and_none_in_the_drain() {
    let metrics = Metrics::default();
    let waiting = Waiting::new(Arc::default(), &metrics);
    let held = all(&waiting);
    assert_eq!(held.len(), HELD_REQUESTS_MAX);
    assert_eq!(metrics.held_requests_refused.get(), 1);
    drop(held);
    assert_eq!(metrics.held_requests.get(), 0);
    assert!(
        locked(&waiting.shares).of.is_empty(),
        "nothing is left of them"
    );
    waiting.close();
    assert!(waiting.hold(&row(0), None).is_none());
    assert_eq!(metrics.held_requests_refused.get(), 1, "nobody is too many");
}

#[test]
fn one_phone_or_one_network_held_every_place() {
    let waiting = Waiting::new(Arc::default(), &Metrics::default());
    let from = |last: u8| Some(IpAddr::from([192, 0, 2, last]));
    let of_row = |_| waiting.hold(&row(0), from(1));
    let held: Vec<_> = (0..HELD_REQUESTS_MAX).map_while(of_row).collect();
    assert_eq!(held.len(), HELD_OF_ROW_MAX);
    assert!(
        waiting.hold(&row(0), from(2)).is_none(),
        "of one row, whoever asks"
    );
    let of_network = |number| waiting.hold(&row(1 + number), from(1));
    let more: Vec<_> = (0..HELD_REQUESTS_MAX).map_while(of_network).collect();
    assert_eq!(held.len() + more.len(), HELD_OF_NETWORK_MAX);
    assert!(
        waiting.hold(&row(1), from(2)).is_some(),
        "others have their own"
    );
    drop(held);
    assert!(waiting.hold(&row(0), from(1)).is_some());
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
        self.stream_for(EVENTS_FOR, id).await
    }

    async fn stream_for(&self, lasts: Duration, id: &str) -> Answer {
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
        question.stream_for(lasts, &self.state, &context).await
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
    let held = all(&stage.state.waiting);
    assert_eq!(held.len(), HELD_REQUESTS_MAX);
    let mut answer = stage.stream(ID).await;
    assert!(next(&mut answer).await.unwrap().contains("pending"));
    assert_eq!(next(&mut answer).await, None);
}

/// A client of HTTP/2 that opens no window: the body is not asked for, so nothing of its own ever ended it.
#[tokio::test]
async fn a_stream_that_nobody_read_kept_its_place_for_ever() {
    let stage = Stage::new().await;
    let mut answer = stage.stream_for(Duration::from_millis(20), ID).await;
    assert_eq!(stage.state.metrics.held_requests.get(), 1);
    while stage.state.metrics.held_requests.get() > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(next(&mut answer).await.unwrap().contains("pending"));
    assert_eq!(next(&mut answer).await, None);
}

#[tokio::test]
async fn a_stream_whose_reader_is_gone_gives_its_place_back() {
    let stage = Stage::new().await;
    let answer = stage.stream(ID).await;
    assert_eq!(stage.state.metrics.held_requests.get(), 1);
    drop(answer);
    while stage.state.metrics.held_requests.get() > 0 {
        tokio::task::yield_now().await;
    }
}
