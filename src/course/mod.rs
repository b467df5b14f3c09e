//! Course manifests (course.yml, container.training's own) into ordered sources, parts and variants. Reads no Markdown.
