//! What the author of a Dockerfile should know though it can be built: BuildKit's rules under BuildKit's names, in the order in which
//! BuildKit finds them.
//!
//! `syntax` has the rules about the text alone, `steps` those that need to know what a stage is at a step; `options` reads which rules
//! are wanted. Stops no build by itself: whoever builds asks `error`.

mod options;
mod steps;
mod syntax;

use std::collections::BTreeSet;

use self::options::Options;
pub use self::steps::Seen;
use super::BuildRequest;
use crate::trace::{Source, Warning};

type Lines = (usize, usize);

/// The build argument that says instead of the Dockerfile which rules are wanted.
const ARGUMENT: &str = "BUILDKIT_DOCKERFILE_CHECK";

/// Looks at one Dockerfile.
pub struct Lint {
    name: String,
    text: String,
    vertex: String,
    options: Options,
    found: Vec<Warning>,
    violated: BTreeSet<&'static str>,
}

impl Lint {
    /// For the Dockerfile `name`, which the step `vertex` has brought. The failure says what is wrong with its options.
    pub fn new(name: &str, text: &str, vertex: &str, request: &BuildRequest) -> Result<Lint, String> {
        let given = request.arguments.get(ARGUMENT).cloned().flatten();
        let options = Options::parse(given.as_deref().unwrap_or_else(|| options::directive(text)))?;
        let (name, text, vertex) = (name.to_owned(), text.to_owned(), vertex.to_owned());
        Ok(Lint { name, text, vertex, options, found: Vec::new(), violated: BTreeSet::new() })
    }

    /// The warnings since this was last asked.
    pub fn take(&mut self) -> Vec<Warning> {
        std::mem::take(&mut self.found)
    }

    /// Why the Dockerfile shall not be built, where its author wants none with warnings to be.
    pub fn error(&self) -> Option<String> {
        let rules: Vec<&str> = self.violated.iter().copied().collect();
        (self.options.error && !rules.is_empty()).then(|| format!("lint violation found for rules: {}", rules.join(", ")))
    }

    /// Where a warning is: the file and the lines.
    pub fn source(&self, lines: Lines) -> Source {
        Source { filename: self.name.clone(), text: self.text.clone(), first: lines.0, last: lines.1 }
    }

    /// The image `name` is for another platform than the one that is built for.
    pub fn platform(&mut self, name: &str, is: &str, wanted: &str, lines: Lines) {
        let message = format!("Base image {name} was pulled with platform \"{is}\", expected \"{wanted}\" for current build");
        self.add("InvalidBaseImagePlatform", &message, lines);
    }

    fn add(&mut self, rule: &'static str, message: &str, lines: Lines) {
        let here = options::comments(&self.text, lines.0);
        if !self.options.wants(rule) || here.iter().any(|comment| options::skips_here(comment, rule)) {
            return;
        }
        self.violated.insert(rule);
        let page = if rule == "InvalidBaseImagePlatform" { String::new() } else { dashed(rule) };
        self.found.push(Warning {
            vertex: self.vertex.clone(),
            level: 1,
            short: format!("{rule}: {message} (line {})", lines.0),
            detail: vec![detail(rule).to_owned()],
            url: if page.is_empty() { page } else { format!("https://docs.docker.com/go/dockerfile/rule/{page}/") },
            source: Some(self.source(lines)),
        });
    }
}

/// What the comments in front of a line say of `name`: a line that begins with it.
pub fn description(text: &str, line: usize, name: &str) -> String {
    if name.is_empty() {
        return String::new();
    }
    let said = options::comments(text, line).into_iter().find_map(|comment| comment.strip_prefix(name)?.strip_prefix(' '));
    said.unwrap_or_default().to_owned()
}

/// The names of the variables in a word.
pub fn variables(word: &str) -> Vec<&str> {
    word.match_indices('$')
        .map(|(at, _)| {
            let name = word[at + 1..].strip_prefix('{').unwrap_or(&word[at + 1..]);
            let end = name.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(name.len());
            &name[..end]
        })
        .filter(|name| !name.is_empty())
        .collect()
}

/// `JSONArgsRecommended` as `json-args-recommended`.
fn dashed(rule: &str) -> String {
    let letters: Vec<char> = rule.chars().collect();
    let mut out = String::new();
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).map(|i| letters[i]);
        let after = letters.get(at + 1);
        let begins = before.is_some_and(char::is_lowercase) || after.is_some_and(|c| c.is_lowercase());
        if at > 0 && letter.is_uppercase() && begins {
            out.push('-');
        }
        out.extend(letter.to_lowercase());
    }
    out
}

