//! The keys file is read again while the gateway runs.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use http::{Request, StatusCode, Version};
use http_body_util::BodyExt;
use tokio::process::Command;
use tower::{ServiceBuilder, ServiceExt};
use tower_hmac_auth::{KeyPair, SignLayer};

use super::{
    harness::{Body, Gateway, command, no_body, within},
    keys::{KeyFile, ask, knows},
};
use crate::common::loopback::client;

/// More than three of the gateway's polls.
const SOME_POLLS: Duration = Duration::from_millis(3500);

/// Moves a new file to the name of the old one.
fn move_into_place(path: &Path, content: &[u8]) {
    let new = path.with_extension("new");
    fs::write(&new, content).unwrap();
    fs::rename(new, path).unwrap();
}

fn rewrite_in_place(path: &Path, content: &[u8]) {
    let before = fs::metadata(path).unwrap().ino();
    fs::write(path, content).unwrap();
    assert_eq!(fs::metadata(path).unwrap().ino(), before);
}

/// The next line that is not of a request.
async fn said_of_keys(gateway: &mut Gateway) -> String {
    loop {
        let line = gateway.log_line().await;
        if !line.starts_with("GET ") {
            return line;
        }
    }
}

async fn does_not_know(gateway: &Gateway, id: &str, secret: &[u8]) {
    let response = ask(gateway, id, secret).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{id}");
}

#[tokio::test]
async fn a_file_that_changes_is_read_again_whether_moved_into_place_or_rewritten() {
    for change in [move_into_place, rewrite_in_place] {
        let file = KeyFile::new("", b"stays:a secret\ngoes:another\n");
        let mut gateway = Gateway::from_command(file.command()).await;
        knows(&gateway, "goes", b"another").await;

        change(&file.0, b"stays:a secret\ncomes:a third\nand:a fourth\n");
        let said = said_of_keys(&mut gateway).await;
        assert_eq!(said, "keys: 3 read (2 added, 1 removed)");
        knows(&gateway, "stays", b"a secret").await;
        knows(&gateway, "comes", b"a third").await;
        does_not_know(&gateway, "goes", b"another").await;

        // A new secret for the same id, in a file of the same size.
        change(&file.0, b"stays:b secret\ncomes:a third\nand:a fourth\n");
        let said = said_of_keys(&mut gateway).await;
        assert_eq!(said, "keys: 3 read (0 added, 0 removed)");
        knows(&gateway, "stays", b"b secret").await;
        does_not_know(&gateway, "stays", b"a secret").await;
    }
}

