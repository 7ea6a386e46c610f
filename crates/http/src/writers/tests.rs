//! Who shares a commit with whom, and what is said when it does not come.

use std::sync::{
    atomic::{AtomicUsize, Ordering},
    mpsc::{Receiver, Sender, channel},
};

use futures_util::future::join_all;
use tenantry_domain::port::{
    AccountRepository, AnswerRepository, ChangeLog, ClientRepository, EnvironmentRepository,
    EventRepository, Group, KeyRepository, ServerSecretRepository, Snapshot, TenantRepository,
    TokenRepository, WebhookRepository,
};

use super::*;

/// Counts commits, and waits in the first until it is told to go on.
#[derive(Clone, Default)]
struct Counting {
    commits: Arc<AtomicUsize>,
    first: Arc<Mutex<Option<Wait>>>,
}

/// What tells that it is waited, and what ends the wait.
type Wait = (Sender<()>, Receiver<()>);

struct Together(Counting);

struct Unit;

impl Store for Counting {
    fn snapshot(&self) -> Result<Box<dyn Snapshot>, StoreError> {
        Err(StoreError::Unavailable("not asked for".to_owned()))
    }

    fn begin(&self) -> Result<Box<dyn UnitOfWork>, StoreError> {
        Err(StoreError::Unavailable("not asked for".to_owned()))
    }

    fn begin_group(&self) -> Result<Box<dyn Group>, StoreError> {
        Ok(Box::new(Together(self.clone())))
    }

    fn check(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

impl Group for Together {
    fn unit(&mut self) -> Result<Box<dyn UnitOfWork + '_>, StoreError> {
        Ok(Box::new(Unit))
    }

    fn is_open(&self) -> bool {
        true
    }

    fn commit(self: Box<Self>) -> Result<(), StoreError> {
        let first = self.0.first.lock().unwrap().take();
        if let Some((reached, go_on)) = first {
            reached.send(()).unwrap();
            go_on.recv().unwrap();
        }
        self.0.commits.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

impl UnitOfWork for Unit {
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

    fn changes(&mut self) -> &mut dyn ChangeLog {
        unreachable!()
    }

    fn events(&mut self) -> &mut dyn EventRepository {
        unreachable!()
    }

    fn webhooks(&mut self) -> &mut dyn WebhookRepository {
        unreachable!()
    }

    fn commit(self: Box<Self>) -> Result<(), StoreError> {
        Ok(())
    }
}

/// A store whose first commit waits; what tells that it does, and what ends it.
fn waiting() -> (Counting, Receiver<()>, Sender<()>) {
    let (reached, has_reached) = channel();
    let (go_on, wait) = channel();
    let store = Counting::default();
    *store.first.lock().unwrap() = Some((reached, wait));
    (store, has_reached, go_on)
}

fn writers(store: &Counting) -> Arc<Writers> {
    Arc::new(Writers::new(
        Arc::new(store.clone()),
        Gate::new("the database", 1),
    ))
}

#[actix_web::test]
async fn those_who_come_while_one_commits_share_the_next_commit() {
    let (store, reached, go_on) = waiting();
    let writers = writers(&store);
    let write = |n: usize| {
        let writers = Arc::clone(&writers);
        async move { writers.write(&Patience::default(), move |_| Ok(n)).await }
    };
    let first = actix_web::rt::spawn(write(0));
    // The others come when the first is in its commit, and all of them wait.
    let begun = actix_web::rt::task::spawn_blocking(move || reached.recv().unwrap());
    begun.await.unwrap();
    let others: Vec<_> = (1..=20).map(|n| actix_web::rt::spawn(write(n))).collect();
    while writers.queue.lock().len() < 20 {
        tokio::task::yield_now().await;
    }
    go_on.send(()).unwrap();
    assert_eq!(first.await.unwrap().unwrap(), 0);
    for (n, told) in (1..=20).zip(join_all(others).await) {
        assert_eq!(told.unwrap().unwrap(), n);
    }
    assert_eq!(store.commits.load(Ordering::SeqCst), 2);
}

#[actix_web::test]
async fn who_goes_away_or_gets_no_turn_is_not_begun() {
    let (store, reached, go_on) = waiting();
    let writers = writers(&store);
    let first = {
        let writers = Arc::clone(&writers);
        actix_web::rt::spawn(async move { writers.write(&Patience::default(), |_| Ok(())).await })
    };
    let begun = actix_web::rt::task::spawn_blocking(move || reached.recv().unwrap());
    begun.await.unwrap();
    let done = Arc::new(AtomicUsize::new(0));
    let work = || {
        let done = Arc::clone(&done);
        move |_: &mut dyn UnitOfWork| Ok(done.fetch_add(1, Ordering::SeqCst))
    };
    let patience = Patience::default();
    let gone = timeout(Duration::from_millis(10), writers.write(&patience, work())).await;
    assert!(gone.is_err(), "it went away");
    let short = Patience::of(Duration::from_millis(10));
    let told = writers.write(&short, work()).await.unwrap_err();
    assert_eq!(told.code, crate::error::Code::ServiceUnavailable);
    go_on.send(()).unwrap();
    first.await.unwrap().unwrap();
    writers.write(&Patience::default(), work()).await.unwrap();
    assert_eq!(done.load(Ordering::SeqCst), 1, "only the last");
}

#[actix_web::test]
async fn a_panic_is_told_to_the_one_who_asked_and_to_nobody_else() {
    let store = Counting::default();
    let writers = writers(&store);
    let all: Vec<_> = (0..10)
        .map(|n| {
            let writers = Arc::clone(&writers);
            actix_web::rt::spawn(async move {
                let work = move |_: &mut dyn UnitOfWork| {
                    if n % 3 == 0 {
                        std::panic::resume_unwind(Box::new("a reason"));
                    }
                    Ok(n)
                };
                writers.write(&Patience::default(), work).await
            })
        })
        .collect();
    for (n, told) in (0..10).zip(join_all(all).await) {
        match told.unwrap() {
            Ok(done) => assert!(done == n && n % 3 != 0),
            Err(error) => {
                assert_eq!(error.code, crate::error::Code::InternalError);
                assert!(error.cause.unwrap().contains("a reason") && n % 3 == 0);
            }
        }
    }
}
