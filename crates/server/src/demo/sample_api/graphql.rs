//! The same sites as a graph, with bounds: a short document cannot ask for a long answer.

use super::{
    Passed,
    sites::{SITES, Site, Stream},
};
use crate::gateway::identity::IDENTITY_HEADERS;
use async_graphql::{EmptyMutation, EmptySubscription, Object, ObjectType, Schema, SimpleObject};
use http::HeaderMap;

/// Levels of a query; the introspection that tools send has fifteen.
const DEPTH_MAX: usize = 16;
/// Fields of an answer, as the query's shape tells them beforehand.
const COMPLEXITY_MAX: usize = 400;

/// A schema, ready to run.
pub type Graph<Q> = Schema<Q, EmptyMutation, EmptySubscription>;

/// What every schema here has: bounds.
pub fn schema<Q: ObjectType + 'static>(query: Q) -> Graph<Q> {
    Schema::build(query, EmptyMutation, EmptySubscription)
        .limit_depth(DEPTH_MAX)
        .limit_complexity(COMPLEXITY_MAX)
        .limit_directives(4)
        .finish()
}

/// Run one request (GraphQL over HTTP, section 5): the body of the answer, or that it is not a request.
pub async fn run<Q>(schema: &Graph<Q>, passed: &Passed) -> Result<Vec<u8>, serde_json::Error>
where
    Q: ObjectType + 'static,
{
    answer(schema, serde_json::from_slice(&passed.body)?, passed).await
}

/// The same for a request without a document: who is asking?
pub async fn who<Q>(schema: &Graph<Q>, passed: &Passed) -> Result<Vec<u8>, serde_json::Error>
where
    Q: ObjectType + 'static,
{
    let request = async_graphql::Request::new("{ caller { identity { header value } } }");
    answer(schema, request, passed).await
}

async fn answer<Q>(
    schema: &Graph<Q>,
    request: async_graphql::Request,
    passed: &Passed,
) -> Result<Vec<u8>, serde_json::Error>
where
    Q: ObjectType + 'static,
{
    let request = request.data(Caller::of(&passed.identity));
    serde_json::to_vec(&schema.execute(request).await)
}

/// What can be asked about sites.
pub struct Query;

/// Who called, as the gateway said.
#[derive(Clone, SimpleObject)]
pub struct Caller {
    /// What the gateway's identity headers say.
    identity: Vec<Said>,
}

/// One identity header.
#[derive(Clone, SimpleObject)]
pub struct Said {
    /// Its name.
    header: &'static str,
    /// What it says; `-` where there is nothing to say.
    value: String,
}

impl Caller {
    /// What the gateway said.
    pub fn of(identity: &HeaderMap) -> Self {
        let said = IDENTITY_HEADERS.iter().filter_map(|header| {
            let value = identity.get(header.lower)?.to_str().ok()?;
            Some(Said {
                header: header.name,
                value: value.to_owned(),
            })
        });
        Self {
            identity: said.collect(),
        }
    }

    /// For whom the caller speaks.
    pub fn subject(&self) -> Option<&str> {
        let mut said = self.identity.iter();
        let subject = said.find(|it| it.header.eq_ignore_ascii_case("countersign-subject"))?;
        Some(&subject.value)
    }
}

#[Object]
impl Query {
    /// Who is asking, as the gateway told the API.
    async fn caller(&self, context: &async_graphql::Context<'_>) -> async_graphql::Result<Caller> {
        context.data::<Caller>().cloned()
    }

    /// Every site.
    #[graphql(complexity = "10 * child_complexity")]
    async fn sites(&self) -> Vec<&'static Site> {
        SITES.iter().collect()
    }

    /// One site.
    async fn site(&self, id: i32) -> Option<&'static Site> {
        SITES.iter().find(|site| site.id == id)
    }
}

#[Object]
impl Site {
    /// Its number.
    async fn id(&self) -> i32 {
        self.id
    }

    /// What people call it.
    async fn display_name(&self) -> &str {
        self.display_name
    }

    /// `active` or `inactive`.
    async fn status(&self) -> &str {
        self.status
    }

    /// Degrees east, as text.
    async fn longitude(&self) -> &str {
        self.longitude
    }

    /// Degrees north, as text.
    async fn latitude(&self) -> &str {
        self.latitude
    }

    /// What is measured there.
    #[graphql(complexity = "5 * child_complexity")]
    async fn streams(&self) -> Vec<&'static Stream> {
        self.streams.iter().collect()
    }
}

#[Object]
impl Stream {
    /// Its number.
    async fn id(&self) -> i32 {
        self.id
    }

    /// What people call it.
    async fn display_name(&self) -> &str {
        self.display_name
    }

    /// What its numbers mean.
    async fn unit(&self) -> &str {
        self.unit
    }
}
