//! What is said of a change that takes too long, and what becomes of it.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, Ordering},
    mpsc::{Receiver, Sender, channel},
};

use tenantry_domain::port::{
    AccountRepository, AnswerRepository, ChangeLog, ClientRepository, EnvironmentRepository,
    EventRepository, Group, KeyRepository, ServerSecretRepository, StoreError, TenantRepository,
    TokenRepository, WebhookRepository,
};

use super::*;
use crate::{error::Code, pipeline::tests::deps};

/// A store that takes its time, to begin or to commit, until it is told to go on.
struct Slow {
    to_begin: Mutex<Option<Receiver<()>>>,
    to_commit: Mutex<Option<Receiver<()>>>,
    committed: Arc<AtomicBool>,
    ended: Sender<()>,
}

/// A group of it.
struct Together {
    wait: Option<Receiver<()>>,
    has_members: bool,
    committed: Arc<AtomicBool>,
    ended: Sender<()>,
}

/// A unit of a group that has members when it is committed. Nothing else is asked of it.
struct Unit<'g>(&'g mut bool);

impl Store for Slow {
    fn snapshot(&self) -> Result<Box<dyn Snapshot>, StoreError> {
        Err(StoreError::Unavailable("not asked for".to_owned()))
    }

    fn begin(&self) -> Result<Box<dyn UnitOfWork>, StoreError> {
        Err(StoreError::Unavailable("not asked for".to_owned()))
    }

    fn begin_group(&self) -> Result<Box<dyn Group>, StoreError> {
        if let Some(wait) = self.to_begin.lock().unwrap().take() {
            wait.recv().unwrap();
        }
        Ok(Box::new(Together {
            has_members: false,
            wait: self.to_commit.lock().unwrap().take(),
            committed: Arc::clone(&self.committed),
            ended: self.ended.clone(),
        }))
    }

    fn check(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

impl Group for Together {
    fn unit(&mut self) -> Result<Box<dyn UnitOfWork + '_>, StoreError> {
        Ok(Box::new(Unit(&mut self.has_members)))
    }

    fn is_open(&self) -> bool {
        true
    }

    fn commit(self: Box<Self>) -> Result<(), StoreError> {
        if let Some(wait) = &self.wait {
            wait.recv().unwrap();
        }
        self.committed.store(self.has_members, Ordering::SeqCst);
        Ok(())
    }
}

impl Drop for Together {
    fn drop(&mut self) {
        let _ = self.ended.send(());
    }
}

impl UnitOfWork for Unit<'_> {
    fn environments(&mut self) -> &mut dyn EnvironmentRepository {
        unreachable!()
    }

    fn tenants(&mut self) -> &mut dyn TenantRepository {
        unreachable!()
    }

    fn clients(&mut self) -> &mut dyn ClientRepository {
        unreachable!()
    }

    fn accounts(&mut self) -> &mut dyn AccountRepository {
        unreachable!()
    }

    fn keys(&mut self) -> &mut dyn KeyRepository {
        unreachable!()
    }

    fn tokens(&mut self) -> &mut dyn TokenRepository {
        unreachable!()
    }

    fn answers(&mut self) -> &mut dyn AnswerRepository {
        unreachable!()
    }

    fn server_secrets(&mut self) -> &mut dyn ServerSecretRepository {
        unreachable!()
    }

    fn webhooks(&mut self) -> &mut dyn WebhookRepository {
        unreachable!()
    }

    fn changes(&mut self) -> &mut dyn ChangeLog {
        unreachable!()
    }

    fn events(&mut self) -> &mut dyn EventRepository {
        unreachable!()
    }

    fn commit(self: Box<Self>) -> Result<(), StoreError> {
        *self.0 = true;
        Ok(())
    }
}

/// Writes to a store that hangs before it begins, or while it commits; gives what the
/// caller was told and, when the store has gone on, whether it has committed.
async fn write(hangs_in_commit: bool) -> (ApiError, bool) {
    let (go_on, wait) = channel();
    let (ended, has_ended) = channel();
    let committed = Arc::new(AtomicBool::new(false));
    let (to_begin, to_commit) = if hangs_in_commit {
        (None, Some(wait))
    } else {
        (Some(wait), None)
    };
    let deps = deps(Arc::new(Slow {
        to_begin: Mutex::new(to_begin),
        to_commit: Mutex::new(to_commit),
        committed: Arc::clone(&committed),
        ended,
    }));
    // Long enough to come to the commit, where it is wanted there.
    let seconds = if hangs_in_commit { 3.0 } else { 0.1 };
    let patience = Patience::of(Duration::from_secs_f32(seconds));
    let told = deps.write(&patience, |_| Ok(())).await.unwrap_err();
    go_on.send(()).unwrap();
    has_ended.recv_timeout(Duration::from_secs(20)).unwrap();
    (told, committed.load(Ordering::SeqCst))
}

#[actix_web::test]
async fn a_change_that_does_not_begin_in_time_never_happens() {
    let (told, committed) = write(false).await;
    assert_eq!(told.code, Code::ServiceUnavailable, "{told:?}");
    assert!(!committed);
}

#[actix_web::test]
async fn a_change_that_is_not_committed_in_time_may_have_happened() {
    let (told, committed) = write(true).await;
    assert_eq!(told.code, Code::OutcomeUnknown, "{told:?}");
    assert!(committed);
}
