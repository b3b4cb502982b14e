//! Input from outside: no input makes the command panic, and no response is read
//! without a limit.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::ffi::OsStringExt;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::Test;
use crate::command::{CHECK, Folder, Ran};
use crate::echo;

pub(crate) const TESTS: &[Test] = sandbox::scenarios![
    no_input_panics,
    no_byte_of_the_environment_panics,
    aws_has_a_limit,
    a_response_of_aws_that_cannot_be_read,
    a_pipe_has_a_limit,
    an_unusable_proxy_is_named,
];

fn pairs(variables: &[(&str, &str)]) -> Vec<(String, String)> {
    let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    variables.iter().map(pair).collect()
}

/// A panic is reported as a bug, with exit code 1.
fn assert_no_defect(ran: &Ran, what: &str) {
    let all = format!("{}{}", ran.out, ran.error);
    assert!(
        [0, 2, 3, 4].contains(&ran.code),
        "{what}: exit code {}\n{all}",
        ran.code
    );
    assert!(!all.contains("Bug in ") && !all.contains("panicked"), "{what}: {all}");
}

fn no_input_panics() {
    let url = echo::start();
    let aws = pairs(&[
        ("AWS_ENDPOINT_URL", &url),
        ("AWS_ACCESS_KEY_ID", "an-access-key"),
        ("AWS_SECRET_ACCESS_KEY", "another-key"),
    ]);
    let folder = Folder::new();
    folder.write("kubeconfig", "current-context: c\n");
    for more in [
        &["--timeout", "400000000000y"][..],
        &["--timeout", "1ns"],
        &["--timeout", "584542046090y 7months"],
        &["--timeout", "🕐"],
        &["--profile", "p\u{301}\n"],
        &["--profile", ""],
        &[
            "--assume-role-arn",
            "arn:aws:iam::123456789012:role/é",
            "--external-id",
            "\u{1}",
        ],
        &["--oidc-issuer", "https://[::1"],
        &["--oidc-issuer", "https://é\u{7f}/"],
        &["--orchestrator-cidr", "0.0.0.0/99"],
        &["--kubeconfig", "kubeconfig", "--context", "é"],
        &["--web-identity-token-file", "/dev/null", "--as", "runner"],
    ] {
        let arguments = [CHECK, more].concat();
        assert_no_defect(&folder.run_with(&arguments, &aws), &format!("{more:?}"));
    }
    for api_url in [
        "http://",
        "http://[::1]:99999",
        "http://é",
        "http://a b",
        "http://%",
        "a://b",
        "http://x:y@z",
        "http://.",
        "http://0",
    ] {
        let arguments = [
            "check",
            "--runner",
            "../é\u{1}",
            "--org",
            "my-org",
            "--api-url",
            api_url,
        ];
        let token = pairs(&[
            ("HUMANITEC_AUTH_TOKEN", "t0ken-of-mine"),
            ("TF_APPEND_USER_AGENT", "é\r\nX: y"),
        ]);
        let ran = folder.run_with(&arguments, &token);
        assert!(
            !ran.error.contains("Bug in ") && ran.code != 101,
            "{api_url}: {}",
            ran.error
        );
    }
}

fn no_byte_of_the_environment_panics() {
    let url = echo::start();
    // Each variable on a thread of its own: a run that waits for a timeout costs no processor.
    thread::scope(|scope| {
        for name in [
            "HTTPS_PROXY",
            "NO_PROXY",
            "AWS_PROFILE",
            "AWS_REGION",
            "AWS_ACCESS_KEY_ID",
            "AWS_SESSION_TOKEN",
            "AWS_CA_BUNDLE",
            "AWS_CONFIG_FILE",
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        ] {
            let url = &url;
            scope.spawn(move || odd_values(name, url));
        }
    });
}

/// Sets a variable to invalid values.
fn odd_values(name: &str, url: &str) {
    let values = [&b"\xff\xfe"[..], b"\x01", "🔑\u{202e}".as_bytes(), b"http://["];
    for value in values {
        let folder = Folder::new();
        let mut command = folder.command(&[CHECK, &["--timeout", "2s"]].concat());
        command
            .env("AWS_ENDPOINT_URL", url)
            .env("AWS_ACCESS_KEY_ID", "an-access-key")
            .env("AWS_SECRET_ACCESS_KEY", "another-key")
            .env(name, std::ffi::OsString::from_vec(value.to_vec()));
        let output = command.output().expect("it starts");
        let text = String::from_utf8_lossy(&output.stderr);
        let code = output.status.code();
        assert!(matches!(code, Some(0 | 2 | 3 | 4)), "{name} {value:?}: {code:?} {text}");
    }
}

