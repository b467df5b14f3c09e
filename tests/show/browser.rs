//! A real browser with several windows, spoken to over its debugging pipe: messages in JSON, each with a zero byte behind it.
//!
//! The shell gives Chromium our pipes as the descriptors 3 and 4, where it expects them.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// A running browser; it ends with the test.
pub struct Browser {
    process: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    count: u64,
    _profile: tempfile::TempDir,
}

/// A window of it.
pub struct Window {
    session: String,
    pub target: String,
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Browser {
    pub fn start(chromium: &Path) -> Self {
        let profile = tempfile::tempdir().expect("a folder");
        let mut process = Command::new("sh")
            .args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null"])
            .arg(chromium)
            .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars", "--remote-debugging-pipe"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            // Killed, it leaves a folder where temporary ones are.
            .env("TMPDIR", profile.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the browser starts");
        let to = process.stdin.take().expect("a pipe");
        let from = BufReader::new(process.stdout.take().expect("a pipe"));
        Browser { process, to, from, count: 0, _profile: profile }
    }

    /// Says something to the browser, or to one of its windows, and gives its answer.
    pub fn call(&mut self, window: Option<&Window>, method: &str, params: Value) -> Value {
        self.ask(window, method, params).unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    fn ask(&mut self, window: Option<&Window>, method: &str, params: Value) -> Result<Value, Value> {
        self.count += 1;
        let mut message = json!({ "id": self.count, "method": method, "params": params });
        if let Some(window) = window {
            message["sessionId"] = window.session.as_str().into();
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.to.write_all(&bytes).expect("the browser listens");
        loop {
            let mut bytes = Vec::new();
            self.from.read_until(0, &mut bytes).expect("the browser answers");
            bytes.pop();
            let answer: Value = serde_json::from_slice(&bytes).expect("an answer in JSON");
            if answer["id"] == self.count {
                return if answer["error"].is_null() { Ok(answer["result"].clone()) } else { Err(answer["error"].clone()) };
            }
        }
    }

    /// A window of its own, seen by someone.
    pub fn open(&mut self, address: &str) -> Window {
        let target = self.call(None, "Target.createTarget", json!({ "url": address, "newWindow": true, "width": 1366, "height": 768 }));
        self.attach(target["targetId"].as_str().expect("a window"))
    }

    pub fn attach(&mut self, target: &str) -> Window {
        let session = self.call(None, "Target.attachToTarget", json!({ "targetId": target, "flatten": true }));
        Window { session: session["sessionId"].as_str().expect("a session").to_owned(), target: target.to_owned() }
    }

    /// Windows whose address begins so, besides those that are known.
    pub fn others(&mut self, address: &str, known: &[&Window]) -> Vec<String> {
        let all = self.call(None, "Target.getTargets", json!({}));
        let all = all["targetInfos"].as_array().cloned().unwrap_or_default();
        let is = |target: &Value| target["url"].as_str().is_some_and(|url| url.starts_with(address));
        let ids = all.iter().filter(|target| is(target)).filter_map(|target| target["targetId"].as_str());
        ids.filter(|id| known.iter().all(|window| window.target != *id)).map(str::to_owned).collect()
    }

    /// What an expression comes to in a window.
    pub fn eval(&mut self, window: &Window, expression: &str) -> Value {
        let params = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true, "userGesture": true });
        let answer = self.call(Some(window), "Runtime.evaluate", params);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Waits until an expression is true in a window.
    pub fn until(&mut self, window: &Window, expression: &str) {
        let end = Instant::now() + Duration::from_secs(20);
        // While a page is left for another one there is nobody who could say.
        let guarded = format!("(() => {{ try {{ return !!({expression}); }} catch {{ return false; }} }})()");
        loop {
            let params = json!({ "expression": guarded, "returnByValue": true });
            if self.ask(Some(window), "Runtime.evaluate", params).is_ok_and(|answer| answer["result"]["value"] == true) {
                return;
            }
            assert!(Instant::now() < end, "in vain: {expression}: {}", self.eval(window, "location.href + ' ' + document.body.innerText"));
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Presses keys one after the other.
    pub fn press(&mut self, window: &Window, keys: &[&str]) {
        for key in keys {
            let text = if key.chars().count() == 1 { *key } else { "" };
            self.call(Some(window), "Input.dispatchKeyEvent", json!({ "type": "keyDown", "key": key, "text": text }));
            self.call(Some(window), "Input.dispatchKeyEvent", json!({ "type": "keyUp", "key": key }));
        }
    }
}
