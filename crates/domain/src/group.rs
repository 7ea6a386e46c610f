//! Units of work that share a commit.
//!
//! A commit costs a write to the disk, whatever it makes durable. So those who wait to write
//! at the same time do it in one transaction, one after the other, and are told how their work
//! went when all of it is durable. None notices the others: each works in a
//! [unit](crate::port::Group::unit) that is undone alone when it fails, and whoever saw what
//! an earlier one has done, even if only to be refused because of it, is answered after that is
//! durable.

use crate::{
    error::Error,
    port::{Store, StoreError, UnitOfWork},
};

/// Somebody's work in a group.
pub trait Member: Send {
    /// Does it; says whether it is to be kept, or undone.
    fn work(&mut self, unit: &mut dyn UnitOfWork) -> bool;

    /// Is told, once and as the last thing, what became of what it has done and seen. It may
    /// not have come to its work.
    fn end(self: Box<Self>, ended: Result<(), StoreError>);
}

/// Work with a result that somebody waits for.
pub struct Task<T, W, I, A> {
    /// What is left to do, and what says at its end whether it is still wanted.
    todo: Option<(W, I)>,
    result: Option<Result<T, Error>>,
    answer: A,
}

impl<T, W, I, A> Task<T, W, I, A>
where
    T: Send,
    W: FnOnce(&mut dyn UnitOfWork) -> Result<T, Error> + Send,
    I: FnOnce() -> bool + Send,
    A: FnOnce(Result<T, Error>) + Send,
{
    /// Runs `work` and hands its result to `answer`. If it succeeds, `is_wanted` is asked right
    /// behind it: after a no, nothing was done and [`StoreError::Unavailable`] says so.
    pub fn new(work: W, is_wanted: I, answer: A) -> Self {
        Self {
            todo: Some((work, is_wanted)),
            result: None,
            answer,
        }
    }
}

impl<T, W, I, A> Member for Task<T, W, I, A>
where
    T: Send,
    W: FnOnce(&mut dyn UnitOfWork) -> Result<T, Error> + Send,
    I: FnOnce() -> bool + Send,
    A: FnOnce(Result<T, Error>) + Send,
{
    fn work(&mut self, unit: &mut dyn UnitOfWork) -> bool {
        let Some((work, is_wanted)) = self.todo.take() else {
            return false;
        };
        let mut result = work(unit);
        if result.is_ok() && !is_wanted() {
            result = Err(StoreError::called_off().into());
        }
        self.result.insert(result).is_ok()
    }

    fn end(self: Box<Self>, ended: Result<(), StoreError>) {
        let result = match (self.result, ended) {
            (Some(result), Ok(())) => result,
            // What the store has said to this one is nearer to the truth.
            (Some(Err(own @ Error::Store(_))), Err(_)) => Err(own),
            // Of what was not kept it is known that it did not happen; what it was refused for
            // may not have happened either.
            (Some(Err(_)), Err(error)) => Err(StoreError::Unavailable(error.to_string()).into()),
            (Some(Ok(_)) | None, Err(error)) => Err(error.into()),
            (None, Ok(())) => {
                let reason = "the work was not begun";
                Err(StoreError::Unavailable(reason.to_owned()).into())
            }
        };
        (self.answer)(result);
    }
}

/// Does the work of those that `next` gives, until it gives none or the group must end, in one
/// transaction, commits it, and tells each how it has ended.
///
/// Where no transaction can be begun, all that `next` gives are told so.
pub fn run(store: &dyn Store, mut next: impl FnMut() -> Option<Box<dyn Member>>) {
    let mut group = match store.begin_group() {
        Ok(group) => group,
        Err(error) => {
            while let Some(member) = next() {
                member.end(Err(error.again()));
            }
            return;
        }
    };
    let mut members = Vec::new();
    while group.is_open()
        && let Some(mut member) = next()
    {
        let done = group.unit().and_then(|mut unit| {
            if member.work(&mut *unit) {
                unit.commit()?;
            }
            Ok(())
        });
        match done {
            Ok(()) => members.push(member),
            // It is not in the group, and need not wait for the others.
            Err(error) => member.end(Err(error)),
        }
    }
    let ended = group.commit();
    for member in members {
        member.end(ended.as_ref().copied().map_err(StoreError::again));
    }
}
