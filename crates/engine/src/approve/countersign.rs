//! Countersigned requests: a guard that lets a request pass once people have approved exactly it.

use crate::{
    Engine,
    call::CallContext,
    compiled::Compiled,
    decision::{Fact, Judged},
    denied::Refusal,
    model::guard::{ApprovalRule, Guard},
};

impl Engine {
    /// Whether people have approved this very request; if so it is used up. The `Content-Digest` that was bound.
    pub(crate) async fn countersigned(
        &self,
        context: &CallContext,
        compiled: &Compiled,
        guard: &Guard,
        rule: &ApprovalRule,
        fact: &Fact,
        judged: &Judged<'_>,
    ) -> Result<Option<String>, Refusal> {
        let _ = (context, compiled, guard, rule, fact, judged);
        Err(crate::denied::Fault::internal("not built yet").into())
    }
}
