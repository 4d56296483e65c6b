//! A body that is sent completely, or broken off in the middle.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

/// The body of an answer.
#[derive(Debug)]
pub(crate) struct Payload {
    /// The `content-length`.
    promised: u64,
    rest: Option<Bytes>,
    end: End,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Whole,
    /// One more turn is waited before the tear, so that what went before is flushed.
    TearNext,
    TearNow,
}

impl Payload {
    pub(crate) fn whole(body: Bytes) -> Self {
        Self { promised: body.len() as u64, rest: Some(body), end: End::Whole }
    }

    /// The first half, then an error.
    pub(crate) fn torn(mut body: Bytes) -> Self {
        let promised = body.len() as u64;
        body.truncate(body.len() / 2);
        Self { promised, rest: Some(body), end: End::TearNext }
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some(body) = self.rest.take().filter(|body| !body.is_empty()) {
            return Poll::Ready(Some(Ok(Frame::data(body))));
        }
        match self.end {
            End::Whole => Poll::Ready(None),
            End::TearNext => {
                self.end = End::TearNow;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            End::TearNow => {
                Poll::Ready(Some(Err(io::Error::other("torn as asked for at /_faults"))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.end == End::Whole && self.rest.as_ref().is_none_or(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.promised)
    }
}
