//! The editor driven by keys, without a terminal.

use std::{collections::HashMap, ffi::OsString, io};

use super::{
    editor::{Editor, Files, Key, Mode},
    screen::frame,
};

#[derive(Default)]
struct Shelf(HashMap<OsString, Vec<u8>>);

impl Files for Shelf {
    fn read(&mut self, name: &OsString) -> io::Result<Vec<u8>> {
        self.0.get(name).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn write(&mut self, name: &OsString, bytes: &[u8], append: bool) -> io::Result<()> {
        let file = self.0.entry(name.clone()).or_default();
        if !append {
            file.clear();
        }
        file.extend_from_slice(bytes);
        Ok(())
    }

    fn is_locked(&mut self, name: &OsString) -> bool {
        name == "locked"
    }
}

fn editor(text: &str) -> Editor<Shelf> {
    let mut shelf = Shelf::default();
    shelf.0.insert("f".into(), text.as_bytes().to_vec());
    shelf.0.insert("locked".into(), b"x\n".to_vec());
    let mut editor = Editor::new(shelf);
    editor.open("f".into());
    editor
}

/// Types keys, control characters as the keys that they come from.
fn types(editor: &mut Editor<Shelf>, keys: &str) {
    for letter in keys.chars() {
        editor.key(match letter {
            '\n' => Key::Enter,
            '\x1b' => Key::Escape,
            '\x08' => Key::Backspace,
            '\x01'..='\x1a' if letter != '\t' => Key::Control(char::from_u32(u32::from(letter) | 0x60).unwrap_or(' ')),
            letter => Key::Char(letter),
        });
    }
}

fn text(editor: &Editor<Shelf>) -> String {
    String::from_utf8(editor.text.bytes(0, editor.text.last())).unwrap_or_default()
}

#[test]
fn keys_do_what_they_do_in_vi() {
    for (before, keys, after) in [
        ("one two\n", "dw", "two\n"),
        ("one two three\n", "2dw", "three\n"),
        ("one two\nnext\n", "wdw", "one \nnext\n"),
        ("one two\n", "cwbig\x1b", "big two\n"),
        ("one two\n", "wcwbig\x1b0.", "big big\n"),
        ("a\nb\nc\n", "dd", "b\nc\n"),
        ("a\nb\nc\n", "2dd", "c\n"),
        ("a\nb\nc\n", "ddp", "b\na\nc\n"),
        ("a\nb\nc\n", "jyyP", "a\nb\nb\nc\n"),
        ("a\nb\nc\n", "\"xyyj\"xp", "a\nb\na\nc\n"),
        ("a\nb\nc\n", "yyG3p", "a\nb\nc\na\na\na\n"),
        ("a\nb\nc\n", "dG", ""),
        ("a\nb\nc\n", "Gdgg", ""),
        ("a\nb\n", "jcc x\x1b", "a\n x\n"),
        ("a\n", "ccx\x1b", "x\n"),
        ("abc\n", "xp", "bac\n"),
        ("abc\n", "3x", ""),
        ("abc\n", "lD", "a\n"),
        ("abc\n", "lCxy\x1b", "axy\n"),
        ("abc\n", "lrX", "aXc\n"),
        ("abc\n", "lr\n", "a\nc\n"),
        ("abc\n", "Rxy\x1b", "xyc\n"),
        ("abc\n", "~~", "ABc\n"),
        ("a\n  b\nc\n", "J", "a b\nc\n"),
        ("a\nb\nc\n", "3J", "a b c\n"),
        ("a(b)c\n", "ld%", "ac\n"),
        ("a b c d\n", "dfc", " d\n"),
        ("a b c d\n", "dtc", "c d\n"),
        ("a b c d\n", "$dFb", "a d\n"),
        ("axbxc\n", "fx;x", "axbc\n"),
        ("a\n", "ob\x1bOc\x1b", "a\nc\nb\n"),
        ("ab\n", "aX\x1bAY\x1bIZ\x1b", "ZaXbY\n"),
        ("ab\n", "ix\ny\x08z\x1b", "x\nzab\n"),
        ("one\ntwo\n", "jI\x08\x1b", "onetwo\n"),
        ("one two three\n", "Axx yy\x17zz\x1b", "one two threexx zz\n"),
        ("a\nb\n", ">>", "\ta\nb\n"),
        ("\ta\n        b\n", "<j", "a\nb\n"),
        ("a\nb\nc\n", "ddu", "a\nb\nc\n"),
        ("a\nb\nc\n", "ddxuu", "a\nb\nc\n"),
        ("a\nb\nc\n", "dduddu\x12", "b\nc\n"),
        ("abc\n", "ix\x1bu", "abc\n"),
        ("one\ntwo\nthree\n", "/t\nx", "one\nwo\nthree\n"),
        ("one\ntwo\nthree\n", "/t\nnx", "one\ntwo\nhree\n"),
        ("one\ntwo\nthree\n", "/t\nnnx", "one\nwo\nthree\n"),
        ("one\ntwo\nthree\n", "?t\nx", "one\ntwo\nhree\n"),
        ("one\ntwo\nthree\n", "d/x\n", "one\ntwo\nthree\n"),
        ("one two three\n", "d/th\n", "three\n"),
        ("foo bar foobar foo\n", "*x", "foo bar foobar oo\n"),
        ("a\nb\nc\n", "majj'adj", "c\n"),
        ("a\nb\nc\n", "2GdG", "a\n"),
        ("a\n\nb\n\nc\n", "d}", "\nb\n\nc\n"),
        ("x y\n", "dwP", "x y\n"),
        ("x y\nz\n", "wD0Pu", "x \nz\n"),
        ("é日\n", "xp", "日é\n"),
        ("a\n", "3.", "a\n"),
        ("aaaa\n", "x.", "aa\n"),
        ("", "ihello\x1b", "hello\n"),
        ("", "dd", ""),
        ("a\nb\nc\nd\n", ":2,3d\n", "a\nd\n"),
        ("a\nb\nc\nd\n", ":/c/,$d\n", "a\nb\n"),
        ("a\nb\nc\nd\n", ":$-1d\n", "a\nb\nd\n"),
        ("aa\naa\n", ":s/a/b\n", "ba\naa\n"),
        ("aa\naa\n", ":%s/a/b/g\n", "bb\nbb\n"),
        ("a/b\n", ":s,/,\\n,\n", "a\nb\n"),
        ("ab\n", ":s/\\(a\\)\\(b\\)/\\2&\\1/\n", "baba\n"),
        ("a.b\n", ":s/\\./\\//\n", "a/b\n"),
        ("AbA\n", ":s/a/x/gi\n", "xbx\n"),
        ("aa\naa\n", ":%s/a/b/g\nu", "aa\naa\n"),
        ("a\nb\nc\n", ":1,2j\n", "a b\nc\n"),
        ("a\nb\n", "2:s/$/;\n", "a;\nb;\n"),
        ("a\nb\nc\n", ":2\nx", "a\n\nc\n"),
    ] {
        let mut editor = editor(before);
        types(&mut editor, keys);
        assert_eq!((text(&editor).as_str(), editor.mode), (after, Mode::Command), "{before:?} {keys:?}");
    }
}

#[test]
fn files_are_written_and_left() {
    let mut one = editor("a\n");
    types(&mut one, "x:q\n");
    assert_eq!((one.left, one.message.as_deref()), (None, Some("No write since last change (:q! overrides)")));
    types(&mut one, "ib\x1b:w\n");
    assert_eq!(one.message.as_deref(), Some("'f' 1L, 2C"));
    assert_eq!(one.files.0[&OsString::from("f")], b"b\n");
    assert!(!one.is_modified());
    types(&mut one, "x");
    assert!(one.is_modified());
    types(&mut one, "u");
    assert!(!one.is_modified());
    types(&mut one, ":w g\n:q\n");
    assert_eq!((one.left, &one.files.0[&OsString::from("g")][..]), (Some(0), &b"b\n"[..]));
    let mut two = editor("a\nb\n");
    types(&mut two, "dd:2w >>f\n:1w h\n:x\n");
    assert_eq!((two.left, &two.files.0[&OsString::from("f")][..]), (Some(0), &b"b\n"[..]));
    let mut locked = editor("");
    types(&mut locked, ":e locked\nx:wq\n");
    assert_eq!((locked.left, locked.message.as_deref()), (None, Some("'locked' is read only")));
    types(&mut locked, ":wq!\n");
    assert_eq!((locked.left, &locked.files.0[&OsString::from("locked")][..]), (Some(0), &b""[..]));
    let mut none = editor("a\n");
    types(&mut none, ":e new\n");
    assert_eq!(none.message.as_deref(), Some("'new' [New file]"));
    types(&mut none, ":nonsense\n");
    assert_eq!(none.message.as_deref(), Some("':nonsense' is not implemented"));
    types(&mut none, ":r nothere\n");
    assert_eq!(none.message.as_deref(), Some("'nothere' entity not found"));
    types(&mut none, ":r f\nZQ");
    assert_eq!((text(&none).as_str(), none.left), ("\na\n", Some(0)));
}

#[test]
fn what_is_stray_stays() {
    let mut editor = editor("");
    editor.files.0.insert("b".into(), b"\xff\x00a\r\nb\xc3".to_vec());
    types(&mut editor, ":e b\nGx:w\n");
    assert_eq!(editor.files.0[&OsString::from("b")], b"\xff\x00a\r\n\xc3");
}

#[test]
fn screens_of_all_sizes_are_drawn() {
    let mut editor = editor("a\tb\nlong line that goes on\n");
    let screen = frame(&mut editor, 4, 20);
    for part in ["a       b\x1b[K", "long line that goes \x1b[K", "~\x1b[K"] {
        assert!(screen.contains(part), "{part:?} in {screen:?}");
    }
    types(&mut editor, "j$");
    assert!(frame(&mut editor, 4, 10).contains("\x1b[2;10H"));
    types(&mut editor, ":set nu\n");
    assert!(frame(&mut editor, 4, 40).contains("     2  long line"));
    for (rows, columns) in [(1, 1), (1, 80), (2, 1), (80, 2), (1000, 1000)] {
        types(&mut editor, "GAx\x1b\x06\x02\x04\x15HML:x\x1b");
        assert!(!frame(&mut editor, rows, columns).is_empty());
    }
}

#[test]
fn no_keys_make_it_fall() {
    // Keys by chance, the same each time: whatever is typed, there is a text, and the cursor is on it.
    let letters: Vec<char> =
        "hjklwWbBeE0^$GgHMLfFtT;,%{}nN'`axXrsSdcyDCYpPiIaAoOJ~uR\x12.:/?*m\"Zz<>|+-123\n\x1b\x08\x06\x02\x04\x15 é\t/s%".chars().collect();
    let mut state = 7_u64;
    let mut editor = editor("one (two)\n\n\tthree four\nlast");
    for step in 0..20_000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let letter = letters[(state >> 33) as usize % letters.len()];
        types(&mut editor, &letter.to_string());
        if step % 7 == 0 {
            types(&mut editor, "\x1b");
        }
        assert!(editor.cursor.row <= editor.text.last() && editor.cursor.column <= editor.text.line(editor.cursor.row).len());
        if step % 50 == 0 {
            frame(&mut editor, 1 + step % 5, 1 + step % 11);
        }
        if editor.text.lines.len() > 2000 || editor.text.line(editor.cursor.row).len() > 20_000 {
            types(&mut editor, "\x1b:%d\n");
        }
        editor.left = None;
    }
}
