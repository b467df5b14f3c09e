//! The modes of `--chmod`: octal numbers, and what `chmod` understands (`go-w`, `u=rwX,o=`).

/// How a mode is changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    Octal(u32),
    Symbolic(Vec<Clause>),
}

/// One change: of whose bits, how, to what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clause {
    who: u32,
    how: char,
    what: String,
}

const USER: u32 = 0o4700;
const GROUP: u32 = 0o2070;
const OTHERS: u32 = 0o1007;

impl Mode {
    /// Reads the value of `--chmod`.
    pub fn parse(text: &str) -> Result<Mode, String> {
        let wrong = || format!("invalid chmod parameter: '{text}'. it should be octal string and between 0 and 07777");
        if text.starts_with(|c: char| c.is_ascii_digit()) {
            let octal = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o7777);
            return octal.map(Mode::Octal).ok_or_else(wrong);
        }
        let mut clauses = Vec::new();
        for part in text.split(',') {
            let named = part.find(['+', '-', '=']).ok_or_else(wrong)?;
            let who = part[..named].chars().try_fold(0, |who, c| {
                Some(
                    who | match c {
                        'u' => USER,
                        'g' => GROUP,
                        'o' => OTHERS,
                        'a' => USER | GROUP | OTHERS,
                        _ => return None,
                    },
                )
            });
            let who = who.map(|who| if named == 0 { USER | GROUP | OTHERS } else { who }).ok_or_else(wrong)?;
            let mut rest = &part[named..];
            while let Some(how) = rest.chars().next() {
                let end = rest[1..].find(['+', '-', '=']).map_or(rest.len(), |at| at + 1);
                let what = &rest[1..end];
                let copies = matches!(what, "u" | "g" | "o");
                if !copies && what.contains(|c: char| !"rwxXst".contains(c)) {
                    return Err(wrong());
                }
                clauses.push(Clause { who, how, what: what.to_owned() });
                rest = &rest[end..];
            }
        }
        Ok(Mode::Symbolic(clauses))
    }

    /// What becomes of the mode of a file or folder.
    pub fn of(&self, mode: u32, folder: bool) -> u32 {
        match self {
            Mode::Octal(octal) => *octal,
            Mode::Symbolic(clauses) => clauses.iter().fold(mode & 0o7777, |mode, clause| clause.of(mode, folder)),
        }
    }
}

impl Clause {
    fn of(&self, mode: u32, folder: bool) -> u32 {
        let everywhere = |bits: u32| bits << 6 | bits << 3 | bits;
        let bits = match self.what.as_str() {
            "u" => everywhere(mode >> 6 & 7),
            "g" => everywhere(mode >> 3 & 7),
            "o" => everywhere(mode & 7),
            what => what.chars().fold(0, |bits, c| {
                bits | match c {
                    'r' => 0o444,
                    'w' => 0o222,
                    'x' => 0o111,
                    'X' if folder || mode & 0o111 != 0 => 0o111,
                    's' => 0o6000,
                    't' => 0o1000,
                    _ => 0,
                }
            }),
        };
        let bits = bits & self.who;
        match self.how {
            '+' => mode | bits,
            '-' => mode & !bits,
            _ => mode & !(self.who & 0o777) | bits,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_those_of_chmod() {
        let of = |text: &str, mode, folder| Mode::parse(text).map(|parsed| parsed.of(mode, folder));
        for (text, mode, folder, expected) in [
            ("0", 0o644, false, 0),
            ("7777", 0o644, false, 0o7777),
            ("go-w", 0o666, false, 0o644),
            ("u=rw,g=r,o=r", 0o777, false, 0o644),
            ("a+X", 0o666, false, 0o666),
            ("a+X", 0o124, true, 0o135),
            ("+x", 0o600, false, 0o711),
            ("g=u", 0o640, false, 0o660),
            ("u+s,o=", 0o755, false, 0o4750),
            ("u-x+w", 0o500, false, 0o600),
        ] {
            assert_eq!(of(text, mode, folder), Ok(expected), "{text}");
        }
        for wrong in ["64a", "10000", "u", "q+x", "u+q", ""] {
            assert!(of(wrong, 0, false).is_err(), "{wrong}");
        }
    }
}
