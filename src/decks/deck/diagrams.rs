//! Diagrams that are written as text (Mermaid): shown as what they are, with a caption. The program that would draw them comes from
//! elsewhere and needs a network; the text can be read without.

use std::borrow::Cow;

/// How a diagram starts: as a fence of its language, or as an element that Mermaid's own script would look for.
const STARTS: [&str; 3] = ["<pre><code class=\"language-mermaid\">", "<pre class=\"mermaid\">", "<div class=\"mermaid\">"];

/// Gives the HTML of a slide with a caption under each diagram.
pub fn captioned(html: String) -> String {
    if !html.contains("mermaid\">") {
        return html;
    }
    let mut out = String::with_capacity(html.len() + 128);
    let mut rest = html.as_str();
    while let Some((at, start)) = STARTS.iter().filter_map(|start| Some((rest.find(start)?, *start))).min() {
        let close = if start.starts_with("<pre") { "</pre>" } else { "</div>" };
        let Some(length) = rest[at + start.len()..].find(close) else { break };
        let end = at + start.len() + length + close.len();
        out.push_str(&rest[..at]);
        out.push_str("<figure class=\"diagram\">");
        let inside = &rest[at + start.len()..end - close.len()];
        let element = match start {
            // Without its script, a `div` would run its lines together.
            "<div class=\"mermaid\">" => Cow::Owned(format!("<pre><code>{}</code></pre>", inside.trim())),
            "<pre class=\"mermaid\">" => Cow::Owned(format!("<pre><code>{}</code></pre>", inside.trim_matches('\n'))),
            _ => Cow::Borrowed(&rest[at..end]),
        };
        out.push_str(&element);
        out.push_str("<figcaption>A diagram, as Mermaid text</figcaption></figure>");
        rest = &rest[end..];
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::captioned;

    #[test]
    fn a_diagram_is_its_text_with_a_caption() {
        let caption = "<figcaption>A diagram, as Mermaid text</figcaption></figure>";
        let fence = "<pre><code class=\"language-mermaid\">a --&gt; b</code></pre>";
        assert_eq!(
            captioned(format!("<h1>A</h1>{fence}<p>b</p>")),
            format!("<h1>A</h1><figure class=\"diagram\">{fence}{caption}<p>b</p>")
        );
        let element = "<pre class=\"mermaid\">\ngraph LR\n a --> b\n</pre>";
        assert_eq!(captioned(element.into()), format!("<figure class=\"diagram\"><pre><code>graph LR\n a --> b</code></pre>{caption}"));
        for same in ["<p>mermaid\"></p>", "<pre class=\"mermaid\">never closed", "<p>x</p>"] {
            assert_eq!(captioned(same.into()), same);
        }
    }
}
