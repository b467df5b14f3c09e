//! The comma-separated fields of a flag; a field with a comma in it stands in double quotes.

/// The fields of `text`.
pub fn fields(text: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let last = all.len() - 1;
        match c {
            '"' if quoted && chars.next_if_eq(&'"').is_some() => all[last].push('"'),
            '"' => quoted = !quoted,
            ',' if !quoted => all.push(String::new()),
            c => all[last].push(c),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    #[test]
    fn commas_can_be_quoted() {
        assert_eq!(super::fields(r#"type=local,"dest=a,b",x=y"#), ["type=local", "dest=a,b", "x=y"]);
        assert_eq!(super::fields(""), [""]);
    }
}
