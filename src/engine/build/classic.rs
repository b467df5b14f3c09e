//! The classic builder: one instruction after the other, an image of each. Its words, its cache and its images are those of Docker's.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::arguments::Arguments;
use super::context::Context;
use super::copying::{self, Job};
use super::expand;
use super::instruction::{Copy, Instruction, Plan, Run, Stage, Step};
use super::mounts::Mount;
use super::remotes::Remote;
use super::report::{BuildError, Cancel, Note, Report};
use super::running::{self, Command, MountSources, Mounted, Prepared};
use super::state::{State, same_config};
use super::tree::Tree;
use super::{BuildRequest, plan};
use crate::Engine;
use crate::container::{Container, Stream};
use crate::image::{DOCKER_VERSION, Digest, HistoryEntry, ImageDocument, ResolvedImage, RootFs, RunConfig, native_architecture};
use crate::patterns::Glob;

/// One build under way.
struct Classic<'a> {
    engine: &'a Arc<Engine>,
    request: &'a BuildRequest,
    context: &'a Context,
    report: Report<'a>,
    cancel: &'a Cancel,
    /// The image that each finished stage ended with, by its place and its name.
    stages: Vec<(String, Option<Digest>)>,
    /// The images to which alone the cache is held, where the request names some.
    sources: Option<Vec<Digest>>,
    /// Once a step of a stage had to be done, those after it have to be, too.
    missed: bool,
    /// The containers of the present step.
    containers: Vec<Arc<Container>>,
    steps: (usize, usize),
}

/// Where a stage is.
struct Progress {
    state: State,
    /// The image so far; none on `scratch`.
    image: Option<Digest>,
}

/// Builds as Docker's classic builder does, and gives the image's id. Must be called on a blocking thread of a tokio runtime.
pub fn build(
    engine: &Arc<Engine>,
    request: &BuildRequest,
    context: &Context,
    report: Report<'_>,
    cancel: &Cancel,
) -> Result<Digest, BuildError> {
    let (plan, _) = plan(request, context)?;
    let _content = engine.images.hold_content()?;
    let total = plan.arguments.len() + plan.stages.iter().map(|s| s.steps.len() + 1).sum::<usize>();
    // Who is not there is no source, as for Docker; a list of nobody means no cache.
    let find = |name: &String| engine.images.resolve(name, None).ok().map(|image| image.id);
    let sources = request.cache_from.as_ref().map(|names| names.iter().filter_map(find).collect());
    let (stages, containers) = (Vec::new(), Vec::new());
    let mut build = Classic { engine, request, context, report, cancel, stages, sources, missed: false, containers, steps: (0, total) };
    if !plan.warnings.is_empty() {
        report(Note::Error(format!("{}\n", plan.warnings.join("\n"))));
    }
    let id = build.all(&plan)?;
    build.say(format!("Successfully built {}\n", id.short()));
    for reference in &request.tags {
        engine.images.name_image(&id, reference)?;
        build.say(format!("Successfully tagged {}\n", reference.familiar()));
    }
    Ok(id)
}

