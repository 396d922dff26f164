//! What larder's own tests, benchmarks and fuzz targets reach of its parts. It may change with any
//! version: who embeds larder uses what the crate's first page lists.

pub mod build {
    pub use crate::build::site_of;
}
pub mod cache {
    pub use crate::cache::{
        Answer, Cache, CacheRequest, CacheSettings, Detail, Entry, Left, Lifetime, Listing,
        Namespaces, Outcome, Purge, Render, RenderFailure, Rendered, StoreState, Trouble, Why,
        record,
    };
}
pub mod clock {
    pub use crate::clock::Clock;
}
pub mod config {
    pub use crate::config::{FileContent, FileError, Files, load};
}
pub mod diagnostic {
    pub use crate::diagnostic::{At, Code, Diagnostic, Report, SourceFile, Span, render};
}
pub mod fingerprint {
    pub use crate::fingerprint::Fingerprint;
}
pub mod http {
    pub use crate::http::access::{Asked, Exchange};
    pub use crate::http::answer::{Answer, Responding};
    pub use crate::http::body::Body;
    pub use crate::http::edge::{Handle, Peer, Unread};
    pub use crate::http::filter::WarpHandler;
    pub use crate::http::handler::SiteHandler;
    pub use crate::http::request::RequestView;
    pub mod listener {
        pub use crate::http::listener::{Limits, Listener};
    }
    pub mod live {
        pub use crate::http::live::Live;
    }
    pub mod tls {
        pub use crate::http::tls::Tls;
    }
}
pub mod reload {
    pub use crate::reload::{Build, Built, Outcome, ReloadHandle, ReloadState, Reloader};
}
pub mod site {
    pub use crate::site::{RenderJob, Site, compile, diff};
    pub mod key {
        pub use crate::site::key::{
            Facts, Headers, InputKind, InputName, Inputs, KeyContext, KeyPlan, KeySpec, cookies,
        };
    }
    pub mod route {
        pub use crate::site::route::{
            ParamKind, PathText, Pattern, RawQuery, RouteMatch, Router, RouterBuilder, Slash,
            push_encoded,
        };
        pub mod rules {
            pub use crate::site::route::rules::Rules;
        }
    }
    pub mod template {
        pub use crate::site::template::{
            Bounds, FUNCTIONS, Function, RenderError, TemplateFile, TemplateSet, Tree,
        };
    }
}
pub mod source {
    pub mod file {
        pub use crate::source::file::Disk;
    }
}
pub mod watch {
    pub use crate::watch::{Watch, WatchOptions};
}
