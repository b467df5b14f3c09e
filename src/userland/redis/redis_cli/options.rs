//! The client's command line.

use std::io::IsTerminal;
use std::time::Duration;

use super::{super::Bytes, format::Look};

pub const USAGE: &str = "Usage: redis-cli [OPTIONS] [cmd [arg [arg ...]]]
  -h <hostname>      Server hostname (default: 127.0.0.1).
  -p <port>          Server port (default: 6379).
  -a <password>      Password to use when connecting to the server.
                     You can also use the REDISCLI_AUTH environment variable.
  --user <username>  Used to send ACL style 'AUTH username pass'. Needs -a.
  --pass <password>  Alias of -a.
  -u <uri>           Server URI: redis://user:password@host:port/dbnum
  -r <repeat>        Execute specified command N times, -1 for ever.
  -i <interval>      With -r, wait <interval> seconds between commands.
  -n <db>            Database number.
  -2, -3             Start session in RESP2 or RESP3 protocol mode.
  -x                 Read last argument from STDIN.
  -e                 Return exit error code when command execution fails.
  --raw, --no-raw    Show replies for programs, or for people, whatever the output is.
  --csv              Output in CSV format.
  --scan             List all keys, with --pattern and --count.
  --pipe             Transfer raw Redis protocol from stdin to server.
  --no-auth-warning  Say nothing about a password on the command line.
  --help             Output this help and exit.
  --version          Output version and exit.";

/// What is to be done.
#[derive(Debug)]
pub struct Options {
    pub host: String,
    pub port: u16,
    pub user: Option<String>,
    pub password: Option<String>,
    pub database: i64,
    pub three: Option<bool>,
    pub repeat: i64,
    pub interval: Duration,
    pub look: Look,
    pub last_from_input: bool,
    pub tells_errors: bool,
    pub pipe: bool,
    pub scan: bool,
    pub pattern: Option<String>,
    pub count: Option<String>,
    pub words: Vec<Bytes>,
    quiet: bool,
    on_command_line: bool,
}

/// What the command line asks for.
pub enum Asked {
    Version,
    Help,
    Run(Box<Options>),
}

/// Text of an address with its `%41`s put in.
fn plain(text: &str) -> String {
    let mut out = vec![];
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        let number = after.get(..2).and_then(|two| std::str::from_utf8(two).ok()).and_then(|two| u8::from_str_radix(two, 16).ok());
        rest = match (byte, number) {
            (b'%', Some(number)) => {
                out.push(number);
                &after[2..]
            }
            _ => {
                out.push(*byte);
                after
            }
        };
    }
    String::from_utf8_lossy(&out).into_owned()
}

impl Options {
    fn address(&mut self, text: &str) -> Result<(), String> {
        let rest = text.strip_prefix("redis://").ok_or("Invalid URI scheme")?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let place = match authority.rsplit_once('@') {
            Some((who, place)) => {
                let (user, password) = who.split_once(':').map_or((None, who), |(user, password)| (Some(user), password));
                self.user = user.filter(|user| !user.is_empty()).map(plain);
                self.password = Some(plain(password));
                self.on_command_line = true;
                place
            }
            None => authority,
        };
        let (host, port) = place.rsplit_once(':').unwrap_or((place, "6379"));
        if !host.is_empty() {
            host.clone_into(&mut self.host);
        }
        self.port = port.parse().map_err(|_| "Invalid port")?;
        if !path.is_empty() {
            self.database = path.parse().map_err(|_| "Invalid database number")?;
        }
        Ok(())
    }

    /// What is said about a password that everyone may see.
    pub fn warning(&self) -> Option<&'static str> {
        (self.on_command_line && !self.quiet)
            .then_some("Warning: Using a password with '-a' or '-u' option on the command line interface may not be safe.")
    }

    pub fn read(words: Vec<Bytes>) -> Result<Asked, String> {
        let look = if std::io::stdout().is_terminal() { Look::People } else { Look::Raw };
        let mut options = Options {
            host: "127.0.0.1".to_owned(),
            port: 6379,
            user: None,
            password: std::env::var("REDISCLI_AUTH").ok(),
            database: 0,
            three: None,
            repeat: 1,
            interval: Duration::ZERO,
            look,
            last_from_input: false,
            tells_errors: false,
            pipe: false,
            scan: false,
            pattern: None,
            count: None,
            words: vec![],
            quiet: false,
            on_command_line: false,
        };
        let mut rest = words.into_iter();
        while let Some(word) = rest.next() {
            let name = String::from_utf8_lossy(&word).into_owned();
            if !name.starts_with('-') {
                options.words.push(word);
                options.words.extend(rest);
                break;
            }
            let bad = || format!("Unrecognized option or bad number of args for: '{name}'");
            let mut value = || rest.next().map(|word| String::from_utf8_lossy(&word).into_owned()).ok_or_else(bad);
            let number = |text: String| text.parse::<i64>().map_err(|_| bad());
            match name.as_str() {
                "-h" => match value() {
                    Ok(host) => options.host = host,
                    Err(_) => return Ok(Asked::Help),
                },
                "--help" => return Ok(Asked::Help),
                "-v" | "--version" => return Ok(Asked::Version),
                "-p" => options.port = value()?.parse().map_err(|_| "Invalid server port.")?,
                "-a" | "--pass" => {
                    options.password = Some(value()?);
                    options.on_command_line = true;
                }
                "--user" => options.user = Some(value()?),
                "-u" => {
                    let text = value()?;
                    options.address(&text)?;
                }
                "-n" => options.database = number(value()?)?,
                "-r" => options.repeat = number(value()?)?,
                "-i" => {
                    options.interval =
                        value()?.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).ok_or_else(bad)?
                }
                "-2" => options.three = Some(false),
                "-3" => options.three = Some(true),
                "-x" => options.last_from_input = true,
                "-e" => options.tells_errors = true,
                "--raw" => options.look = Look::Raw,
                "--no-raw" => options.look = Look::People,
                "--csv" => options.look = Look::Csv,
                "--pipe" => options.pipe = true,
                "--scan" => options.scan = true,
                "--pattern" => options.pattern = Some(value()?),
                "--count" => options.count = Some(value()?),
                "--no-auth-warning" => options.quiet = true,
                _ => return Err(bad()),
            }
        }
        Ok(Asked::Run(Box::new(options)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_it_all() {
        let words = ["-u", "redis://me:s%40cret@there:7000/3", "GET", "-a"].map(|word| word.as_bytes().to_vec()).to_vec();
        let Ok(Asked::Run(options)) = Options::read(words) else { panic!("not understood") };
        assert_eq!((options.host.as_str(), options.port, options.database), ("there", 7000, 3));
        assert_eq!((options.user.as_deref(), options.password.as_deref()), (Some("me"), Some("s@cret")));
        assert_eq!(options.words, [b"GET".to_vec(), b"-a".to_vec()]);
        assert!(Options::read(vec![b"--nosuch".to_vec()]).is_err());
    }
}
