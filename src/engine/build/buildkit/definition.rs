//! The Dockerfile of a build: fetched, read into a plan, and the failures of a build with the lines that they are about.

use super::tracer::{Throttle, Tracer};
use crate::build::BuildRequest;
use crate::build::context::Context;
use crate::build::dockerfile::{Dockerfile, ParseError};
use crate::build::instruction::Plan;
use crate::build::lint::Lint;
use crate::build::report::BuildError;

/// A Dockerfile as it is written.
pub struct Definition {
    /// Its name without the folders above it.
    name: String,
    pub text: String,
    /// The step that brought it.
    vertex: String,
}

impl Definition {
    /// Brings it.
    pub fn fetch(request: &BuildRequest, context: &Context, tracer: &Tracer<'_>) -> Result<Definition, BuildError> {
        let path = context.dockerfile_name(&request.dockerfile);
        let name = path.rsplit('/').next().unwrap_or(&path).to_owned();
        let step = tracer.start_own(&format!("[internal] load build definition from {name}"), Vec::new());
        let throttle = Throttle::new();
        let progress = |bytes| {
            if throttle.passes() {
                step.part("transferring dockerfile:", bytes, 0);
            }
        };
        let bytes = match context.fetch_definition(&path, &progress) {
            Ok(bytes) => bytes,
            Err(e) => {
                step.failed(&e.message);
                return Err(e);
            }
        };
        step.part_done("transferring dockerfile:", bytes, 0);
        let vertex = step.digest().to_owned();
        step.done();
        Ok(Definition { name, text: context.definition(&path)?, vertex })
    }

    /// Who looks at it.
    pub fn lint(&self, request: &BuildRequest) -> Result<Lint, BuildError> {
        Lint::new(&self.name, &self.text, &self.vertex, request).map_err(BuildError::invalid)
    }

    /// Reads it.
    pub fn plan(&self, request: &BuildRequest, lint: &mut Lint) -> Result<Plan, BuildError> {
        let located = |e: ParseError| {
            let known = e.message.starts_with("dockerfile parse error") || e.lines.0 == 0;
            let message = if known { e.message } else { format!("dockerfile parse error on line {}: {}", e.lines.0, e.message) };
            BuildError::invalid(message).at(e.lines)
        };
        if self.text.trim().is_empty() {
            return Err(BuildError::invalid("the Dockerfile cannot be empty"));
        }
        let dockerfile = Dockerfile::parse(&self.text).map_err(|e| match e.message.as_str() {
            "file with no instructions" => BuildError::invalid(e.message),
            _ => located(e),
        })?;
        let plan = Plan::of(&dockerfile);
        lint.nodes(&dockerfile, plan.as_ref().err().map_or(usize::MAX, |e| e.lines.0));
        let mut plan = plan.map_err(located)?;
        if plan.stages.is_empty() {
            return Err(BuildError::invalid("dockerfile contains no stages to build"));
        }
        lint.whole(&dockerfile, &plan, request);
        plan.aim(&request.target).map_err(|why| BuildError::invalid(format!("{why}{}", plan.hint(&request.target))))?;
        Ok(plan)
    }

    /// A failure with the text of the lines that it is about.
    pub fn located(&self, failure: BuildError) -> BuildError {
        failure.with_source(&self.name, &self.text)
    }
}
