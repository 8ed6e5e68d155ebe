//! Real files, in paused time: a look is a thread's work, which no time passes for.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use http::{Request, Response, StatusCode};
use tower::{Layer, Service, ServiceExt, service_fn};

use super::*;
use crate::call::{BoxError, CallFacts, Idempotency, Origin};
use crate::middleware::auth::AuthLayer;
use crate::middleware::auth::ProvideAuthorization;

const ACCOUNT: &str = "AC00000000000000000000000000000000";
const SECOND: Duration = Duration::from_secs(1);

/// A file of a test's own, removed with it.
struct Written(PathBuf);

impl Written {
    fn new(token: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("credentials-{}-{}", std::process::id(), NUMBER.fetch_add(1, Relaxed));
        let written = Self(std::env::temp_dir().join(name));
        written.rename_in(&text(token));
        written
    }

    /// As a careful writer does it.
    fn rename_in(&self, text: &str) {
        let beside = self.0.with_extension("new");
        fs::write(&beside, text).expect("a file");
        fs::rename(&beside, &self.0).expect("a file");
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn text(token: &str) -> String {
    format!("TWILIO_ACCOUNT_SID={ACCOUNT}\nTWILIO_AUTH_TOKEN={token}\n")
}

fn header(token: &str) -> String {
    let credentials = Credentials::auth_token(ACCOUNT.parse().expect("a SID"), token.to_owned());
    let header = credentials.authorization().expect("some").header().clone();
    header.to_str().expect("text").to_owned()
}

/// One call: what it was sent with.
async fn call(file: &FileCredentials, status: u16) -> (String, bool) {
    let origin = Origin::of(&"https://api.test/".parse().expect("a URL")).expect("an origin");
    let api = service_fn(move |request: Request<()>| async move {
        // So that what goes on meanwhile has the time that it takes.
        tokio::time::sleep(SECOND).await;
        let mut response = Response::new(request.headers().get("authorization").cloned());
        *response.status_mut() = StatusCode::from_u16(status)?;
        Ok::<_, BoxError>(response)
    });
    let facts = Arc::new(CallFacts::new("test", Idempotency::Safe));
    let mut request = Request::get("https://api.test/").body(()).expect("a request");
    request.extensions_mut().insert(Arc::clone(&facts));
    let mut stack = AuthLayer::from_provider(file.clone(), [origin]).layer(api);
    let sent = stack.ready().await.expect("ready").call(request).await.expect("sent");
    let sent = sent.into_body().expect("a header").to_str().expect("text").to_owned();
    (sent, facts.take_stale_credentials())
}

#[tokio::test(start_paused = true)]
async fn a_file_that_was_replaced_is_read_within_the_time_between_looks() {
    let written = Written::new("first");
    let file = FileCredentials::open(&written.0).expect("credentials");
    assert_eq!(
        ProvideAuthorization::account(&file).map(|sid| sid.to_string()),
        Some(ACCOUNT.into())
    );
    written.rename_in(&text("s3cond"));
    assert_eq!(call(&file, 200).await.0, header("first"), "not looked at yet");
    tokio::time::advance(SECOND * 9).await;
    assert_eq!(call(&file, 200).await.0, header("first"), "looked at meanwhile");
    assert_eq!(call(&file, 200).await.0, header("s3cond"));
}

#[tokio::test(start_paused = true)]
async fn what_is_no_file_with_credentials_changes_nothing_and_is_reported() {
    let written = Written::new("first");
    let file = FileCredentials::open(&written.0).expect("credentials").check_every(SECOND * 5);
    type Spoil = fn(&Written);
    let spoils: [(Spoil, &str); 4] = [
        (|it| it.rename_in("TWILIO_ACCOUNT_SID"), "line 1 is no KEY=value"),
        (
            |it| it.rename_in(&format!("TWILIO_ACCOUNT_SID={ACCOUNT}\n")),
            "TWILIO_AUTH_TOKEN is not set",
        ),
        (|it| it.rename_in(&text(&"s3cret".repeat(20_000))), "the file is too large"),
        (|it| fs::remove_file(&it.0).expect("a file"), "the file can't be read: entity not found"),
    ];
    for (spoil, said) in spoils {
        spoil(&written);
        for _ in 0..8 {
            assert_eq!(call(&file, 200).await.0, header("first"));
        }
        let problem = file.status().problem.expect("a problem");
        assert!(problem.contains(said) && !problem.contains("s3cret"), "{problem}");
        assert!(file.status().failures > 0);
    }
    written.rename_in(&text("s3cond"));
    for _ in 0..8 {
        call(&file, 200).await;
    }
    assert_eq!(call(&file, 200).await.0, header("s3cond"));
    assert_eq!((file.status().failures, file.status().problem), (0, None));
}

/// Same length, same time, same inode: only a look at the content tells.
#[tokio::test(start_paused = true)]
async fn a_401_has_it_read_whatever_its_time_says() {
    let written = Written::new("first");
    let file = FileCredentials::open(&written.0).expect("credentials");
    let modified = fs::metadata(&written.0).and_then(|it| it.modified()).expect("a time");
    assert_eq!(call(&file, 401).await, (header("first"), false), "it holds no others");
    tokio::time::advance(SECOND * 10).await;
    fs::write(&written.0, text("other")).expect("a file");
    fs::File::options()
        .write(true)
        .open(&written.0)
        .and_then(|it| it.set_modified(modified))
        .expect("a time");
    assert_eq!(call(&file, 200).await.0, header("first"));
    assert_eq!(call(&file, 200).await.0, header("first"), "it looks as it was");
    assert_eq!(call(&file, 401).await, (header("first"), true), "there are others");
    assert_eq!(call(&file, 200).await.0, header("other"));
}

#[test]
fn a_mistake_shows_at_the_start() {
    let written = Written::new("");
    let error = FileCredentials::open(&written.0).expect_err("no token");
    assert_eq!(error.to_string(), "TWILIO_AUTH_TOKEN is not set");
    let missing = written.0.with_extension("missing");
    let error = FileCredentials::open(missing).expect_err("no file");
    assert_eq!(error.to_string(), "the file can't be read: entity not found");
    assert!(FileCredentials::open(std::env::temp_dir()).is_err());
}

#[cfg(unix)]
#[test]
fn a_file_that_others_may_read_is_told_from_one_that_is_the_owners() {
    use std::os::unix::fs::PermissionsExt as _;
    let written = Written::new("first");
    for (mode, open) in [(0o600, false), (0o400, false), (0o640, true), (0o604, true)] {
        fs::set_permissions(&written.0, fs::Permissions::from_mode(mode)).expect("a mode");
        let Ok(Found::Changed { is_open, .. }) = read(&written.0, None) else { panic!("{mode:o}") };
        assert_eq!(is_open, open, "{mode:o}");
    }
    // A privileged user reads it all the same; nobody else gets further.
    let shown = format!("{:?}", FileCredentials::open(&written.0));
    assert!(!shown.contains("first"), "{shown}");
}
