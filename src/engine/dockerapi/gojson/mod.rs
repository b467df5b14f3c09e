//! Requests' bodies read as Go's `encoding/json` reads them: fields' names in any case, `null` for whatever is left as it is, and what is
//! wrong told in Go's words, which clients show to their users.

mod decode;
mod naming;
mod scan;

use serde::de::DeserializeOwned;

use decode::Decoder;
use scan::Fault;

/// Reads the one value of a body; `name` is what Go calls the type. Nothing at all gives `None`.
pub fn read<T: DeserializeOwned>(body: &[u8], name: &'static str) -> Result<Option<T>, String> {
    let end = match scan::first_value(body) {
        Ok(end) => end,
        Err(Fault::Empty) => return Ok(None),
        Err(Fault::Wrong(words)) => return Err(format!("invalid JSON: {words}")),
    };
    // Go puts a mark where a text is no UTF-8.
    let text = String::from_utf8_lossy(&body[..end]);
    let value: serde_json::Value = serde_json::from_str(&text).map_err(|e| format!("invalid JSON: {e}"))?;
    let read = T::deserialize(Decoder::new(&value, name)).map_err(|e| format!("invalid JSON: {e}"))?;
    // Go's decoder asks itself whether a list that it is in goes on.
    match body[end..].iter().find(|byte| !byte.is_ascii_whitespace()) {
        None | Some(b']' | b'}') => Ok(Some(read)),
        Some(_) => Err("unexpected content after JSON".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::HostConfig;
    use crate::image::RunConfig;

    fn host(json: &str) -> Result<HostConfig, String> {
        read::<HostConfig>(json.as_bytes(), "HostConfig").map(Option::unwrap_or_default)
    }

    #[test]
    fn names_are_taken_in_any_case_and_null_is_nothing() {
        let read = host(r#"{"memory":5,"BINDS":["/a:/b"],"Privileged":null,"CapAdd":null,"Other":1} "#).unwrap();
        assert_eq!((read.memory, read.binds, read.privileged), (5, Some(vec!["/a:/b".to_owned()]), false));
        assert!(host("").unwrap() == HostConfig::default());
    }

    #[test]
    fn what_has_the_wrong_type_is_named() {
        for (json, words) in [
            (r#"{"Memory":"1"}"#, "json: cannot unmarshal string into Go struct field HostConfig.Memory of type int64"),
            (r#"{"Memory":1.5}"#, "json: cannot unmarshal number 1.5 into Go struct field HostConfig.Memory of type int64"),
            (r#"{"BlkioWeight":70000}"#, "json: cannot unmarshal number 70000 into Go struct field HostConfig.BlkioWeight of type uint16"),
            (r#"{"Privileged":"yes"}"#, "json: cannot unmarshal string into Go struct field HostConfig.Privileged of type bool"),
            (r#"{"Binds":"/a:/b"}"#, "json: cannot unmarshal string into Go struct field HostConfig.Binds of type []string"),
            (r#"{"Binds":[1]}"#, "json: cannot unmarshal number into Go struct field HostConfig.Binds of type string"),
            (
                r#"{"NetworkMode":{}}"#,
                "json: cannot unmarshal object into Go struct field HostConfig.NetworkMode of type container.NetworkMode",
            ),
            (
                r#"{"LogConfig":"json-file"}"#,
                "json: cannot unmarshal string into Go struct field HostConfig.LogConfig of type container.LogConfig",
            ),
            (r#"{"Sysctls":[]}"#, "json: cannot unmarshal array into Go struct field HostConfig.Sysctls of type map[string]string"),
            (r#"{"ConsoleSize":true}"#, "json: cannot unmarshal bool into Go struct field HostConfig.ConsoleSize of type [2]uint"),
            (
                r#"{"RestartPolicy":{"MaximumRetryCount":"3"}}"#,
                "json: cannot unmarshal string into Go struct field RestartPolicy.RestartPolicy.MaximumRetryCount of type int",
            ),
            (
                r#"{"PortBindings":{"80/tcp":[{"HostPort":80}]}}"#,
                "json: cannot unmarshal number into Go struct field PortBinding.PortBindings.HostPort of type string",
            ),
            (r#"{"PortBindings":[]}"#, "json: cannot unmarshal array into Go struct field HostConfig.PortBindings of type nat.PortMap"),
            ("[]", "json: cannot unmarshal array into Go value of type container.HostConfig"),
        ] {
            assert_eq!(host(json).unwrap_err(), format!("invalid JSON: {words}"), "{json}");
        }
    }

    #[test]
    fn a_list_of_words_may_be_one_word() {
        let config = |json: &str| read::<RunConfig>(json.as_bytes(), "ContainerConfigWrapper").map(Option::unwrap_or_default);
        assert_eq!(config(r#"{"Cmd":"true"}"#).unwrap().cmd, Some(vec!["true".to_owned()]));
        assert_eq!(config(r#"{"Cmd":1}"#).unwrap_err(), "invalid JSON: json: cannot unmarshal number into Go value of type string");
    }

    #[test]
    fn one_value_is_all() {
        assert_eq!(host("{} trailing").unwrap_err(), "unexpected content after JSON");
        assert_eq!(host("{invalid").unwrap_err(), "invalid JSON: invalid character 'i' looking for beginning of object key string");
        assert!(host("{} \n}").is_ok());
    }
}
