//! A build's failure as a call's.

use crate::build::BuildError;
use crate::buildkit::status::{CANCELLED, Status, UNKNOWN};

impl From<BuildError> for Status {
    fn from(error: BuildError) -> Status {
        let code = if error.message == crate::trace::CANCELLED { CANCELLED } else { UNKNOWN };
        let status = Status::new(code, error.message);
        error.place.iter().fold(status, |status, place| status.about(place))
    }
}

impl From<Status> for BuildError {
    fn from(status: Status) -> BuildError {
        BuildError::new(status.0.message)
    }
}
