//! Keeping a request's body until its answer is out.
//!
//! actix drains a chunked request body that is dropped unread, without end if the caller
//! sends without end, and the connection stays open for as long. A body that is still
//! there when the end of the answer is written makes it close the connection instead.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use actix_web::{
    HttpResponse,
    body::{BodySize, BoxBody, MessageBody},
    web::{Bytes, Payload},
};

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
