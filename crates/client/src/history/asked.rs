//! First words that wait for an answer, for a device that is let in: strangers' and one's own.
//!
//! Always holds: an own device is believed what it gives, and each thing is looked at as if it came
//! from anybody. Deliberately absent: what was declined.

use crate::CoreError;
use crate::account::{address_of, proto_address};
use crate::introductions::{IS_OPEN, are_first_words};
use crate::names;
use crate::output::Event;
use crate::step::Step;
use crate::timeline::arrived::Said;
use crate::views;
use comity_content::proto as said;
use comity_wire::{Address, DeviceId, MessageId};

/// The other one's address in its wire form.
fn other(address: &str) -> Result<Option<said::Address>, CoreError> {
    let address: Address = address.parse().map_err(|_| CoreError::Damaged("address"))?;
    Ok(Some(proto_address(&address)))
}

impl Step<'_> {
    /// What waits for an answer, theirs or the own one.
    pub(super) fn requests_to_archive(&self) -> Result<Vec<said::ArchivedRequest>, CoreError> {
        let mut waiting = Vec::new();
        let mut statement = self.tx.prepare_cached(&format!(
            "SELECT request.address, coalesce(p.manifest, x''), request.alias, first, at_ms, id, request.name, token,
                 coalesce(p.profile_key, x''), from_device, franking_key, sender_nonce, header, seal
             FROM request LEFT JOIN contact p ON p.address = request.address WHERE {IS_OPEN} ORDER BY at_ms"
        ))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            waiting.push(said::ArchivedRequest {
                address: other(&row.get::<_, String>(0)?)?,
                signed_manifest: row.get(1)?,
                alias: row.get(2)?,
                first: row.get(3)?,
                at_ms: row.get(4)?,
                outgoing: false,
                id: row.get(5)?,
                name: row.get(6)?,
                token: row.get(7)?,
                profile_key: row.get(8)?,
                from_device: row.get(9)?,
                franking_key: row.get(10)?,
                sender_nonce: row.get(11)?,
                header: row.get(12)?,
                seal: row.get(13)?,
            });
        }
        // What is said behind the first words waits on the device that said it.
        let mut statement = self.tx.prepare_cached(
            "SELECT c.peer, coalesce(p.manifest, x''), coalesce(p.alias, ''), m.content, m.at_ms
             FROM conversation c JOIN message m ON m.conversation = c.id LEFT JOIN contact p ON p.address = c.peer
             WHERE c.state = 'asking' AND c.peer IS NOT NULL AND m.outgoing = 1 AND m.deleted = 0 AND m.status <> 'failed'
                 AND (m.status = 'sent' OR EXISTS (SELECT 1 FROM introduction i WHERE i.address = c.peer AND i.message_id = m.message_id))
             ORDER BY m.at_ms, m.id",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            waiting.push(said::ArchivedRequest {
                address: other(&row.get::<_, String>(0)?)?,
                signed_manifest: row.get(1)?,
                alias: row.get(2)?,
                first: row.get(3)?,
                at_ms: row.get(4)?,
                outgoing: true,
                ..Default::default()
            });
        }
        Ok(waiting)
    }

    /// Something that waited for an answer when this device was let in, and may have one by now.
    pub(super) fn request_given(&mut self, given: &said::ArchivedRequest) -> Result<(), CoreError> {
        let me = self.me()?;
        let other = given.address.as_ref().and_then(address_of);
        let (Some(address), Ok(Said::Line(line))) = (other, Said::decode(&given.first)) else {
            self.warn("request_malformed", None);
            return Ok(());
        };
        if address == me.address || !are_first_words(&line) {
            self.warn("request_malformed", None);
            return Ok(());
        }
        if self
            .adopt_manifest(&address, &given.signed_manifest)?
            .is_none()
        {
            return Ok(());
        }
        self.apply_expected(&address)?;
        if self.is_blocked(&address)? {
            return Ok(());
        }
        if given.outgoing {
            self.tx.execute(
                "UPDATE contact SET alias = ?2 WHERE address = ?1 AND alias = ''",
                (address.to_string(), &given.alias),
            )?;
            return self.request_synced(&said::RequestState {
                address: given.address.clone(),
                first: given.first.clone(),
                ..Default::default()
            });
        }
        let (Ok(id), Ok(device)) = (
            MessageId::from_slice(&given.id),
            DeviceId::from_slice(&given.from_device),
        ) else {
            self.warn("request_malformed", None);
            return Ok(());
        };
        let name = names::shown(&given.name);
        if given.profile_key.len() == 32 {
            self.tx.execute(
                "UPDATE contact SET profile_key = coalesce(profile_key, ?2), name = CASE WHEN name = '' THEN ?3 ELSE name END WHERE address = ?1",
                (address.to_string(), &given.profile_key, name),
            )?;
        }
        // A later one may have come to this device itself.
        let fresh = self.tx.execute(
            "INSERT OR IGNORE INTO request (address, id, name, alias, first, token, at_ms, from_device, franking_key, sender_nonce, header, seal)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            (
                address.to_string(), id.to_vec(), name, &given.alias, &given.first, &given.token, given.at_ms,
                device.to_vec(), &given.franking_key, &given.sender_nonce, &given.header, &given.seal,
            ),
        )?;
        let talking = self.request_is_line(&address)?;
        if fresh > 0
            && !talking
            && self.asks(&address)?
            && let Some(request) = views::request(self.tx, &address)?
        {
            self.event(Event::Request { request });
        }
        Ok(())
    }
}
