//! All that is known of a subject, as one document for the person.

use super::{sessions::lives, subject_of};
use crate::{
    Engine,
    bounds::{EXPORT_AUDIT_READ_MAX, EXPORT_ROWS_MAX, PAGE_ROWS_MAX},
    call::CallContext,
    denied::{Fault, Refusal},
    id::{EnvironmentId, SubjectId},
    outcome::{Outcome, SubjectExport, SubjectOutcome},
    ports::Query,
    row::{Key, Stored},
    verify::{Authenticated, OperatorCaller},
};
use std::sync::Arc;

impl Engine {
    /// Gather it, and note in the audit log that somebody did.
    pub(super) async fn export_subject(
        &self,
        context: &CallContext,
        caller: &Authenticated<OperatorCaller>,
        environment: &EnvironmentId,
        id: &SubjectId,
    ) -> Result<Outcome, Refusal> {
        let stored = self.stored_subject(environment, id).await?;
        let subject = subject_of(&stored)?;
        let counted = self.counted_now(context.now, environment, id).await?;
        let sessions = Query::Sessions(environment.clone(), id.clone());
        let is_kept = |row: &Stored| lives(row, context.now);
        let (kept, kept_is_cut) = self.gathered(&sessions, usize::MAX, is_kept).await?;
        let lines = Query::Audit {
            environment: Some(environment.clone()),
            organization: Some(subject.organization.clone()),
            since: Some(subject.created_at),
        };
        let name = format!("subject:{id}");
        let is_about = |row: &Stored| {
            row.audit()
                .is_some_and(|line| line.actor == name || line.target == name)
        };
        let (audit, audit_is_cut) = self
            .gathered(&lines, EXPORT_AUDIT_READ_MAX, is_about)
            .await?;
        let devices = subject.devices.iter().cloned();
        let devices = devices.map(|device| Key::Device(environment.clone(), device));
        let devices: Vec<Key> = devices.collect();
        let devices = self.ports.store.load(&devices).await?;
        self.observations
            .note(self.subject_event(context, caller, subject, "subject.export"));
        Ok(Outcome::Subject(SubjectOutcome::Export(Box::new(
            SubjectExport {
                at: context.now,
                stored: Arc::clone(&stored),
                kept,
                counted,
                devices: devices.into_iter().flatten().collect(),
                audit,
                is_cut: kept_is_cut || audit_is_cut,
            },
        ))))
    }

    /// The rows of a query that are `wanted`, and whether there may be more: at most `read_max` are read, and at
    /// most [`EXPORT_ROWS_MAX`] given.
    async fn gathered(
        &self,
        query: &Query,
        read_max: usize,
        wanted: impl Fn(&Stored) -> bool,
    ) -> Result<(Vec<Arc<Stored>>, bool), Fault> {
        let (mut found, mut read, mut after) = (Vec::new(), 0_usize, None);
        loop {
            let page = self
                .ports
                .store
                .list(query, after.as_ref(), PAGE_ROWS_MAX)
                .await?;
            read = read.saturating_add(page.rows.len());
            found.extend(page.rows.into_iter().filter(|row| wanted(row)));
            let Some(next) = page.next else {
                let is_cut = found.len() > EXPORT_ROWS_MAX;
                found.truncate(EXPORT_ROWS_MAX);
                return Ok((found, is_cut));
            };
            if read >= read_max || found.len() >= EXPORT_ROWS_MAX {
                found.truncate(EXPORT_ROWS_MAX);
                return Ok((found, true));
            }
            after = Some(next);
        }
    }
}
