//! Reading YAML with an excerpt in its errors. The only module that names serde_yaml.
