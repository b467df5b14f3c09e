//! Platforms: `os/arch[/variant]`, read and compared as containerd does.

use std::fmt;
use std::str::FromStr;

use super::{ImageDocument, ImageError};

/// A platform in normal form.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Platform {
    pub os: String,
    pub architecture: String,
    pub variant: String,
}

impl Platform {
    /// What this machine runs.
    pub fn host() -> Platform {
        let variant = if native_architecture() == "arm" { "v7" } else { "" };
        Platform { os: "linux".to_owned(), architecture: native_architecture().to_owned(), variant: variant.to_owned() }
    }

    /// The platform that an image is for.
    pub fn of(document: &ImageDocument) -> Platform {
        Platform::normal(&document.os, &document.architecture, &document.variant)
    }

    /// Brings the names that are in use (`x86_64`, `aarch64`, `arm64/v8`) to one form.
    pub fn normal(os: &str, architecture: &str, variant: &str) -> Platform {
        let os = match os.to_lowercase().as_str() {
            "macos" => "darwin".to_owned(),
            other => other.to_owned(),
        };
        let (architecture, variant) = (architecture.to_lowercase(), variant.to_lowercase());
        let (architecture, variant) = match (architecture.as_str(), variant.as_str()) {
            ("i386", _) => ("386", ""),
            ("x86_64" | "x86-64" | "amd64", "v1") => ("amd64", ""),
            ("x86_64" | "x86-64" | "amd64", v) => ("amd64", v),
            ("aarch64" | "arm64", "8" | "v8" | "") => ("arm64", ""),
            ("aarch64" | "arm64", v) => ("arm64", v),
            ("armhf", _) => ("arm", "v7"),
            ("armel", _) => ("arm", "v6"),
            ("arm", "" | "7") => ("arm", "v7"),
            ("arm", "5") => ("arm", "v5"),
            ("arm", "6") => ("arm", "v6"),
            ("arm", "8") => ("arm", "v8"),
            (a, v) => (a, v),
        };
        Platform { os, architecture: architecture.to_owned(), variant: variant.to_owned() }
    }

    /// Whether an image for `other` runs where this platform is asked for.
    pub fn accepts(&self, other: &Platform) -> bool {
        self == other || self.rank(other).is_some()
    }

    /// How well `other` fits, the lower the better; `None` where it does not.
    pub fn rank(&self, other: &Platform) -> Option<u32> {
        if self.os != other.os {
            return None;
        }
        let number = |variant: &str| variant.trim_start_matches('v').parse::<u32>().ok();
        match (self.architecture.as_str(), other.architecture.as_str()) {
            (a, b) if a == b => match (self.variant.as_str(), other.variant.as_str()) {
                (v, w) if v == w => Some(0),
                // Older variants run on newer machines.
                (v, "") if !v.is_empty() => number(v),
                (v, w) => match (number(v), number(w)) {
                    (Some(v), Some(w)) if w < v => Some(v - w),
                    _ => None,
                },
            },
            _ => None,
        }
    }
}

impl FromStr for Platform {
    type Err = ImageError;

    fn from_str(text: &str) -> Result<Platform, ImageError> {
        let valid = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
        let parts: Vec<&str> = text.split('/').collect();
        for part in &parts {
            if !valid(part) {
                return Err(ImageError::Invalid(format!(
                    "{part:?} is an invalid component of {text:?}: platform specifier component must match \"^[A-Za-z0-9_.-]+$\": invalid argument"
                )));
            }
        }
        match parts[..] {
            [one] if is_os(one) => Ok(Platform::normal(one, native_architecture(), "")),
            [one] if is_architecture(one) => Ok(Platform::normal("linux", one, "")),
            [_] => Err(ImageError::Invalid(format!("{text:?}: unknown operating system or architecture: invalid argument"))),
            [os, architecture] => Ok(Platform::normal(os, architecture, "")),
            [os, architecture, variant] => Ok(Platform::normal(os, architecture, variant)),
            _ => Err(ImageError::Invalid(format!("{text:?}: cannot parse platform specifier: invalid argument"))),
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        if self.variant.is_empty() { Ok(()) } else { write!(f, "/{}", self.variant) }
    }
}

fn is_os(text: &str) -> bool {
    matches!(
        text.to_lowercase().as_str(),
        "aix"
            | "android"
            | "darwin"
            | "dragonfly"
            | "freebsd"
            | "illumos"
            | "linux"
            | "macos"
            | "netbsd"
            | "openbsd"
            | "plan9"
            | "solaris"
            | "windows"
    )
}

fn is_architecture(text: &str) -> bool {
    matches!(
        text.to_lowercase().as_str(),
        "386"
            | "i386"
            | "amd64"
            | "x86_64"
            | "x86-64"
            | "arm"
            | "armel"
            | "armhf"
            | "arm64"
            | "aarch64"
            | "loong64"
            | "mips"
            | "mips64"
            | "mips64le"
            | "mipsle"
            | "ppc64"
            | "ppc64le"
            | "riscv64"
            | "s390x"
            | "wasm"
    )
}

/// The machine's architecture in Go's words, which image configs use.
pub fn native_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        "powerpc64" => "ppc64le",
        "loongarch64" => "loong64",
        other => other,
    }
}
