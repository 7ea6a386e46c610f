//! Host names, looked up where waiting for it costs nobody else anything.
//!
//! The system's resolver blocks, for as long as it likes, and can't be called off. So it is
//! asked on threads that do nothing else, never more than one for a name, and whoever has
//! waited long enough just goes away: the thread's answer is for whoever asks next.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, ToSocketAddrs},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use tokio::sync::watch;

/// What the resolver needs, and more.
const STACK: usize = 512 * 1024;

/// Looks names up. Clones share everything.
#[derive(Clone)]
pub struct Names(Arc<Shared>);

struct Shared {
    resolve: fn(&str) -> io::Result<Vec<IpAddr>>,
    /// How many may be looked up at the same time.
    most: usize,
    asked: Mutex<HashMap<String, watch::Receiver<Option<Found>>>>,
}

/// What the resolver has said; its error in words, since many may be told.
type Found = Result<Arc<[IpAddr]>, String>;

impl Names {
    /// As many names at the same time as there may be.
    pub fn new(most: usize) -> Self {
        Self::resolved_by(resolve, most)
    }

    fn resolved_by(resolve: fn(&str) -> io::Result<Vec<IpAddr>>, most: usize) -> Self {
        Self(Arc::new(Shared {
            resolve,
            most,
            asked: Mutex::default(),
        }))
    }

    /// The addresses of a name. It lasts as long as the resolver takes; it may be given up.
    ///
    /// # Errors
    ///
    /// What the resolver says, and [`io::ErrorKind::QuotaExceeded`] where too many other names
    /// are being looked up.
    pub async fn look_up(&self, name: &str) -> io::Result<Arc<[IpAddr]>> {
        let mut answer = self.ask(name)?;
        let found = answer.wait_for(Option::is_some).await;
        match found.as_deref() {
            Ok(Some(Ok(addresses))) => Ok(Arc::clone(addresses)),
            Ok(Some(Err(problem))) => Err(io::Error::other(problem.clone())),
            _ => Err(io::Error::other("the look-up was broken off")),
        }
    }

    /// Who asks for what is being looked up already is told of that.
    fn ask(&self, name: &str) -> io::Result<watch::Receiver<Option<Found>>> {
        let mut asked = self.asked();
        if let Some(answer) = asked.get(name) {
            return Ok(answer.clone());
        }
        if asked.len() >= self.0.most {
            let problem = "too many names are being looked up";
            return Err(io::Error::new(io::ErrorKind::QuotaExceeded, problem));
        }
        let (tell, answer) = watch::channel(None);
        let (names, own) = (self.clone(), name.to_owned());
        let look_up = move || {
            let found = (names.0.resolve)(&own);
            // Whoever asks from now on gets a new answer.
            names.asked().remove(&own);
            let found = found.map(Arc::from).map_err(|error| error.to_string());
            tell.send_replace(Some(found));
        };
        thread::Builder::new()
            .name("look-up".to_owned())
            .stack_size(STACK)
            .spawn(look_up)?;
        asked.insert(name.to_owned(), answer.clone());
        Ok(answer)
    }

    fn asked(&self) -> MutexGuard<'_, HashMap<String, watch::Receiver<Option<Found>>>> {
        self.0.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Names({} of {})", self.asked().len(), self.0.most)
    }
}

fn resolve(name: &str) -> io::Result<Vec<IpAddr>> {
    let found = (name, 0).to_socket_addrs()?;
    Ok(found.map(|address| address.ip()).collect())
}

#[cfg(test)]
mod tests {
    use std::{
        net::Ipv4Addr,
        sync::atomic::{AtomicUsize, Ordering},
        time::Duration,
    };

    use futures_util::FutureExt;

    use super::*;

    /// How often the names that hang were looked up.
    static HUNG: AtomicUsize = AtomicUsize::new(0);

    fn stubborn(name: &str) -> io::Result<Vec<IpAddr>> {
        if name.starts_with("hangs") {
            HUNG.fetch_add(1, Ordering::Relaxed);
            thread::sleep(Duration::from_hours(1));
        }
        match name {
            "is.not" => Err(io::Error::other("there is none")),
            _ => Ok(vec![Ipv4Addr::LOCALHOST.into()]),
        }
    }

    #[actix_web::test]
    async fn names_that_hang_hold_up_no_others() {
        let names = Names::resolved_by(stubborn, 3);
        for _ in 0..5 {
            for name in ["hangs.a", "hangs.b"] {
                assert_eq!(names.look_up(name).now_or_never().map(drop), None);
            }
        }
        let good = names.look_up("good").await.unwrap();
        assert_eq!(*good, [IpAddr::from(Ipv4Addr::LOCALHOST)]);
        let none = names.look_up("is.not").await.unwrap_err();
        assert_eq!(none.to_string(), "there is none");
        assert_eq!(names.look_up("hangs.c").now_or_never().map(drop), None);
        let full = names.look_up("good").await.unwrap_err();
        assert_eq!(full.kind(), io::ErrorKind::QuotaExceeded);
        while HUNG.load(Ordering::Relaxed) < 3 {
            tokio::task::yield_now().await;
        }
        assert_eq!(HUNG.load(Ordering::Relaxed), 3, "each name once");
    }

    #[actix_web::test]
    async fn a_name_of_this_machine_is_found() {
        let found = Names::new(1).look_up("localhost").await.unwrap();
        assert!(!found.is_empty() && found.iter().all(IpAddr::is_loopback));
    }
}
