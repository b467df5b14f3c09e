//! What a browser makes of the HTML that remark's Markdown gives: paragraphs that blocks end, and blocks of code.

use super::marked::BLOCKS;
use super::pieces::Piece;
use super::{Options, code, raw};

/// The pieces of `html`, blocks of code coloured and marked.
pub fn pieces<'h>(html: &'h str, options: &Options<'_>) -> Vec<Piece<'h>> {
    let mut all = Vec::new();
    raw::push(html, &mut all);
    let mut out = Vec::with_capacity(all.len());
    let mut paragraph = false;
    for piece in all {
        match &piece {
            Piece::Open { name, .. } | Piece::Void { name, .. } if paragraph && BLOCKS.contains(&name.as_ref()) => {
                out.push(Piece::close("p"));
                paragraph = false;
            }
            Piece::Close(name) if name == "p" => paragraph = false,
            _ => {}
        }
        paragraph |= matches!(&piece, Piece::Open { name, .. } if name == "p");
        out.push(piece);
    }
    code_blocks(out, options)
}

/// Finds `<pre><code>` in what an author wrote or the Markdown gave, and treats it as the block of code that it is.
pub fn code_blocks<'h>(pieces: Vec<Piece<'h>>, options: &Options<'_>) -> Vec<Piece<'h>> {
    let is_pre = |piece: &Piece<'_>| matches!(piece, Piece::Open { name, .. } if name == "pre");
    if !pieces.iter().any(is_pre) {
        return pieces;
    }
    let mut out = Vec::with_capacity(pieces.len());
    let mut rest = pieces.into_iter().peekable();
    while let Some(piece) = rest.next() {
        let is_pre = is_pre(&piece);
        out.push(piece);
        if is_pre && matches!(rest.peek(), Some(Piece::Open { name, .. }) if name == "code") {
            let Some(open) = rest.next() else { break };
            let mut body = Vec::new();
            while let Some(piece) = rest.next_if(|p| !matches!(p, Piece::Close(name) if name == "code" || name == "pre")) {
                body.push(piece);
            }
            block(open, body, options, &mut out);
        }
    }
    out
}

/// A block of code after its start tag; what has tags in it stays as it is.
fn block<'h>(mut open: Piece<'h>, body: Vec<Piece<'h>>, options: &Options<'_>, out: &mut Vec<Piece<'h>>) {
    let mut text = String::new();
    for piece in &body {
        let Piece::Text(part) = piece else {
            out.push(open);
            out.extend(body);
            return;
        };
        text.push_str(part);
    }
    let mut language = String::new();
    if let Piece::Open { attributes, .. } = &mut open
        && let Some(class) =
            attributes.strip_prefix(" class=\"").and_then(|rest| rest.strip_suffix('"')).filter(|class| !class.contains('"'))
    {
        language = class.strip_prefix("language-").unwrap_or(class).to_owned();
        *attributes = match code::language(&language) {
            "" => "".into(),
            name => format!(" class=\"language-{name}\"").into(),
        };
    }
    out.push(open);
    let (html, text) = code::block(&language, &text, options);
    out.push(Piece::Code { html, text });
}
