//! The one type of response body: bytes that are there, pieces of files, or a stream.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};

use super::files::{FilePart, Pieces};

/// What can go wrong while a body is sent; the connection is closed then.
pub(crate) type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// A response's body.
pub struct Body(Content);

enum Content {
    Full(Bytes),
    Pieces(Pieces),
    Stream(Pin<Box<dyn HttpBody<Data = Bytes, Error = BodyError> + Send + Sync>>),
}

impl Body {
    /// A body whose bytes are there; cheap, nothing is copied.
    pub fn full(bytes: impl Into<Bytes>) -> Self {
        Self(Content::Full(bytes.into()))
    }

    /// A body that comes in parts. Where its length is known, its size hint should say so exactly.
    pub fn stream<B>(body: B) -> Self
    where
        B: HttpBody<Data = Bytes> + Send + Sync + 'static,
        B::Error: Into<BodyError>,
    {
        use http_body_util::BodyExt as _;
        Self(Content::Stream(Box::pin(body.map_err(Into::into))))
    }

    /// A body out of pieces, of files mostly.
    pub(super) fn pieces(pieces: Pieces) -> Self {
        Self(Content::Pieces(pieces))
    }

    /// The bytes, where they are all there.
    pub fn bytes(&self) -> Option<&Bytes> {
        match &self.0 {
            Content::Full(bytes) => Some(bytes),
            Content::Pieces(_) | Content::Stream(_) => None,
        }
    }

    /// Takes what comes next, where that is a part of a file that can be sent without being read.
    pub(super) fn next_part(&mut self) -> Option<FilePart> {
        match &mut self.0 {
            Content::Pieces(pieces) => pieces.next_part(),
            Content::Full(_) | Content::Stream(_) => None,
        }
    }
}

impl Default for Body {
    fn default() -> Self {
        Self::full(Bytes::new())
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut self.0 {
            Content::Full(bytes) => {
                let all = std::mem::take(bytes);
                Poll::Ready((!all.is_empty()).then(|| Ok(Frame::data(all))))
            }
            Content::Pieces(pieces) => {
                Pin::new(pieces).poll_frame(context).map_err(BodyError::from)
            }
            Content::Stream(stream) => stream.as_mut().poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Content::Full(bytes) => bytes.is_empty(),
            Content::Pieces(pieces) => pieces.is_end_stream(),
            Content::Stream(stream) => stream.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Content::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Content::Pieces(pieces) => pieces.size_hint(),
            Content::Stream(stream) => stream.size_hint(),
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Content::Full(bytes) => write!(out, "Body::full({} bytes)", bytes.len()),
            Content::Pieces(_) => out.write_str("Body::pieces"),
            Content::Stream(_) => out.write_str("Body::stream"),
        }
    }
}
