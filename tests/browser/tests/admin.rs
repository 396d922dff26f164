//! The admin page in a real browser: with its script, by keyboard, and without any script.

use fantoccini::Locator;
use fantoccini::key::Key;

use crate::harness::{Browser, PATIENCE, Served, passes_axe, press, shows};

const KEYS: &str = "return [...document.querySelectorAll('#rows .key a')]\
    .map(link => link.textContent).join(' ')";
const DELETED: &str = "return document.getElementById('said').textContent.split('.')[0].trim()";

#[tokio::test(flavor = "multi_thread")]
async fn the_list_is_live_and_what_is_chosen_is_deleted() {
    let served = Served::start();
    let browser = Browser::start(true).await;
    let page = &browser.client;
    page.goto(&served.admin).await.expect("the page");
    shows(&browser, KEYS, "").await;
    for path in ["/a", "/b/ada", "/b/bob"] {
        served.visit(path);
    }
    let all = "api:cache::a:/a api:cache::b:/b/ada api:cache::b:/b/bob";
    shows(&browser, KEYS, all).await;
    served.redis(&["DEL", "api:cache::a:/a"]);
    shows(&browser, KEYS, "api:cache::b:/b/ada api:cache::b:/b/bob").await;

    let filter = page.find(Locator::Css("#q")).await.expect("the filter");
    filter.send_keys("bob").await.expect("typing");
    shows(&browser, KEYS, "api:cache::b:/b/bob").await;
    press(&browser, "#rows input[type=checkbox]").await;
    shows(&browser, "return document.getElementById('delete').textContent", "Delete 1 selected")
        .await;
    // What is chosen outlives the page's news, which come once a second.
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    let checked = "return String(document.querySelector('#rows input').checked)";
    shows(&browser, checked, "true").await;
    press(&browser, "#delete").await;
    shows(&browser, KEYS, "").await;
    assert_eq!(served.redis(&["KEYS", "*"]), "api:cache::b:/b/ada");
    assert!(served.visit("/b/bob").contains("fwd=uri-miss"));
    assert!(served.visit("/b/ada").contains("hit"));
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_match_are_deleted_and_no_other() {
    let served = Served::start();
    let browser = Browser::start(true).await;
    for path in ["/a", "/b/ada", "/b/bob"] {
        served.visit(path);
    }
    let page = &browser.client;
    page.goto(&served.admin).await.expect("the page");
    // What the button says is what it would delete, open or not, at once.
    let button = "return document.querySelector('#whole button').textContent";
    shows(&browser, button, "Delete all keys, on every page").await;
    press(&browser, "#whole summary").await;
    page.find(Locator::Css("#q")).await.expect("it").send_keys("b:/b").await.expect("typing");
    let now = page.execute(button, Vec::new()).await.expect("the button");
    assert_eq!(now, "Delete all that match, on every page");
    shows(&browser, KEYS, "api:cache::b:/b/ada api:cache::b:/b/bob").await;
    press(&browser, "#whole button").await;
    shows(&browser, DELETED, "2 keys deleted").await;
    // It stays to be read, past the next news.
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    shows(&browser, DELETED, "2 keys deleted").await;
    assert_eq!(served.redis(&["KEYS", "*"]), "api:cache::a:/a");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_ended_is_told_with_the_way_to_another() {
    let served = Served::with_token("open-sesame-0123");
    let browser = Browser::start(true).await;
    let page = &browser.client;
    page.goto(&served.admin).await.expect("the page");
    let token = page.find(Locator::Css("#token")).await.expect("the login");
    token.send_keys("open-sesame-0123\n").await.expect("typing");
    let list = Locator::Css("form[action='/logout']");
    page.wait().for_element(list).await.expect("the page behind the login");
    let log_out = "const form = document.querySelector('form[action=\"/logout\"]');\
        fetch('/logout', { method: 'POST', body: new URLSearchParams(new FormData(form)) })";
    page.execute(log_out, Vec::new()).await.expect("elsewhere");
    let said = "return document.getElementById('said').textContent";
    shows(&browser, said, "The login has ended. Log in again.").await;
    press(&browser, "#said a").await;
    page.wait().for_element(Locator::Css("#token")).await.expect("the login");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keyboard_is_enough() {
    let served = Served::start();
    served.visit("/a");
    let browser = Browser::start(true).await;
    let page = &browser.client;
    page.goto(&served.admin).await.expect("the page");
    shows(&browser, KEYS, "api:cache::a:/a").await;
    let focus = "const at = document.activeElement; return at.name || at.id || at.tagName";
    for wanted in ["key", "what"] {
        for steps in 0.. {
            assert!(steps < 40, "tab does not reach {wanted}");
            let at = page.active_element().await.expect("something focused");
            at.send_keys(&Key::Tab.to_string()).await.expect("tab");
            let now = page.execute(focus, Vec::new()).await.expect("the focus");
            if now == wanted {
                break;
            }
        }
        let at = page.active_element().await.expect("it");
        at.send_keys(" ").await.expect("space");
    }
    shows(&browser, KEYS, "").await;
    assert_eq!(served.redis(&["KEYS", "*"]), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_works_without_a_script() {
    let served = Served::start();
    for path in ["/a", "/b/ada", "/b/bob"] {
        served.visit(path);
    }
    let browser = Browser::start(false).await;
    let page = &browser.client;
    page.goto(&served.admin).await.expect("the page");
    page.find(Locator::Css("#q")).await.expect("it").send_keys("ada").await.expect("typing");
    press(&browser, "#filter button").await;
    let rows = "return String(document.querySelectorAll('#rows tr').length)";
    shows(&browser, rows, "1").await;
    press(&browser, "#rows .key a").await;
    shows(&browser, "return document.body.innerText.includes('hi ada')", "true").await;
    press(&browser, "main form button").await;
    shows(&browser, DELETED, "1 key deleted").await;
    assert!(!served.redis(&["KEYS", "*"]).contains("ada"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_markup_runs_nowhere() {
    let served = Served::start();
    let key =
        "api:cache::x:<script>document.title='pwned'</script><img src=x onerror=\"alert(1)\">";
    served.redis(&["SET", key, "<script>document.title='pwned'</script>"]);
    let browser = Browser::start(true).await;
    let page = &browser.client;
    page.goto(&served.admin).await.expect("the page");
    shows(&browser, KEYS, key).await;
    // Past the next news, which show it once more.
    tokio::time::sleep(std::time::Duration::from_millis(1200)).await;
    shows(&browser, KEYS, key).await;
    press(&browser, "#rows .key a").await;
    shows(&browser, "return document.querySelector('h1').textContent", key).await;
    assert_ne!(page.title().await.expect("a title"), "pwned");
    press(&browser, "main form button").await;
    shows(&browser, DELETED, "1 key deleted").await;
    assert_eq!(served.redis(&["KEYS", "*"]), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn axe_finds_nothing() {
    let served = Served::start();
    served.visit("/a");
    let browser = Browser::start(true).await;
    for path in ["/", "/key?key=api:cache::a:/a", "/?q=nothing"] {
        browser.client.goto(&format!("{}{path}", served.admin)).await.expect("the page");
        passes_axe(&browser, path).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn swagger_ui_tries_an_address_out() {
    let served = Served::start();
    let browser = Browser::start(true).await;
    let page = &browser.client;
    page.goto(&format!("http://{}/docs/", served.site)).await.expect("the page");
    let wait = async |css: &'static str| {
        page.wait().at_most(PATIENCE).for_element(Locator::Css(css)).await.expect(css)
    };
    wait("#operations-default-b .opblock-summary-control").await.click().await.expect("opening");
    wait("#operations-default-b input").await.send_keys("ada").await.expect("typing");
    wait("#operations-default-b button.execute").await.click().await.expect("executing");
    let body = "const code = document.querySelector('.responses-inner .highlight-code');\
        return code ? code.textContent.includes('hi ada') : false";
    shows(&browser, body, "true").await;
    assert_eq!(served.redis(&["KEYS", "*"]), "api:cache::b:/b/ada");
}
