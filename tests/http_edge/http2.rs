//! HTTP/2 clients that stall or flood: none keeps a connection longer than the bounds say, and none
//! that gets on, however slowly, is ended by them.

use std::time::{Duration, Instant};

use larder::parts::http::listener::Limits;

use crate::floods::FLOODS;
use crate::frames::{
    DATA, END_HEADERS, HEADERS, PING, SETTINGS, WINDOW, WINDOW_UPDATE, block, frame, get,
};
use crate::harness::{PATIENCE, exchange, serve, status, within};
use crate::raw::Raw;

const SHORT: Duration = Duration::from_millis(200);

fn short() -> Limits {
    Limits { head: SHORT, first_byte: SHORT, idle: SHORT, stall: SHORT, ..Limits::default() }
}

/// Clients that take no answer, and what each goes on sending to look alive.
#[tokio::test]
async fn a_client_that_gets_nowhere_is_ended_though_it_looks_alive() {
    let ping = frame(PING, 0, 0, &[7; 8]);
    let settings = frame(SETTINGS, 0, 0, &[]);
    let open_head = frame(HEADERS, 0, 1, &block("GET", "/"));
    let get_large = get(1, "/large");
    let post = frame(HEADERS, END_HEADERS, 1, &block("POST", "/wait"));
    let update = frame(WINDOW_UPDATE, 0, 0, &1_u32.to_be_bytes());
    let no_window = &[(WINDOW, 0)][..];
    for (name, window, first, again) in [
        ("nothing asked, nothing said", &[][..], vec![], vec![]),
        ("nothing asked but pings", &[][..], vec![], ping.clone()),
        ("nothing asked but settings", &[][..], vec![], settings),
        ("half a head, then silence", &[][..], open_head, vec![]),
        ("no window for an answer", no_window, get_large.clone(), vec![]),
        ("no window for an answer, and pings", no_window, get_large.clone(), ping.clone()),
        ("a window that opens elsewhere", no_window, get_large, update),
        ("half a body, and pings", &[][..], post, ping),
    ] {
        let server = serve(Limits { body_time: SHORT, ..short() }).await;
        within(async {
            let mut raw = Raw::open(server.addr, window).await;
            raw.send(&first).await;
            while raw.send(&again).await {
                let next = tokio::time::timeout(SHORT / 10, raw.next()).await;
                if matches!(next, Ok(None)) {
                    break;
                }
            }
        })
        .await;
        println!("{name}: ended");
    }
}

/// Larger than what is on its way without the client's consent, in pieces that take their time.
#[tokio::test]
async fn a_client_that_takes_its_answer_slowly_is_not_ended() {
    let server = serve(short()).await;
    within(async {
        let mut raw = Raw::open(server.addr, &[(WINDOW, 1000)]).await;
        raw.send(&get(1, "/large")).await;
        let (began, mut taken) = (Instant::now(), 0);
        // Several times as long as all bounds together.
        while began.elapsed() < SHORT * 12 {
            let came = raw.next().await.expect("the connection stays");
            if came.kind == DATA {
                taken += came.payload.len();
                // The slow client that this is about: consent comes late, but it comes.
                tokio::time::sleep(SHORT / 4).await;
                let more = u32::try_from(came.payload.len()).expect("a length").to_be_bytes();
                for stream in [0, 1] {
                    assert!(raw.send(&frame(WINDOW_UPDATE, 0, stream, &more)).await);
                }
            }
        }
        assert!(taken > 5000, "{taken} bytes");
    })
    .await;
}

/// Others are served all the while.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_connection_is_flooded_with_it_ends_and_others_are_served() {
    for flood in FLOODS {
        let server = serve(Limits { body_time: SHORT, ..short() }).await;
        let addr = server.addr;
        let flooding = tokio::spawn(flood.run(addr, PATIENCE));
        let began = Instant::now();
        let mut served = 0;
        while served == 0 || !flooding.is_finished() {
            let answer = exchange(addr, b"GET / HTTP/1.0\r\n\r\n").await;
            assert_eq!(status(&answer), "200", "{}", flood.name);
            served += 1;
        }
        let took = began.elapsed();
        println!("{}: over after {took:?}, {served} others served", flood.name);
        assert!(flooding.await.expect("no panic"), "{} has no end", flood.name);
    }
}
