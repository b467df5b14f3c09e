//! The `filters` parameter: a JSON object of lists, or (by older clients) of maps.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use crate::dockerapi::ApiError;
use crate::dockerapi::params::{moment, truth};

/// What shall be shown: every key with at least one of its values.
#[derive(Debug, Default)]
pub struct Filters(BTreeMap<String, Vec<String>>);

impl Filters {
    /// Reads the parameter as it stands in the URL.
    pub fn parse(text: &str) -> Result<Filters, ApiError> {
        if text.is_empty() {
            return Ok(Filters::default());
        }
        let invalid = || ApiError::invalid(format!("invalid filter '{text}'"));
        let Ok(Value::Object(object)) = serde_json::from_str(text) else { return Err(invalid()) };
        let mut all = BTreeMap::new();
        for (key, value) in object {
            let values = match value {
                Value::Array(list) => list.into_iter().filter_map(|v| v.as_str().map(str::to_owned)).collect(),
                Value::Object(map) => map.into_iter().filter(|(_, on)| on != &Value::Bool(false)).map(|(v, _)| v).collect(),
                _ => return Err(invalid()),
            };
            all.insert(key, values);
        }
        Ok(Filters(all))
    }

    /// Refuses keys other than these.
    pub fn only(&self, known: &[&str]) -> Result<(), ApiError> {
        match self.0.keys().find(|k| !known.contains(&k.as_str())) {
            Some(key) => Err(ApiError::invalid(format!("invalid filter '{key}'"))),
            None => Ok(()),
        }
    }

    /// The values of a key; `None` when it is not there.
    pub fn get(&self, key: &str) -> Option<&[String]> {
        self.0.get(key).map(Vec::as_slice)
    }

    /// Whether `key` is not asked for, or one of its values is accepted.
    pub fn any(&self, key: &str, accepts: impl Fn(&str) -> bool) -> bool {
        self.get(key).is_none_or(|values| values.is_empty() || values.iter().any(|v| accepts(v)))
    }

    /// Whether all `label` filters and no `label!` filter match.
    pub fn labels_match(&self, labels: Option<&BTreeMap<String, String>>) -> bool {
        let has = |filter: &String| {
            let (key, value) = filter.split_once('=').map_or((filter.as_str(), None), |(k, v)| (k, Some(v)));
            labels.and_then(|l| l.get(key)).is_some_and(|v| value.is_none_or(|wanted| wanted == v))
        };
        self.get("label").unwrap_or_default().iter().all(has) && !self.get("label!").unwrap_or_default().iter().any(has)
    }

    /// What a filter that is true or false says.
    pub fn boolean(&self, key: &str) -> Result<Option<bool>, ApiError> {
        truth(key, self.get(key).unwrap_or_default())
    }

    /// Refuses an `until` that is no time.
    pub fn check_until(&self) -> Result<(), ApiError> {
        match self.get("until").unwrap_or_default() {
            [] => Ok(()),
            [text] => moment(text).map(drop),
            _ => Err(ApiError::invalid("more than one until filter specified")),
        }
    }

    /// Whether something of `created` is older than every `until` says.
    pub fn until_matches(&self, created: Timestamp) -> bool {
        self.get("until").unwrap_or_default().iter().all(|text| super::text::moment(text).is_none_or(|until| created < until))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read() {
        for text in [r#"{"label":["a=1","b"]}"#, r#"{"label":{"a=1":true,"b":true,"c":false}}"#] {
            let filters = Filters::parse(text).unwrap();
            let labels = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<BTreeMap<_, _>>();
            assert!(filters.labels_match(Some(&labels(&[("a", "1"), ("b", "x")]))));
            assert!(!filters.labels_match(Some(&labels(&[("a", "2"), ("b", "x")]))));
            assert!(!filters.labels_match(None));
        }
        assert!(Filters::parse("nonsense").is_err());
        assert!(Filters::parse(r#"{"x":["1"]}"#).unwrap().only(&["label"]).is_err());
    }
}
