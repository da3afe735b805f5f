//! In whose words a request is refused before, or instead of, its route's own answer.

use super::{Answer, AnswerBody, bare};
use countersign_dialects::{Dialect, Reply, Route};
use countersign_engine::{
    call::CallContext,
    denied::{Denied, Fault, Malformed, Refusal},
};
use http::{HeaderValue, StatusCode, header};

/// Who speaks. The route where it is known: its envelope may be another than its dialect's.
#[derive(Clone, Copy)]
pub(super) enum Speaker {
    /// Nothing is known of the request yet.
    Nobody,
    /// A dialect, where its route is not known.
    Dialect(&'static Dialect),
    /// A dialect's route.
    Route(&'static Dialect, &'static Route),
}

impl Speaker {
    /// The dialect, if there is one.
    pub(super) fn of(dialect: Option<&'static Dialect>) -> Self {
        dialect.map_or(Self::Nobody, Self::Dialect)
    }

    /// This one, or the other where it is nobody.
    pub(super) const fn or(self, other: Self) -> Self {
        match self {
            Self::Nobody => other,
            Self::Dialect(_) | Self::Route(..) => self,
        }
    }

    /// Whose words they are.
    pub(super) fn dialect(self) -> Option<&'static Dialect> {
        match self {
            Self::Nobody => None,
            Self::Dialect(dialect) | Self::Route(dialect, _) => Some(dialect),
        }
    }

    /// The refusal.
    pub(super) fn refuse(self, refusal: &Refusal, context: &CallContext) -> Answer {
        let mut context = context.clone();
        context.dialect = self.dialect().map_or("", |dialect| dialect.name);
        let response = match self {
            Self::Nobody => return bare::answer(status(refusal)),
            Self::Dialect(dialect) => (dialect.refuse)(refusal, &context),
            Self::Route(_, route) => (route.encode)(&Err(refusal.clone()), &Reply::Plain, &context),
        };
        response.map(AnswerBody::from)
    }

    /// The body did not come, or not in time: `status` says which.
    pub(super) fn refuse_body(self, status: StatusCode, context: &CallContext) -> Answer {
        let refusal = Denied::MalformedCredential(Malformed::Request).into();
        let mut answer = self.refuse(&refusal, context);
        let problem = HeaderValue::from_static("application/problem+json");
        let repeats_status = self.dialect().is_some_and(|face| face.name == "bitcanuck");
        if repeats_status || answer.headers().get(header::CONTENT_TYPE) == Some(&problem) {
            // A problem repeats its status in its body, and so does LoopBack's envelope.
            return bare::answer(status);
        }
        *answer.status_mut() = status;
        answer
    }
}

/// The status where no dialect is there to say more.
fn status(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::Denied(Denied::NotFound { .. }) => StatusCode::NOT_FOUND,
        Refusal::Denied(Denied::MethodNotAllowed { .. }) => StatusCode::METHOD_NOT_ALLOWED,
        Refusal::Denied(Denied::UnknownHost) => StatusCode::MISDIRECTED_REQUEST,
        Refusal::Denied(_) => StatusCode::BAD_REQUEST,
        Refusal::Fault(Fault::Unavailable(_)) => StatusCode::SERVICE_UNAVAILABLE,
        Refusal::Fault(Fault::Internal(_)) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_engine::{
        id::{EnvironmentId, RequestId},
        time::Timestamp,
    };
    use http_body_util::BodyExt;

    fn speakers() -> [(&'static str, Speaker, &'static [&'static str]); 4] {
        let ayyeka = countersign_dialects::dialect("ayyeka").unwrap();
        let standard = countersign_dialects::dialect("standard").unwrap();
        let four = &["error", "error_description", "message", "request_id"];
        [
            ("route", Speaker::Route(ayyeka, &ayyeka.routes[0]), four),
            (
                "resource",
                Speaker::Dialect(ayyeka),
                &["message", "request_id"],
            ),
            (
                "standard",
                Speaker::Route(standard, &standard.routes[0]),
                &["error", "error_description"],
            ),
            ("nobody", Speaker::Nobody, &["status", "title"]),
        ]
    }

    fn context() -> CallContext {
        CallContext {
            environment: EnvironmentId::installation(),
            now: Timestamp::EPOCH,
            request_id: RequestId::parse("r1").unwrap(),
            peer: None,
            dialect: "",
        }
    }

    async fn members(answer: Answer) -> Vec<String> {
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        let body: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice(&body).unwrap();
        let mut names: Vec<String> = body.keys().cloned().collect();
        names.sort_unstable();
        names
    }

    #[tokio::test]
    async fn errors_before_the_decoder_lost_the_members_of_their_route() {
        let refusals: [(Refusal, u16); 5] = [
            (Denied::MethodNotAllowed { allow: "POST" }.into(), 405),
            (Denied::BodyTooLarge { limit_bytes: 1 }.into(), 413),
            (
                Denied::UnsupportedMediaType {
                    expected: "no Content-Encoding",
                }
                .into(),
                415,
            ),
            (Fault::internal("x").into(), 500),
            (Fault::unavailable("x").into(), 503),
        ];
        for (name, speaker, expected) in speakers() {
            for (refusal, status) in &refusals {
                let answer = speaker.refuse(refusal, &context());
                if name != "nobody" {
                    assert_eq!(answer.status().as_u16(), *status, "{name}");
                }
                assert_eq!(members(answer).await, expected, "{name} {status}");
            }
        }
    }

    #[tokio::test]
    async fn a_body_that_broke_off_was_refused_in_nobodys_words() {
        for (name, speaker, expected) in speakers() {
            for status in [StatusCode::BAD_REQUEST, StatusCode::REQUEST_TIMEOUT] {
                let answer = speaker.refuse_body(status, &context());
                assert_eq!(answer.status(), status, "{name}");
                assert_eq!(members(answer).await, expected, "{name} {status}");
            }
        }
    }
}
