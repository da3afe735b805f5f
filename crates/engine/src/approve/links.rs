//! Whom devices approve for: the ends of links, which each keep the other's name.

use crate::{
    Engine,
    commit::Change,
    denied::Fault,
    id::{DeviceId, EnvironmentId},
    model::device::{Device, Link},
    row::{Key, Row},
    time::Timestamp,
};

impl Engine {
    /// The changes that take a link from devices. One that has it no more, or is gone, stays as it is.
    pub(crate) async fn unlinked(
        &self,
        now: Timestamp,
        environment: &EnvironmentId,
        devices: &[DeviceId],
        link: &Link,
    ) -> Result<Vec<Change>, Fault> {
        let keys = devices.iter().cloned();
        let keys: Vec<Key> = keys
            .map(|id| Key::Device(environment.clone(), id))
            .collect();
        let found = self.ports.store.load(&keys).await?;
        let changes = found.into_iter().flatten().filter_map(|stored| {
            let before = stored.device().filter(|it| it.links.contains(link))?;
            let mut after: Device = before.clone();
            after.links.retain(|known| known != link);
            after.updated_at = now;
            Some(Change::Replace {
                row: Row::Device(Box::new(after)),
                if_version: stored.version,
            })
        });
        Ok(changes.collect())
    }
}