/// Starts a server whose responses never end. Returns its URL.
fn endless() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("its address"));
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let _ = stream.read(&mut [0; 4096]);
                let head = "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nTransfer-Encoding: chunked\r\n\r\n";
                let _ = stream.write_all(head.as_bytes());
                let chunk = [b"10000\r\n", vec![b' '; 1 << 16].as_slice(), b"\r\n"].concat();
                // It ends when the client goes away.
                while stream.write_all(&chunk).is_ok() {}
            });
        }
    });
    url
}

fn aws_has_a_limit() {
    let url = endless();
    let variables = pairs(&[
        ("AWS_ENDPOINT_URL", &url),
        ("AWS_ACCESS_KEY_ID", "an-access-key"),
        ("AWS_SECRET_ACCESS_KEY", "another-key"),
    ]);
    let start = Instant::now();
    let ran = Folder::new().run_with(&[CHECK, &["--timeout", "60s"]].concat(), &variables);
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
    assert_no_defect(&ran, "an endless response");
    assert!(ran.out.contains("the response is larger than 4 MiB"), "{}", ran.out);
    // The response of a container's credentials service has the same limit.
    let container = pairs(&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", &url)]);
    let ran = Folder::new().run_with(&[CHECK, &["--timeout", "60s"]].concat(), &container);
    assert_no_defect(&ran, "an endless response with credentials");
    assert!(ran.out.contains("larger than 4 MiB"), "{}", ran.out);
}

/// Starts a server that always responds with this header and this body. Returns its URL.
fn fixed(header: &'static str, body: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("its address"));
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let length = body.len();
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n{header}Content-Length: {length}\r\nConnection: close\r\n\r\n"
            );
            let _ = stream.write_all(&[head.as_bytes(), body].concat());
        }
    });
    url
}

fn a_response_of_aws_that_cannot_be_read() {
    for (header, body, reason) in [
        (
            "Content-Encoding: gzip\r\n",
            &b"\x1f\x8b\x08"[..],
            "the response has the content encoding \"gzip\", which is not supported",
        ),
        ("", b"<A>\xff</A>", "the response cannot be read: "),
    ] {
        let url = fixed(header, body);
        let variables = pairs(&[
            ("AWS_ENDPOINT_URL", &url),
            ("AWS_ACCESS_KEY_ID", "an-access-key"),
            ("AWS_SECRET_ACCESS_KEY", "another-key"),
        ]);
        let ran = Folder::new().run_with(CHECK, &variables);
        assert_no_defect(&ran, reason);
        assert_eq!(ran.code, 4, "{}", ran.out);
        assert!(ran.out.contains(reason), "{}", ran.out);
        // No text for the developers of the SDK.
        assert!(!ran.out.contains("Unhandled"), "{}", ran.out);
    }
}

/// Nobody writes to the pipe. The command still ends at its time limit.
fn a_pipe_has_a_limit() {
    let folder = Folder::new();
    let pipe = folder.path().join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo").success());
    let keys = pairs(&[
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ("AWS_ACCESS_KEY_ID", "an-access-key"),
        ("AWS_SECRET_ACCESS_KEY", "another-key"),
    ]);
    for (option, identity) in [("--kubeconfig", "caller"), ("--web-identity-token-file", "runner")] {
        let more = ["--timeout", "2s", "--as", identity, option, "pipe"];
        let start = Instant::now();
        let ran = folder.run_with(&[CHECK, &more].concat(), &keys);
        let took = start.elapsed();
        assert!(took < Duration::from_secs(15), "{option}: {took:?}");
        assert_no_defect(&ran, option);
        assert_eq!(ran.code, 4, "{option}: {}{}", ran.out, ran.error);
    }
}

fn an_unusable_proxy_is_named() {
    let keys = pairs(&[
        ("AWS_ACCESS_KEY_ID", "an-access-key"),
        ("AWS_SECRET_ACCESS_KEY", "another-key"),
    ]);
    for (name, value, problem) in [
        ("HTTPS_PROXY", "ftp://proxy", "is not supported; use http or https"),
        ("https_proxy", "http://a b", "its value contains a space"),
        ("ALL_PROXY", "socks5://proxy:1080", "is not supported"),
    ] {
        // The variable for the URL of each call counts.
        let excepted = pairs(&[(name, value), ("NO_PROXY", "sts.amazonaws.com")]);
        let variables = [keys.clone(), excepted].concat();
        let ran = Folder::new().run_with(CHECK, &variables);
        let expected = format!("the environment variable {name} cannot be used as a proxy: ");
        assert!(ran.out.contains(&expected) && ran.out.contains(problem), "{}", ran.out);
        assert_no_defect(&ran, name);
    }
    let endpoint = pairs(&[
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ("HTTP_PROXY", "ftp://proxy"),
    ]);
    let ran = Folder::new().run_with(CHECK, &[keys, endpoint].concat());
    let expected = "the environment variable HTTP_PROXY cannot be used as a proxy: ";
    assert!(ran.out.contains(expected), "{}", ran.out);
}
