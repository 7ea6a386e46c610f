//! Units of work that share a transaction.

use tenantry_domain::port::{Group, StoreError, UnitOfWork};

use super::Session;
use crate::error::{one_line, store_error};

/// Sets a mark to which a unit can be undone alone.
const MARK: &str = "SAVEPOINT unit";

/// The same where the mark of the unit before is still there: marks don't nest, and one message
/// is one round trip.
const MARK_ANEW: &str = "RELEASE SAVEPOINT unit; SAVEPOINT unit";

/// Undoes what was done behind the mark, which stays.
const UNDO: &str = "ROLLBACK TO SAVEPOINT unit";

/// A transaction for several units.
///
/// The first needs no mark: with it, all that there is would be undone. So a unit that is alone
/// costs as much as one that has no group.
pub(in super::super) struct WriteGroup {
    session: Session,
    /// How many units are in it.
    members: usize,
    /// Whether there is a mark.
    marked: bool,
    state: State,
}

enum State {
    Open,
    /// Its first unit is to be undone, and the transaction with it.
    Spent,
    /// The transaction can't be committed any more.
    Broken(String),
}

/// One of a group's units.
pub(super) struct Unit<'g> {
    group: &'g mut WriteGroup,
    joined: bool,
}

impl WriteGroup {
    /// Takes a transaction that was begun for writing.
    pub(in super::super) fn new(session: Session) -> Self {
        Self {
            session,
            members: 0,
            marked: false,
            state: State::Open,
        }
    }

    fn mark(&mut self) -> Result<(), StoreError> {
        if let State::Broken(reason) = &self.state {
            return Err(StoreError::Unavailable(reason.clone()));
        }
        if self.members == 0 {
            return Ok(());
        }
        let statement = if self.marked { MARK_ANEW } else { MARK };
        match self.session.execute(statement) {
            Ok(()) => {
                self.marked = true;
                Ok(())
            }
            Err(error) => {
                self.break_off(&error);
                Err(store_error(error))
            }
        }
    }

    /// Ends the transaction behind the group's back.
    #[cfg(test)]
    pub(in super::super) fn end_for_test(&mut self) {
        self.session.execute("ROLLBACK").expect("there is one");
    }

    /// Undoes the unit that was open.
    fn undo(&mut self) {
        if self.members == 0 {
            self.state = State::Spent;
            return;
        }
        if self.session.lost {
            self.state = State::Broken("the connection was lost in another change".to_owned());
            return;
        }
        match self.session.execute(UNDO) {
            Ok(()) => {
                self.session.failed = false;
                self.session.away = None;
            }
            Err(error) => self.break_off(&error),
        }
    }

    fn break_off(&mut self, error: &diesel::result::Error) {
        let cause = one_line(&error.to_string());
        self.state = State::Broken(format!(
            "another change could not be undone alone ({cause})"
        ));
    }
}

impl Group for WriteGroup {
    fn unit(&mut self) -> Result<Box<dyn UnitOfWork + '_>, StoreError> {
        self.mark()?;
        Ok(Box::new(Unit {
            group: self,
            joined: false,
        }))
    }

    fn is_open(&self) -> bool {
        matches!(self.state, State::Open)
    }

    /// What is not committed is undone when the session is dropped.
    fn commit(self: Box<Self>) -> Result<(), StoreError> {
        match self.state {
            State::Broken(reason) => Err(StoreError::Unavailable(reason)),
            State::Open if self.members > 0 => self.session.commit(),
            State::Open | State::Spent => Ok(()),
        }
    }
}

impl Unit<'_> {
    pub(super) fn session(&mut self) -> &mut Session {
        &mut self.group.session
    }

    /// Leaves the unit in the group.
    pub(super) fn join(mut self) -> Result<(), StoreError> {
        self.group.session.refuse_if_failed()?;
        self.group.members += 1;
        self.joined = true;
        Ok(())
    }
}

impl Drop for Unit<'_> {
    fn drop(&mut self) {
        if !self.joined {
            self.group.undo();
        }
    }
}
