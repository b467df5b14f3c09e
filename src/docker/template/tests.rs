//! Tests of the template engine.

use serde_json::json;

use super::{Value, execute, parse};
