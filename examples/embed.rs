//! A site beside an API of one's own, in one warp program.
//!
//! `cargo run --example embed -- routes.yaml`, then <http://127.0.0.1:3030/> is the site's,
//! <http://127.0.0.1:3030/api/hello/ada> the program's, and whatever else is asked for gets the
//! site's own page for what is not there.

use warp::Filter as _;

#[tokio::main]
async fn main() -> Result<(), larder::OpenError> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "routes.yaml".to_owned());
    let site = larder::Site::open(path).await?;
    let api = warp::path!("api" / "hello" / String).map(|name| format!("Hello, {name}!\n"));
    let all = site.filter().or(api).or(site.recover());
    warp::serve(all).run(([127, 0, 0, 1], 3030)).await;
    Ok(())
}
