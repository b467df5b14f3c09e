//! Query parameters and filters as Docker's clients write them.

use std::collections::BTreeMap;

use axum::extract::FromRequestParts;
use axum::extract::Query;
use axum::http::request::Parts;
use serde_json::Value;

use super::ApiError;

/// The query, in order; a key may stand several times.
#[derive(Clone, Debug, Default)]
pub struct Params(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Query::<Vec<(String, String)>>::from_request_parts(parts, state).await {
            Ok(Query(pairs)) => Ok(Params(pairs)),
            Err(e) => Err(ApiError::invalid(e.to_string())),
        }
    }
}

impl Params {
    /// The first value of `key`; empty counts as absent.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(k, v)| k == key && !v.is_empty()).map(|(_, v)| v.as_str())
    }

    /// All values of `key`.
    pub fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(k, _)| k == key).map(|(_, v)| v.as_str())
    }

    /// Whether `key` is set to what Docker takes for true.
    pub fn flag(&self, key: &str) -> bool {
        self.get(key).is_some_and(is_true)
    }

    /// The `filters`, none of which may have a name that is not in `known`.
    pub fn filters(&self, known: &[&str]) -> Result<Filters, ApiError> {
        Filters::read(self.get("filters"), known)
    }
}

fn is_true(value: &str) -> bool {
    !matches!(value.trim().to_lowercase().as_str(), "" | "0" | "no" | "false" | "none")
}

/// What shall be shown: of every name's values one at least.
#[derive(Clone, Debug, Default)]
pub struct Filters(BTreeMap<String, Vec<String>>);

impl Filters {
    /// Reads the parameter as it stands in the URL; no name may be there that is not in `known`.
    pub fn read(text: Option<&str>, known: &[&str]) -> Result<Filters, ApiError> {
        let filters = text.filter(|text| !text.is_empty()).map(Filters::parse).transpose()?.unwrap_or_default();
        match filters.0.keys().find(|name| !known.contains(&name.as_str())) {
            Some(name) => Err(ApiError::invalid(format!("invalid filter '{name}'"))),
            None => Ok(filters),
        }
    }

    /// Reads `{"name":{"value":true}}` or, as old clients write it, `{"name":["value"]}`.
    pub fn parse(text: &str) -> Result<Filters, ApiError> {
        let bad = || ApiError::invalid("invalid filter");
        let Ok(Value::Object(object)) = serde_json::from_str(text) else { return Err(bad()) };
        let mut filters = BTreeMap::new();
        for (name, values) in object {
            let values = match values {
                // Docker asks for a truth here and then takes no notice of it.
                Value::Object(values) if values.values().all(|on| on.is_boolean() || on.is_null()) => {
                    values.into_iter().map(|(value, _)| value).collect()
                }
                Value::Array(values) => {
                    values.into_iter().map(|v| v.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>().ok_or_else(bad)?
                }
                _ => return Err(bad()),
            };
            filters.insert(name, values);
        }
        Ok(Filters(filters))
    }

    /// The values of a filter.
    pub fn get(&self, name: &str) -> &[String] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// The value of a filter that can have one.
    pub fn one(&self, name: &str) -> Option<&str> {
        self.get(name).first().map(String::as_str)
    }

    /// Whether `name` is not asked for, or one of its values is accepted.
    pub fn any(&self, name: &str, accepts: impl Fn(&str) -> bool) -> bool {
        self.get(name).is_empty() || self.get(name).iter().any(|value| accepts(value))
    }

    /// Whether all `label` filters and no `label!` filter match.
    pub fn labels_match(&self, labels: Option<&BTreeMap<String, String>>) -> bool {
        let has = |filter: &String| {
            let (key, value) = filter.split_once('=').map_or((filter.as_str(), None), |(k, v)| (k, Some(v)));
            labels.and_then(|l| l.get(key)).is_some_and(|v| value.is_none_or(|wanted| wanted == v))
        };
        self.get("label").iter().all(has) && !self.get("label!").iter().any(has)
    }

    /// The value of a filter that is true or false.
    pub fn boolean(&self, name: &str) -> Result<Option<bool>, ApiError> {
        truth(name, self.get(name))
    }

    /// The earliest of the moments that `until` names.
    pub fn earliest_until(&self) -> Result<Option<jiff::Timestamp>, ApiError> {
        let all = self.get("until").iter().map(|text| moment(text)).collect::<Result<Vec<_>, _>>()?;
        Ok(all.into_iter().min())
    }

    /// The one moment that `until` names.
    pub fn until(&self) -> Result<Option<jiff::Timestamp>, ApiError> {
        match self.get("until") {
            [_, _, ..] => Err(ApiError::invalid("more than one until filter specified")),
            other => other.first().map(|text| moment(text)).transpose(),
        }
    }
}

/// What the values of a filter that is true or false say together.
pub fn truth(name: &str, values: &[String]) -> Result<Option<bool>, ApiError> {
    let mut found = None;
    for value in values {
        let value = match value.as_str() {
            "1" | "true" => Some(true),
            "0" | "false" => Some(false),
            _ => None,
        };
        if value.is_none() || found.is_some_and(|before| Some(before) != value) {
            return Err(ApiError::invalid(format!("invalid filter '{name}=[{}]'", values.join(" "))));
        }
        found = value;
    }
    Ok(found)
}

/// A time of a filter, refused in Docker's words if it is none.
pub fn moment(text: &str) -> Result<jiff::Timestamp, ApiError> {
    time(text).ok_or_else(|| ApiError::invalid(format!("failed to parse value as time or duration: {text:?}")))
}

/// A time of a filter: RFC 3339, a date, seconds since 1970 (with a fraction), or a duration before now (`10m`, `1h30m`).
pub fn time(text: &str) -> Option<jiff::Timestamp> {
    use jiff::{Timestamp, civil, tz::TimeZone};
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time);
    }
    if let Ok(seconds) = text.parse::<f64>()
        && seconds.is_finite()
    {
        return Timestamp::from_nanosecond((seconds * 1e9) as i128).ok();
    }
    if let Ok(local) = text.parse::<civil::DateTime>() {
        return local.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    }
    if let Ok(date) = text.parse::<civil::Date>() {
        return date.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    }
    Timestamp::now().checked_sub(jiff::SignedDuration::from_nanos(crate::units::parse_duration(text)?)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_filters_are_read() {
        let new = Filters::parse(r#"{"reference":{"busy*":true},"dangling":{"true":true}}"#).unwrap();
        assert_eq!(new.one("reference"), Some("busy*"));
        assert_eq!(new.boolean("dangling").unwrap(), Some(true));
        let old = Filters::parse(r#"{"reference":["busy*"]}"#).unwrap();
        assert_eq!(old.get("reference"), ["busy*"]);
        assert!(Filters::parse("[1]").is_err());
        assert!(Filters::parse(r#"{"dangling":["maybe"]}"#).unwrap().boolean("dangling").is_err());
    }

    #[test]
    fn times_are_read_in_every_form() {
        let second = |text: &str| time(text).map(|t| t.as_second());
        assert_eq!(second("1700000000"), Some(1_700_000_000));
        assert_eq!(second("2024-01-02T03:04:05Z"), Some(1_704_164_645));
        assert_eq!(second("2024-01-02"), Some(1_704_153_600));
        assert!(second("1h30m").is_some_and(|t| (jiff::Timestamp::now().as_second() - t - 5400).abs() < 5));
        assert_eq!(second("yesterday"), None);
    }
}
