//! Operations: what can be asked of the server, and by whom.
//!
//! One value says all there is to say of an operation but what it does: its name in
//! events and metrics, its method and path, its family and who may ask for it. Who
//! may is taken from the handler's own signature, so there is no handler without a
//! [`Caller`], and none that says another permission than its route.

use std::{fmt, future::Future};

use actix_web::{
    HttpResponse,
    http::{Method, StatusCode},
};
use futures_util::future::{FutureExt, LocalBoxFuture};
use tenantry_auth::policy::Permission;
use tenantry_domain::{event::EventName, scope::ManagementScope};

use crate::{
    call::Call,
    caller::{Caller, Management},
    creation::{self, Check, Creator, Procedure},
    error::ApiError,
    negotiate::Produces,
    render::Family,
};

/// One operation with its handler.
pub(crate) struct Operation {
    pub(crate) name: OperationName,
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) access: Access,
    pub(crate) produces: Produces,
    run: Handler,
}

type Answer = Result<HttpResponse, ApiError>;
type Handler = Box<dyn Fn(Call) -> LocalBoxFuture<'static, Answer> + Send + Sync>;

impl Operation {
    /// Makes an operation of a handler; `C` in its signature says who may ask for it.
    pub(crate) fn new<C, H, F>(
        name: C::Name,
        method: C::Method,
        path: &'static str,
        produces: Produces,
        handler: H,
    ) -> Self
    where
        C: Caller,
        H: Fn(C, Call) -> F + Copy + Send + Sync + 'static,
        F: Future<Output = Answer> + 'static,
    {
        let run: Handler = Box::new(move |mut call: Call| {
            async move {
                let caller = C::authenticate(&call).await?;
                call.settle_representation(produces)?;
                handler(caller, call).await
            }
            .boxed_local()
        });
        Self {
            name: name.into(),
            method: method.into(),
            path,
            access: C::ACCESS,
            produces,
            run,
        }
    }

    /// Makes a POST of the management API. Its handler says what is to be done, as
    /// [`Work`](creation::Work), and does nothing itself: whether it is done, how its answer is kept for
    /// a repeat and how it is shown is the same for all of them, and stands in
    /// [`creation::run`].
    pub(crate) fn create<P: Permission>(
        name: EventName,
        path: &'static str,
        handler: Creator<P>,
    ) -> Self {
        Self::creating(name, path, Procedure::default(), handler)
    }

    /// The same for one that has to find out something of the world before it is done.
    pub(crate) fn create_checked<P: Permission>(
        name: EventName,
        path: &'static str,
        check: Check,
        handler: Creator<P>,
    ) -> Self {
        let procedure = Procedure {
            check: Some(check),
            ..Procedure::default()
        };
        Self::creating(name, path, procedure, handler)
    }

    /// The same for one that only asks for what is done later, by whoever delivers to webhooks.
    pub(crate) fn request<P: Permission>(
        name: EventName,
        path: &'static str,
        handler: Creator<P>,
    ) -> Self {
        let procedure = Procedure {
            status: StatusCode::ACCEPTED,
            ..Procedure::default()
        };
        Self::creating(name, path, procedure, handler)
    }

    fn creating<P: Permission>(
        name: EventName,
        path: &'static str,
        procedure: Procedure,
        handler: Creator<P>,
    ) -> Self {
        let run: Handler = Box::new(move |mut call: Call| {
            async move {
                let caller = Management::<P>::authenticate(&call).await?;
                call.settle_representation(Produces::Json)?;
                creation::run(&caller, call, procedure, handler).await
            }
            .boxed_local()
        });
        Self {
            name: OperationName::Told(name),
            method: Method::POST,
            path,
            access: Management::<P>::ACCESS,
            produces: Produces::Json,
            run,
        }
    }

    /// Authenticates and authorizes the caller, settles what it accepts, and runs the handler.
    pub(crate) fn run(&self, call: Call) -> LocalBoxFuture<'static, Answer> {
        (self.run)(call)
    }

    pub(crate) fn info(&self) -> OperationInfo {
        OperationInfo {
            name: self.name.as_str(),
            event: self.name.event(),
            method: match self.method {
                Method::POST => "POST",
                Method::PUT => "PUT",
                Method::PATCH => "PATCH",
                Method::DELETE => "DELETE",
                _ => "GET",
            },
            path: self.path,
            access: self.access,
        }
    }

    pub(crate) fn family(&self) -> Family {
        Family::of(self.path)
    }
}

/// What an operation is called.
///
/// A caller's [`Name`](Caller::Name) says which of the two its operations may have: what
/// needs a credential tells of itself in events, and does not compile without a name there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum OperationName {
    /// Each request leaves events of this name.
    Told(EventName),
    /// Not an operation of an API, but there for whoever runs the server or finds the way
    /// to it: the name is for metrics and logs, and a request leaves no events.
    Untold(&'static str),
}

impl OperationName {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Told(name) => name.as_str(),
            Self::Untold(name) => name,
        }
    }

    pub(crate) const fn event(self) -> Option<EventName> {
        match self {
            Self::Told(name) => Some(name),
            Self::Untold(_) => None,
        }
    }
}

impl From<EventName> for OperationName {
    fn from(name: EventName) -> Self {
        Self::Told(name)
    }
}

/// A method of the management API whose handler answers by itself.
///
/// POST is none of them, so that no POST handler can do without what
/// [`Operation::create`] does for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    Patch,
    Delete,
}

impl From<Verb> for Method {
    fn from(verb: Verb) -> Self {
        match verb {
            Verb::Get => Self::GET,
            Verb::Patch => Self::PATCH,
            Verb::Delete => Self::DELETE,
        }
    }
}

/// What is known of an operation from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperationInfo {
    /// Its name, as metrics and logs have it.
    pub name: &'static str,
    /// What its events are named by; `None` where a request leaves no events.
    pub event: Option<EventName>,
    /// Its method.
    pub method: &'static str,
    /// Its path, ids as `{id}`.
    pub path: &'static str,
    /// Who may ask for it.
    pub access: Access,
}

/// Who may ask for an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody; where the handler authenticates a client, it does so itself.
    Public,
    /// A management client with that scope.
    Management(ManagementScope),
    /// A system account.
    System,
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Public => f.write_str("public"),
            Self::Management(scope) => scope.fmt(f),
            Self::System => f.write_str("system"),
        }
    }
}
