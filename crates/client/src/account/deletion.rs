//! The end of an account.

use crate::calls::Call;
use crate::output::{Effect, Event, Method};
use crate::step::Step;
use crate::{CallError, CoreError};
use comity_wire::ErrorCode;

impl Step<'_> {
    pub(crate) fn delete_account(&mut self) -> Result<(), CoreError> {
        self.me()?;
        self.http::<()>(Method::Delete, "/v1/me", None, Call::Delete)
    }

    pub(crate) fn account_deleted(
        &mut self,
        result: Result<Vec<u8>, CallError>,
    ) -> Result<(), CoreError> {
        match result {
            Err(CallError::Refused(error)) if error.code == ErrorCode::AccountGone => {}
            Err(error) => {
                self.failed("delete_account", &error);
                return Ok(());
            }
            Ok(_) => {}
        }
        self.event(Event::Erased {
            reason: "deleted".to_owned(),
        });
        self.effect(Effect::Erase);
        Ok(())
    }
}