#[tokio::test]
async fn a_file_that_is_still_being_written_is_not_read() {
    // The gateway may take a file that nothing was written to for a second. If this machine is so
    // busy that the writes were further apart, the attempt says nothing.
    for _attempt in 0..10 {
        let file = KeyFile::new("", b"first:a secret\n");
        let mut gateway = Gateway::from_command(file.command()).await;
        let began = Instant::now();
        let (mut content, mut last, mut longest) = (String::new(), began, Duration::ZERO);
        let mut count = 0;
        while began.elapsed() < SOME_POLLS {
            content.push_str(&format!("{count}:a secret\n"));
            count += 1;
            fs::write(&file.0, &content).unwrap();
            longest = longest.max(last.elapsed());
            last = Instant::now();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let said = said_of_keys(&mut gateway).await;
        if longest < Duration::from_millis(500) {
            assert_eq!(
                said,
                format!("keys: {count} read ({count} added, 1 removed)")
            );
            return;
        }
    }
    panic!("this machine is too busy");
}

#[tokio::test]
async fn sighup_reads_the_file_at_once_even_if_it_has_not_changed() {
    let file = KeyFile::new("", b"a:a secret\n");
    let mut gateway = Gateway::from_command(file.command()).await;
    for _ in 0..2 {
        gateway.signal("-HUP").await;
        let said = said_of_keys(&mut gateway).await;
        assert_eq!(said, "keys: 1 read (0 added, 0 removed)");
    }
    knows(&gateway, "a", b"a secret").await;
}

#[tokio::test]
async fn sighup_does_not_end_a_gateway_without_a_file() {
    let mut gateway = Gateway::start(&[]).await;
    gateway.signal("-HUP").await;
    let said = said_of_keys(&mut gateway).await;
    assert!(
        said.starts_with("keys: there is no file to read again"),
        "{said}"
    );
    assert_eq!(gateway.get("/").await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_file_that_is_broken_or_missing_leaves_the_keys_and_is_reported_once() {
    let file = KeyFile::new("", b"a:hush-hush\n");
    let path = file.0.display();
    let mut gateway = Gateway::from_command(file.command()).await;
    let states: [(&dyn Fn(), &str); 4] = [
        (
            &|| rewrite_in_place(&file.0, b"# comment\nb:hush-hush\nhush-hush\n"),
            ", line 3: there is no colon",
        ),
        (
            &|| rewrite_in_place(&file.0, b""),
            " has no key pair: add a line",
        ),
        (
            &|| fs::remove_file(&file.0).unwrap(),
            " cannot be read: No such file",
        ),
        (
            &|| fs::create_dir(&file.0).unwrap(),
            " is not a regular file",
        ),
    ];
    for (change, complaint) in states {
        change();
        let said = said_of_keys(&mut gateway).await;
        let expected = format!("keys: kept as they were: {path}{complaint}");
        assert!(
            said.starts_with(&expected),
            "{said:?} should be {expected:?}"
        );
        assert!(!said.contains("hush-hush"), "{said:?}");
        knows(&gateway, "a", b"hush-hush").await;
        does_not_know(&gateway, "b", b"hush-hush").await;
        // So that a second line would be there, and not that of the next state.
        tokio::time::sleep(SOME_POLLS).await;
    }
    fs::remove_dir(&file.0).unwrap();
    fs::write(&file.0, b"a:hush-hush\nb:hush-hush \n").unwrap();
    // It may be missing for long enough between the two to be reported.
    let mut said = said_of_keys(&mut gateway).await;
    if said.contains(" cannot be read: No such file") {
        said = said_of_keys(&mut gateway).await;
    }
    assert_eq!(said, "keys: 2 read (1 added, 0 removed)");
    let said = said_of_keys(&mut gateway).await;
    let expected = format!("keys: warning: {path}, line 2: the secret key begins or ends with");
    assert!(said.starts_with(&expected), "{said}");
    knows(&gateway, "b", b"hush-hush ").await;
}

#[tokio::test]
async fn keys_from_a_pipe_are_read_once() {
    let pipe = KeyFile::new("", b"");
    fs::remove_file(&pipe.0).unwrap();
    let made = within(Command::new("mkfifo").arg(&pipe.0).status()).await;
    assert!(made.unwrap().success());
    let path = pipe.0.clone();
    let writer = std::thread::spawn(move || fs::write(path, b"a:a secret\n").unwrap());
    let mut gateway = Gateway::from_command(pipe.command()).await;
    writer.join().unwrap();
    tokio::time::sleep(SOME_POLLS).await;
    gateway.signal("-HUP").await;
    let said = said_of_keys(&mut gateway).await;
    assert!(
        said.contains(" is not a regular file and cannot be read again"),
        "{said}"
    );
    knows(&gateway, "a", b"a secret").await;
}

#[tokio::test]
async fn both_secrets_of_a_key_are_accepted_and_the_log_says_which() {
    let toml = "[[keys]]\nid = 'a'\nsecret = 'new'\nprevious_secret = 'old'\n\
                [[keys]]\nid = 'b'\nsecret_base64 = 'AP8='\nprevious_secret_base64 = 'AAE='\n";
    let json = r#"{"keys": [
        {"id": "a", "secret": "new", "previous_secret": "old"},
        {"id": "b", "secret_base64": "AP8=", "previous_secret_base64": "AAE="}
    ]}"#;
    for (ending, content) in [(".toml", toml), (".json", json)] {
        let file = KeyFile::new(ending, content.as_bytes());
        let mut gateway = Gateway::from_command(file.command()).await;
        for (id, secret, field) in [
            ("a", &b"new"[..], ""),
            ("a", b"old", " secret=previous"),
            ("b", b"\x00\xff", ""),
            ("b", b"\x00\x01", " secret=previous"),
        ] {
            knows(&gateway, id, secret).await;
            let line = gateway.log_line().await;
            let end = format!(" key=\"{id}\"{field}");
            assert!(line.ends_with(&end), "{line:?} should end in {end:?}");
        }
        does_not_know(&gateway, "a", b"older").await;
    }
}

#[tokio::test]
async fn a_previous_secret_is_refused_after_it_was_removed_from_the_file() {
    let before = "[[keys]]\nid = 'a'\nsecret = 'new'\nprevious_secret = 'old'\n";
    let file = KeyFile::new(".toml", before.as_bytes());
    let mut gateway = Gateway::from_command(file.command()).await;
    knows(&gateway, "a", b"old").await;
    move_into_place(&file.0, b"[[keys]]\nid = 'a'\nsecret = 'new'\n");
    gateway.signal("-HUP").await;
    let said = said_of_keys(&mut gateway).await;
    assert_eq!(said, "keys: 1 read (0 added, 0 removed)");
    does_not_know(&gateway, "a", b"old").await;
    knows(&gateway, "a", b"new").await;
}

#[tokio::test]
async fn no_request_is_refused_while_the_file_is_read_again_50_times() {
    let file = KeyFile::new("", b"stays:a secret\n");
    let mut command = command();
    command.arg("--keys").arg(&file.0);
    let mut gateway = Gateway::from_command(command).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let keys = KeyPair::new("stays", "a secret").unwrap();
            let client = ServiceBuilder::new()
                .layer(SignLayer::new(keys))
                .service(client::<Body>(Version::HTTP_11));
            let (url, is_over) = (gateway.url("/"), Arc::clone(&is_over));
            tokio::spawn(async move {
                let mut answered = 0;
                while !is_over.load(Relaxed) {
                    let request = Request::get(&url).body(no_body()).unwrap();
                    let response = within(client.clone().oneshot(request)).await.unwrap();
                    assert_eq!(response.status(), StatusCode::OK);
                    within(response.into_body().collect()).await.unwrap();
                    answered += 1;
                }
                answered
            })
        })
        .collect();
    let contents = [&b"stays:a secret\n"[..], b"other:another\nstays:a secret\n"];
    for content in contents.iter().cycle().take(50) {
        move_into_place(&file.0, content);
        gateway.signal("-HUP").await;
        let said = said_of_keys(&mut gateway).await;
        assert!(said.starts_with("keys: "), "{said}");
        assert!(said.contains(" read ("), "{said}");
    }
    is_over.store(true, Relaxed);
    for client in clients {
        let answered: usize = within(client).await.unwrap();
        assert!(answered > 0);
    }
}
