//! What can be asked about a Dockerfile without building it (BuildKit's subrequests). The answer has a form for programs, and one for
//! people.

use std::collections::HashMap;
use std::fmt::Write as _;

use crate::buildkit::status::{self, Status};
use crate::engine::build::{BuildError, BuildRequest, Context, Report, check};
use crate::trace::{Warning, lint};

/// A question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// What its author should know.
    Lint,
}

impl Question {
    /// The question of this name.
    pub fn of(name: &str) -> Result<Question, Status> {
        match name {
            "frontend.lint" => Ok(Question::Lint),
            other => Err(Status::new(status::UNIMPLEMENTED, format!("unsupported request {other}"))),
        }
    }

    /// The answer, as the fields of a result.
    pub fn answer(self, request: &BuildRequest, context: &Context, report: Report<'_>) -> Result<HashMap<String, Vec<u8>>, BuildError> {
        let (json, text, failed) = match self {
            Question::Lint => {
                let warnings = check(request, context, report)?;
                (lint::encode(&warnings), told(&warnings), !warnings.is_empty())
            }
        };
        let fields = [
            ("result.json", json),
            ("result.txt", text.into_bytes()),
            ("result.statuscode", if failed { b"1".to_vec() } else { b"0".to_vec() }),
            ("version", b"1.0.0".to_vec()),
        ];
        Ok(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }
}

/// Warnings for people.
fn told(warnings: &[Warning]) -> String {
    let mut text = String::new();
    for warning in warnings {
        let (rule, message) = lint::parts(warning);
        let place = warning.source.as_ref().map_or_else(String::new, |source| format!("{}:{}\n", source.filename, source.first));
        let _ = writeln!(text, "{rule} - {}\n{message}\n{place}", warning.url);
    }
    text
}