impl Classic<'_> {
    fn say(&self, text: String) {
        (self.report)(Note::Out(text));
    }

    fn announce(&mut self, code: &str) {
        self.steps.0 += 1;
        self.say(format!("Step {}/{} : {code}", self.steps.0, self.steps.1));
        self.say("\n".to_owned());
    }

    fn all(&mut self, plan: &Plan) -> Result<Digest, BuildError> {
        let mut arguments = Arguments::new(self.request.arguments.clone(), &self.request.platform);
        for step in &plan.arguments {
            self.announce(&step.code);
            let Instruction::Arg(list) = &step.instruction else { continue };
            for (name, value) in list {
                let value = value.as_ref().map(|v| expand::word(v, &arguments.globals(), plan.escape)).transpose();
                arguments.declare_global(name, value.map_err(|e| BuildError::new(e).at(step.lines))?);
            }
        }
        let mut last = None;
        for stage in &plan.stages {
            if !stage.name.is_empty() && self.stages.iter().any(|(name, _)| *name == stage.name) {
                return Err(BuildError::new(format!("duplicate name {}", stage.name)).at(stage.lines));
            }
            let progress = self.stage(stage, arguments.for_stage(), plan.escape).map_err(|e| e.at(stage.lines))?;
            arguments.learn(&progress.state.arguments);
            let done = progress.image.clone();
            if let Some(id) = &done {
                (self.report)(Note::Stage(id.clone()));
            }
            self.stages.push((stage.name.clone(), done.clone()));
            last = done;
        }
        let unused = arguments.unused();
        if !unused.is_empty() {
            self.say(format!("[Warning] One or more build-args [{}] were not consumed\n", unused.join(" ")));
        }
        last.ok_or_else(|| BuildError::new("No image was generated. Is your Dockerfile empty?"))
    }

    fn stage(&mut self, stage: &Stage, arguments: Arguments, escape: char) -> Result<Progress, BuildError> {
        self.announce(&stage.code);
        self.missed = false;
        let globals = arguments.globals();
        let base = expand::word(&stage.base, &globals, escape)?;
        if base.is_empty() {
            return Err(BuildError::new(format!("base name ({}) should not be blank", stage.base)));
        }
        let platform = expand::word(&stage.platform, &globals, escape)?;
        let image = self.base(&base, &platform)?;
        let config = match &image {
            Some(id) => self.engine.images.document_of(id)?.config.clone(),
            None => RunConfig::default(),
        };
        let mut progress = Progress { state: State::new(config, arguments, escape), image };
        self.triggers(&mut progress)?;
        self.arrow(&progress);
        for step in &stage.steps {
            if self.cancel.is_cancelled() {
                self.say("Build cancelled\n".to_owned());
            }
            self.cancel.check()?;
            self.announce(&step.code);
            self.step(&mut progress, step).map_err(|e| e.at(step.lines))?;
            self.arrow(&progress);
        }
        Ok(progress)
    }

    fn arrow(&self, progress: &Progress) {
        self.say(format!(" ---> {}\n", progress.image.as_ref().map_or("", |id| id.short())));
    }

    /// Runs what the base image has for its children.
    fn triggers(&mut self, progress: &mut Progress) -> Result<(), BuildError> {
        let triggers = progress.state.config.on_build.take().unwrap_or_default();
        if triggers.is_empty() {
            return Ok(());
        }
        self.say(format!("# Executing {} build trigger{}\n", triggers.len(), if triggers.len() > 1 { "s" } else { "" }));
        for trigger in triggers {
            let step = Step::parse(&trigger).map_err(|e| BuildError::invalid(e.message))?;
            self.step(progress, &step)?;
        }
        Ok(())
    }

    /// The image that `FROM` or `--from` names: a stage's, this engine's, or one that is pulled. `None` for `scratch`.
    fn base(&self, name: &str, platform: &str) -> Result<Option<Digest>, BuildError> {
        if let Some((_, id)) = self.stages.iter().rfind(|(stage, _)| !stage.is_empty() && stage.eq_ignore_ascii_case(name)) {
            return Ok(id.clone());
        }
        if name == "scratch" {
            return Ok(None);
        }
        let report = |progress| (self.report)(Note::Pull(progress));
        super::base::find(self.engine, self.request, self.context, name, platform, &report).map(Some)
    }

    fn step(&mut self, progress: &mut Progress, step: &Step) -> Result<(), BuildError> {
        let result = self.dispatch(progress, step);
        if self.request.force_remove || (self.request.remove && result.is_ok()) {
            for container in std::mem::take(&mut self.containers) {
                running::remove(&self.engine.containers, &container)?;
                self.say(format!(" ---> Removed intermediate container {}\n", &container.id()[..12]));
            }
        }
        self.containers.clear();
        result
    }

    fn dispatch(&mut self, progress: &mut Progress, step: &Step) -> Result<(), BuildError> {
        let instruction = progress.state.expand(&step.instruction)?;
        match &instruction {
            Instruction::Run(run) => return self.run(progress, run),
            Instruction::Copy(copy) => return self.copy(progress, copy, "COPY"),
            Instruction::Add(copy) => return self.copy(progress, copy, "ADD"),
            _ => {}
        }
        let applied = progress.state.apply(&instruction)?;
        if let Some(note) = applied.note {
            self.say(note);
        }
        if let Instruction::Workdir(_) = instruction {
            return self.working_dir(progress, &applied.comment);
        }
        let mut words = progress.state.shell();
        words.extend(["#(nop) ".to_owned(), applied.comment]);
        let remembered = RunConfig { cmd: Some(words), ..progress.state.config.clone() };
        if self.cached(progress, &remembered)? {
            return Ok(());
        }
        let container = self.create(progress, remembered.clone())?;
        self.commit(progress, None, container, remembered)
    }

    /// `WORKDIR` makes the folder.
    fn working_dir(&mut self, progress: &mut Progress, comment: &str) -> Result<(), BuildError> {
        let mut words = progress.state.shell();
        words.push(format!("#(nop) {comment}"));
        let remembered = RunConfig { cmd: Some(words), ..progress.state.config.clone() };
        if self.cached(progress, &remembered)? {
            return Ok(());
        }
        let container = self.create(progress, remembered.clone())?;
        let below = self.layers(progress)?;
        let folder = progress.state.config.working_dir.clone();
        let layer = running::folder_layer(&self.engine.images, &below, &folder, "", None)?;
        self.commit(progress, layer, container, remembered)
    }

    fn layers(&self, progress: &Progress) -> Result<Vec<Digest>, BuildError> {
        match &progress.image {
            Some(id) => Ok(self.engine.images.document_of(id)?.rootfs.diff_ids.clone()),
            None => Ok(Vec::new()),
        }
    }

    /// Takes the image that the same step made of the same parent before.
    fn cached(&mut self, progress: &mut Progress, remembered: &RunConfig) -> Result<bool, BuildError> {
        if self.request.no_cache || self.missed {
            return Ok(false);
        }
        let children = self.engine.images.made_of(progress.image.as_ref())?;
        let same = children.into_iter().filter(|(_, document)| {
            document.container_config.as_ref().is_some_and(|config| same_config(config, remembered))
                && self.engine.images.has_layers(&document.rootfs.diff_ids)
        });
        let mut hit = same.max_by(|(_, a), (_, b)| a.created.cmp(&b.created)).map(|(id, _)| id);
        if let Some(sources) = &self.sources {
            let lineage = |source: &Digest| self.engine.images.ancestors(source);
            hit = hit.filter(|id| sources.iter().any(|source| source == id || lineage(source).contains(id)));
            if hit.is_none() {
                hit = self.of_source(progress, remembered)?;
            }
        }
        let Some(id) = hit else {
            self.missed = true;
            return Ok(false);
        };
        self.say(" ---> Using cache\n".to_owned());
        progress.image = Some(id);
        self.follow(progress);
        Ok(true)
    }

    /// The same step of an image of `--cache-from` that came from elsewhere and has only its history: the image of that step, made anew.
    fn of_source(&mut self, progress: &Progress, remembered: &RunConfig) -> Result<Option<Digest>, BuildError> {
        let images = &self.engine.images;
        let so_far = progress.image.as_ref().map(|id| images.document_of(id)).transpose()?;
        let (steps, layers) = so_far.as_ref().map_or((&[][..], &[][..]), |d| (&d.history[..], &d.rootfs.diff_ids[..]));
        let words = remembered.cmd.as_ref().map_or_else(String::new, |cmd| cmd.join(" "));
        for source in self.sources.iter().flatten() {
            let whole = images.document_of(source)?;
            let Some(step) = whole.history.get(steps.len()).filter(|step| step.created_by == words) else { continue };
            if !whole.history.starts_with(steps) || !whole.rootfs.diff_ids.starts_with(layers) {
                continue;
            }
            let found = if whole.history.len() == steps.len() + 1 {
                source.clone()
            } else {
                let mut document = ImageDocument::clone(&whole);
                document.history.truncate(steps.len() + 1);
                document.rootfs.diff_ids.truncate(layers.len() + usize::from(!step.empty_layer));
                document.created.clone_from(&step.created);
                document.config = progress.state.config.clone();
                document.container_config = Some(remembered.clone());
                images.adopt_image(&document, progress.image.clone(), None)?
            };
            // From here on it is this image and no other.
            self.sources = Some(vec![source.clone()]);
            return Ok(Some(found));
        }
        Ok(None)
    }

    /// The config names the image that it is of.
    fn follow(&self, progress: &mut Progress) {
        progress.state.config.image = progress.image.as_ref().map(ToString::to_string).unwrap_or_default();
    }

    /// Makes the container of a step; on `scratch` there is nothing to make one of.
    fn create(&mut self, progress: &Progress, config: RunConfig) -> Result<Option<Arc<Container>>, BuildError> {
        let mut config = config;
        let Some(id) = &progress.image else { return Ok(None) };
        id.short().clone_into(&mut config.image);
        let image: ResolvedImage = self.engine.images.resolve(id.as_str(), None)?;
        if image.layers.is_empty() {
            return Ok(None);
        }
        let container = running::create(&self.engine.containers, image, config, self.request.host.clone())?;
        self.say(format!(" ---> Running in {}\n", &container.id()[..12]));
        self.containers.push(Arc::clone(&container));
        Ok(Some(container))
    }

    fn run(&mut self, progress: &mut Progress, run: &Run) -> Result<(), BuildError> {
        let state = &progress.state;
        let (words, script) = running::command(run, |words| {
            let mut all = state.shell();
            all.extend(words);
            all
        });
        let variables = state.variables();
        let mounts = run.mounts.iter().map(|text| Mount::parse(text, &|value| expand::word(value, &variables, state.escape)));
        let mounts = mounts.collect::<Result<Vec<_>, _>>()?;
        let mut key = state.remembered(&words);
        key.extend(script.iter().map(|(_, text)| text.clone()));
        key.extend(run.mounts.iter().map(|mount| format!("--mount={mount}")));
        let remembered = RunConfig {
            cmd: Some(key),
            entrypoint: None,
            // Files that are only mounted are part of what the step depends on.
            labels: self.mounted_digests(&mounts, state.config.labels.clone())?,
            ..state.config.clone()
        };
        if self.cached(progress, &remembered)? {
            return Ok(());
        }
        let mut config = progress.state.config.clone();
        let image = match &progress.image {
            Some(id) => {
                id.short().clone_into(&mut config.image);
                let image = self.engine.images.resolve(id.as_str(), None)?;
                let layers = running::folders(&self.engine.images, &image.config.rootfs.diff_ids)?;
                ResolvedImage { layers, ..image }
            }
            None => {
                let document = ImageDocument { os: "linux".to_owned(), ..ImageDocument::default() };
                ResolvedImage { id: Digest::of(b"scratch"), config: document, layers: running::folders(&self.engine.images, &[])? }
            }
        };
        let layers_of = |name: &str| self.layers_of(name);
        let sources = MountSources {
            images: &self.engine.images,
            state: self.engine.state_dir(),
            context: self.context,
            secrets: &self.request.secrets,
            layers: &layers_of,
            cancel: self.cancel,
        };
        let mounted = Mounted::prepare(&sources, &mounts, script, &progress.state.config.working_dir)?;
        let shown = words.join(" ");
        let env = progress.state.command_env();
        let command = Command { image, config, words, env, network: run.network.clone(), hostname: String::new() };
        let prepared = Prepared::create(&self.engine.containers, &self.request.host, command, mounted)?;
        let container = Arc::clone(&prepared.container);
        self.say(format!(" ---> Running in {}\n", &container.id()[..12]));
        self.containers.push(Arc::clone(&container));
        let code = running::run(&self.engine.containers, &container, self.cancel, &|stream, bytes| {
            let text = String::from_utf8_lossy(bytes).into_owned();
            (self.report)(if stream == Stream::Stderr { Note::Error(text) } else { Note::Out(text) });
        })?;
        if code != 0 {
            let message = format!("The command '{shown}' returned a non-zero code: {code}");
            return Err(BuildError { code: Some(code), ..BuildError::new(message) });
        }
        let layer = prepared.layer(&self.engine.images, &self.layers(progress)?)?;
        self.commit(progress, layer, Some(container), remembered)
    }

    /// What bind mounts show, as labels of the remembered config: another content is another step.
    fn mounted_digests(
        &self,
        mounts: &[Mount],
        labels: Option<BTreeMap<String, String>>,
    ) -> Result<Option<BTreeMap<String, String>>, BuildError> {
        let mut labels = labels;
        for mount in mounts.iter().filter(|m| m.kind == super::mounts::Kind::Bind) {
            let digest = if mount.from.is_empty() {
                self.context.tree()?.hash(&mount.source, &|_| false).unwrap_or_default()
            } else {
                self.layers_of(&mount.from)?.iter().map(|l| l.to_string_lossy().into_owned()).collect::<Vec<_>>().join(":")
            };
            labels.get_or_insert_default().insert(format!("mounted at {}", mount.target), digest);
        }
        Ok(labels)
    }

    /// The layers of a stage (by name or number) or an image.
    fn layers_of(&self, name: &str) -> Result<Vec<PathBuf>, BuildError> {
        let numbered = name.parse::<usize>().ok().and_then(|at| self.stages.get(at));
        let id = match numbered {
            Some((_, id)) => id.clone(),
            None => self.base(name, "")?,
        };
        match id {
            Some(id) => Ok(self.engine.images.resolve(id.as_str(), None)?.layers),
            None => Err(BuildError::new(format!("{name} has no files"))),
        }
    }

    fn copy(&mut self, progress: &mut Progress, copy: &Copy, name: &str) -> Result<(), BuildError> {
        let outside = |source: &&String| !copying::is_url(source) && !Glob::is_pattern(source) && leads_out(source);
        if let Some(source) = copy.sources.iter().find(outside) {
            return Err(BuildError::new(format!("{name} failed: forbidden path outside the build context: {source} ()")));
        }
        let from = if copy.from.is_empty() {
            self.context.tree()?
        } else {
            let layers = self
                .layers_of(&copy.from)
                .map_err(|e| BuildError { message: format!("invalid from flag value {}: {}", copy.from, e.message), ..e })?;
            Tree::layers(&layers).map_err(|e| BuildError::new(format!("cannot open {}: {e}", copy.from)))?
        };
        let fetch = |remote: &Remote| remote.fetch(self.engine, None, copy.keep_git, self.cancel).map(Arc::new).map_err(|e| e.message);
        let sources =
            copying::gather(&from, copy, copy.from.is_empty(), name == "ADD", &fetch).map_err(|why| format!("{name} failed: {why}"))?;
        if sources.are_none() {
            return Err(BuildError::new(format!("{name} failed: no source files were specified")));
        }
        if sources.are_many() && !copy.destination.ends_with('/') {
            return Err(BuildError::new(format!(
                "When using {name} with more than one source file, the destination must be a directory and end with a /"
            )));
        }
        let flags = [("chown", &copy.chown), ("chmod", &copy.chmod)];
        let flags: String = flags.iter().filter(|(_, v)| !v.is_empty()).map(|(k, v)| format!("--{k}={v} ")).collect();
        let mut words = progress.state.shell();
        words.push(format!("#(nop) {name} {flags}{} in {} ", sources.digest, copy.destination));
        let remembered = RunConfig { cmd: Some(words), ..progress.state.config.clone() };
        if self.cached(progress, &remembered)? {
            return Ok(());
        }
        let below = self.layers(progress)?;
        let images = &self.engine.images;
        let working_dir = progress.state.config.working_dir.clone();
        let job = Job { images, from: &from, sources: &sources, copy, working_dir: &working_dir, unpack: name == "ADD" };
        let layer = job.layer(&below)?;
        self.commit(progress, layer, None, remembered)
    }

    /// Makes the image of a step.
    fn commit(
        &self,
        progress: &mut Progress,
        layer: Option<Digest>,
        container: Option<Arc<Container>>,
        remembered: RunConfig,
    ) -> Result<(), BuildError> {
        let images = &self.engine.images;
        let base = match &progress.image {
            Some(id) => ImageDocument::clone(&*images.document_of(id)?),
            None => ImageDocument::default(),
        };
        let now = jiff::Timestamp::now().to_string();
        let mut diff_ids = base.rootfs.diff_ids;
        let empty_layer = layer.is_none();
        diff_ids.extend(layer);
        let mut history = base.history;
        history.push(HistoryEntry {
            created: Some(now.clone()),
            author: progress.state.maintainer.clone(),
            created_by: remembered.cmd.as_ref().map_or_else(String::new, |cmd| cmd.join(" ")),
            comment: String::new(),
            empty_layer,
        });
        let document = ImageDocument {
            inline_cache: None,
            architecture: if base.architecture.is_empty() { native_architecture().to_owned() } else { base.architecture },
            author: progress.state.maintainer.clone(),
            comment: String::new(),
            config: progress.state.config.clone(),
            container: container.map_or_else(String::new, |c| c.id().to_owned()),
            container_config: Some(remembered),
            created: Some(now),
            docker_version: DOCKER_VERSION.to_owned(),
            history,
            os: "linux".to_owned(),
            os_version: base.os_version,
            rootfs: RootFs { kind: "layers".to_owned(), diff_ids },
            variant: base.variant,
        };
        progress.image = Some(images.adopt_image(&document, progress.image.clone(), None)?);
        self.follow(progress);
        Ok(())
    }
}

/// Whether a path, as it is written, leads out of the folder that it begins in.
fn leads_out(path: &str) -> bool {
    let mut depth = 0usize;
    for part in path.trim_start_matches('/').split('/') {
        match part {
            "" | "." => {}
            ".." if depth == 0 => return true,
            ".." => depth -= 1,
            _ => depth += 1,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_out_are_seen() {
        for path in ["..", "../../", "a/../../b", "/../x", "./../x"] {
            assert!(leads_out(path), "{path}");
        }
        for path in ["", ".", "a/..", "a/../b", "..a/b", "/a/b/../.."] {
            assert!(!leads_out(path), "{path}");
        }
    }
}