fn detail(rule: &str) -> &'static str {
    match rule {
        "StageNameCasing" => "Stage names should be lowercase",
        "FromAsCasing" => "The 'as' keyword should match the case of the 'from' keyword",
        "NoEmptyContinuation" => "Empty continuation lines will become errors in a future release",
        "ConsistentInstructionCasing" => "All commands within the Dockerfile should use the same casing (either upper or lower)",
        "DuplicateStageName" => "Stage names should be unique",
        "ReservedStageName" => "Reserved words should not be used as stage names",
        "JSONArgsRecommended" => "JSON arguments recommended for ENTRYPOINT/CMD to prevent unintended behavior related to OS signals",
        "MaintainerDeprecated" => "The MAINTAINER instruction is deprecated, use a label instead to define an image author",
        "UndefinedArgInFrom" => "FROM command must use declared ARGs",
        "UndefinedVar" => "Variables should be defined before their use",
        "WorkdirRelativePath" => {
            "Relative workdir without an absolute workdir declared within the build can have unexpected results if the base image changes"
        }
        "MultipleInstructionsDisallowed" => "Multiple instructions of the same type should not be used in the same stage",
        "LegacyKeyValueFormat" => "Legacy key/value format with whitespace separator should not be used",
        "InvalidBaseImagePlatform" => "Base image platform does not match expected target platform",
        "RedundantTargetPlatform" => "Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior",
        "SecretsUsedInArgOrEnv" => "Sensitive data should not be used in the ARG or ENV commands",
        "InvalidDefaultArgInFrom" => "Default value for global ARG results in an empty or invalid base image name",
        "FromPlatformFlagConstDisallowed" => "FROM --platform flag should not use a constant value",
        "CopyIgnoredFile" => "Attempting to Copy file that is excluded by .dockerignore",
        "InvalidDefinitionDescription" => {
            "Comment for build stage or argument should follow the format: `# <arg/stage name> <description>`. If this is not intended to \
             be a description comment, add an empty line or comment between the instruction and the comment."
        }
        "ExposeProtoCasing" => "Protocol in EXPOSE instruction should be lowercase",
        "ExposeInvalidFormat" => {
            "IP address and host-port mapping should not be used in EXPOSE instruction. This will become an error in a future release"
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::super::dockerfile::Dockerfile;
    use super::super::instruction::Plan;
    use super::*;

    fn lint(text: &str) -> Vec<String> {
        let dockerfile = Dockerfile::parse(text).unwrap();
        let plan = Plan::of(&dockerfile).unwrap();
        let mut lint = Lint::new("Dockerfile", text, "v", &BuildRequest::default()).unwrap();
        lint.nodes(&dockerfile, usize::MAX);
        lint.whole(&dockerfile, &plan, &BuildRequest::default());
        lint.take().into_iter().map(|warning| warning.short).collect()
    }

    #[test]
    fn rules_speak_with_their_line() {
        assert_eq!(
            lint("FROM a as B\nrun x\nFROM c AS b\n"),
            [
                "StageNameCasing: Stage name 'B' should be lowercase (line 1)",
                "FromAsCasing: 'as' and 'FROM' keywords' casing do not match (line 1)",
                "DuplicateStageName: Duplicate stage name \"b\", stage names should be unique (line 3)",
                "ConsistentInstructionCasing: Command 'run' should match the case of the command majority (uppercase) (line 2)",
            ]
        );
        assert_eq!(
            lint("FROM a\nMAINTAINER me\nCOPY a \\\n\n b\n"),
            [
                "NoEmptyContinuation: Empty continuation line (line 5)",
                "MaintainerDeprecated: Maintainer instruction is deprecated in favor of using label (line 2)",
            ]
        );
        assert_eq!(lint("# check=skip=MaintainerDeprecated\nFROM a\nMAINTAINER me\n"), [""; 0]);
        assert_eq!(lint("FROM a\n# check=skip=MaintainerDeprecated // it is old\nMAINTAINER me\n"), [""; 0]);
        assert_eq!(lint("arg A=1\nFROM a${A}\nCOPY a b\n"), [""; 0], "arguments in front do not count");
    }

    #[test]
    fn bases_are_looked_at() {
        assert_eq!(
            lint("FROM --platform=$BULIDPLATFORM a\n"),
            ["UndefinedArgInFrom: FROM argument 'BULIDPLATFORM' is not declared (did you mean BUILDPLATFORM?) (line 1)"]
        );
        assert_eq!(
            lint("ARG V\nFROM a:$V\n"),
            ["InvalidDefaultArgInFrom: Default value for ARG a:$V results in empty or invalid base image name (line 2)"]
        );
        assert_eq!(lint("ARG V\nFROM a${V}\nFROM a:x${V:-y}\n"), [""; 0]);
        assert_eq!(
            lint("FROM --platform=linux/amd64 a\nFROM --platform=linux/amd64 a AS amd64-one\n"),
            ["FromPlatformFlagConstDisallowed: FROM --platform flag should not use constant value \"linux/amd64\" (line 1)"]
        );
    }

    #[test]
    fn descriptions_name_what_they_describe() {
        let text = "# check=experimental=all\n# bar it is\nARG foo=1\n\n# not about it\n#\nFROM a AS base\n# base is it\nARG a b=2\n";
        assert_eq!(
            lint(text),
            [
                "InvalidDefinitionDescription: Comment for ARG should follow the format: `# foo <description>` (line 3)",
                "InvalidDefinitionDescription: Comment for ARG should follow the format: `# <arg_key> <description>` (line 9)",
            ]
        );
        assert_eq!(lint(&text.replace("# check=experimental=all", "")), [""; 0]);
    }

    #[test]
    fn an_author_can_want_no_warnings() {
        let error = |text: &str| {
            let mut lint = Lint::new("Dockerfile", text, "v", &BuildRequest::default()).expect("options");
            lint.nodes(&Dockerfile::parse(text).expect("a Dockerfile"), usize::MAX);
            lint.error()
        };
        assert_eq!(error("# check=error=true\nFROM a as b\n").as_deref(), Some("lint violation found for rules: FromAsCasing"));
        assert_eq!(error("# check=error=true;skip=FromAsCasing\nFROM a as b\n"), None);
        assert_eq!(error("FROM a as b\n"), None);
    }

    #[test]
    fn rules_have_an_address() {
        assert_eq!(dashed("JSONArgsRecommended"), "json-args-recommended");
        assert_eq!(dashed("SecretsUsedInArgOrEnv"), "secrets-used-in-arg-or-env");
    }
}
