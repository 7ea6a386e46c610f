//! Bodies that actix would get wrong.
//!
//! It drains a chunked request body that is dropped unread, without end if the caller
//! sends without end, and the connection stays open for as long. A body that is still
//! there when the end of the answer is written makes it close the connection instead.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use actix_web::{
    HttpResponse,
    body::{BodySize, BoxBody, MessageBody},
    http::header::CONTENT_LENGTH,
    web::{Bytes, Payload},
};

/// Takes the body from an answer to HEAD and leaves its length.
///
/// actix does so too, but by the last request that it has read, and that is another one
/// where requests are pipelined.
pub(crate) fn without_body(mut response: HttpResponse) -> HttpResponse {
    let BodySize::Sized(length @ 1..) = response.body().size() else {
        return response;
    };
    response.head_mut().no_chunking(true);
    response.headers_mut().insert(CONTENT_LENGTH, length.into());
    response.map_body(|_, _| BoxBody::new(Nothing))
}

/// A body of no bytes that does not say so: its answer keeps the length it was given.
struct Nothing;

impl MessageBody for Nothing {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Poll::Ready(None)
    }
}

/// Makes the answer keep the request's body as long as it lives itself.
pub(crate) fn keep(response: HttpResponse, payload: Payload) -> HttpResponse {
    response.map_body(|_, body| {
        BoxBody::new(Keeping {
            body,
            _payload: payload,
        })
    })
}

struct Keeping {
    body: BoxBody,
    _payload: Payload,
}

impl MessageBody for Keeping {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_next(context)
    }
}
