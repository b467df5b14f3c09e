//! Holds the remark dialect to the recorded behaviour of remark.js (`../shared/corpus/remark`).

mod known;

use std::path::{Path, PathBuf};

use dockside::deck::markdown;
use dockside::diag::SourceText;
use dockside::slides::remark::lexer::{Kind, lex};
use dockside::slides::remark::{Engine, parser};
use dockside::slides::{Content, Dialect, Highlight, Options, SlideDeck};
use serde_json::{Value, json};

fn corpus(path: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/remark").join(path);
    if !path.exists() {
        eprintln!("skipped: {} is missing", path.display());
        return None;
    }
    Some(path)
}

fn load(path: &str) -> Option<Value> {
    Some(serde_json::from_slice(&std::fs::read(corpus(path)?).unwrap()).unwrap())
}

/// Tokens as remark names them; text next to text is one token.
fn tokens(text: &str, engine: Engine) -> Value {
    let mut out: Vec<Value> = Vec::new();
    for token in lex(text, engine) {
        let source = &text[token.span.clone()];
        let value = match token.kind {
            Kind::Text => {
                if let Some(last) = out.last_mut().filter(|l| l["type"] == "text") {
                    last["text"] = json!(format!("{}{source}", last["text"].as_str().unwrap()));
                    continue;
                }
                json!({"type": "text", "text": source})
            }
            Kind::Code => json!({"type": "code", "text": source}),
            Kind::Fences => json!({"type": "fences", "text": source}),
            Kind::ContentStart { classes, block } => json!({"type": "content_start", "classes": classes, "block": block}),
            Kind::ContentEnd { block } => json!({"type": "content_end", "block": block}),
            Kind::Definition { id, href, title: None } => json!({"type": "def", "id": id, "href": href}),
            Kind::Definition { id, href, title } => json!({"type": "def", "id": id, "href": href, "title": title}),
            Kind::Macro { name, args, object } => json!({"type": "macro", "name": name, "args": args, "obj": object}),
            Kind::Separator => json!({"type": "separator", "text": source}),
            Kind::NotesSeparator => json!({"type": "notes_separator", "text": source}),
        };
        out.push(value);
    }
    Value::Array(out)
}

fn pieces(content: &[Content]) -> Value {
    let piece = |piece: &Content| match piece {
        Content::Markdown(text) => json!(text),
        Content::Class { classes, block, content } => {
            json!({"class": classes.join(" "), "block": block, "content": pieces(content)})
        }
    };
    content.iter().map(piece).collect()
}

fn properties(list: &[(String, String)]) -> Value {
    Value::Object(list.iter().map(|(n, v)| (n.clone(), json!(v))).collect())
}

/// Raw slides as remark's parser gives them.
fn parsed(text: &str, options: &Options) -> Value {
    let source = SourceText::verbatim("case.md", text);
    let outdented = dockside::slides::remark::outdented(&source);
    parser::split(&outdented, options)
        .into_iter()
        .map(|slide| {
            let links = slide.links.iter().map(|(id, (href, title))| {
                let link = title.as_ref().map_or(json!({"href": href}), |t| json!({"href": href, "title": t}));
                (id.clone(), link)
            });
            let mut value = json!({
                "content": pieces(&slide.content),
                "properties": properties(&slide.properties),
                "links": links.collect::<serde_json::Map<_, _>>(),
            });
            if let Some(notes) = &slide.notes {
                value["notes"] = pieces(notes);
            }
            value
        })
        .collect()
}

fn options(engine: Engine, given: &Value) -> Options {
    let list = given["excludedClasses"].as_array().cloned().unwrap_or_default();
    Options {
        dialect: Some(Dialect::Remark),
        exclude: list.iter().map(|v| v.as_str().unwrap().to_owned()).collect(),
        remark: engine,
        inherit_notes: given["inheritPresenterNotes"] == true,
        skip_increments: given["countIncrementalSlides"] == false,
        join_increments: given["disableIncrementalSlides"] == true,
        highlight: Highlight { lines: true, spans: given["highlightSpans"] == true },
        ..Options::default()
    }
}

fn show(input: &str, engine: Engine, given: &Value) -> SlideDeck {
    dockside::slides::parse(&SourceText::verbatim("case.md", input), &options(engine, given))
}

/// HTML brought to what a reader sees: tags without attributes that only style, text with white space collapsed.
fn shape(html: &str) -> String {
    // Their lines of code are elements, ours end in line feeds.
    let html = &html.replace("</div><div class=\"remark-code-line", "</div>\n<div class=\"remark-code-line");
    let mut out = String::new();
    let mut rest = html.as_str();
    while let Some(start) = rest.find('<') {
        out.push_str(&rest[..start]);
        let end = rest[start..].find('>').map_or(rest.len(), |n| start + n + 1);
        let tag = &rest[start..end];
        let name: String = tag.trim_matches(['<', '>', '/']).chars().take_while(|c| c.is_ascii_alphanumeric()).collect();
        let class = tag.split("class=\"").nth(1).and_then(|c| c.split('"').next()).unwrap_or_default();
        let styling =
            class.contains("hljs") || class.contains("remark-code-line") || class.contains("line") || class.contains("remark-code-span");
        match name.as_str() {
            // Lines and colours of code are styled differently; closing tags of spans and divs go with them.
            "span" | "div" if tag.starts_with("</") || styling => {}
            "mark" | "" => {}
            _ if tag.starts_with("</") => out.push_str(&format!("</{name}>")),
            "span" | "div" => out.push_str(&format!("<{name} {class}>")),
            "a" | "img" => {
                let attribute =
                    |n: &str| tag.split(&format!("{n}=\"")).nth(1).and_then(|c| c.split('"').next()).unwrap_or_default().to_owned();
                out.push_str(&format!("<{name} {}{} {}>", attribute("href"), attribute("src"), attribute("title")));
            }
            _ => out.push_str(&format!("<{name}>")),
        }
        rest = &rest[end..];
    }
    out.push_str(rest);
    let text = out.replace("&quot;", "\"").replace("&#39;", "'").replace("<tbody>", "").replace("</tbody>", "");
    let text = text.split('<').map(str::trim).collect::<Vec<_>>().join("<");
    text.split('>').map(str::trim).collect::<Vec<_>>().join(">").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What differs between our slides and the recorded ones.
fn compare_slides(case: &Value, engine: Engine, recorded: &Value) -> Result<(), String> {
    let deck = show(case["input"].as_str().unwrap(), engine, &case["options"]);
    let recorded = recorded.as_array().unwrap();
    if deck.slides.len() != recorded.len() {
        return Err(format!("{} slides instead of {}", deck.slides.len(), recorded.len()));
    }
    let markdown_options = markdown::Options::of(&deck);
    for (slide, expected) in deck.slides.iter().zip(recorded) {
        let check = |what: &str, ours: Value, theirs: Value| {
            if ours == theirs { Ok(()) } else { Err(format!("slide {}: {what} is {ours} instead of {theirs}", slide.index)) }
        };
        if case["options"]["slideNumberFormat"].is_null() {
            check("number", json!(slide.number), json!(expected["number_text"].as_str().unwrap().replace(' ', "")))?;
        }
        check("properties", properties(&slide.properties), expected["properties"].clone())?;
        check("id", json!(slide.id), expected["id"].clone())?;
        let classes = expected["classes"].as_array().unwrap().iter();
        let classes: Vec<&Value> = classes.filter(|c| c != &"remark-slide-content" && c != &"hljs-default").collect();
        check("classes", json!(slide.classes), json!(classes))?;
        let html = markdown::render(&slide.content, &deck.links, &markdown_options).html;
        check("html", json!(shape(&html)), json!(shape(expected["html"].as_str().unwrap())))?;
        let notes = slide.notes.as_ref().map(|n| markdown::render(&n.content, &deck.links, &markdown_options).html);
        let theirs = expected["notes_html"].as_str().unwrap_or_default();
        check("notes", json!(shape(&notes.unwrap_or_default())), json!(shape(theirs)))?;
    }
    Ok(())
}

fn compare(what: &str, ours: Value, theirs: &Value) -> Result<(), String> {
    if &ours == theirs { Ok(()) } else { Err(format!("{what} {ours} instead of {theirs}")) }
}

#[test]
fn edge_cases() {
    let Some(file) = load("edge-cases.json") else { return };
    let mut results = known::Results::new("remark/edge-cases");
    for case in file["cases"].as_array().unwrap() {
        let input = case["input"].as_str().unwrap();
        for (name, engine) in [("container.training-0.14.1", Engine::ContainerTraining), ("remark-0.15.0", Engine::Upstream)] {
            let recorded = &case[name];
            let id = format!("{}@{}", case["id"].as_str().unwrap(), if engine == Engine::Upstream { "0.15" } else { "ct" });
            let result = compare("tokens", tokens(input, engine), &recorded["tokens"])
                .and_then(|()| compare("parsed", parsed(input, &options(engine, &case["options"])), &recorded["parsed"]))
                .and_then(|()| compare_slides(case, engine, &recorded["slides"]));
            results.add(&id, result);
        }
    }
    results.judge();
}

#[test]
fn recorded_calls() {
    let Some(file) = load("recorded-calls.json") else { return };
    let mut results = known::Results::new("remark/recorded-calls");
    for (i, call) in file["calls"].as_array().unwrap().iter().enumerate() {
        let id = format!("{i}: {}", call["test"].as_str().unwrap());
        let input = call["input"].as_str().unwrap_or_default();
        let result = match call["level"].as_str().unwrap() {
            "lex" => compare("tokens", tokens(input, Engine::Upstream), &call["expected"]),
            "parse" => {
                let mut options = options(Engine::Upstream, &Value::Null);
                // What the recorded macros do in JavaScript, by the names of the record.
                for (name, template) in [("sum", "${args|sum}"), ("upper", "${object|upper}"), ("addupper", "![:upper](${object})")] {
                    options.macros.define(name, template).unwrap();
                }
                compare("parsed", parsed(input, &options), &call["expected"])
            }
            _ => {
                let content = content(&call["content"]);
                let links = call["links"].as_object().into_iter().flatten();
                let links = links.map(|(id, link)| {
                    let text = |name: &str| link[name].as_str().map(str::to_owned);
                    (id.clone(), (text("href").unwrap(), text("title")))
                });
                let html = markdown::render(&content, &links.collect(), &markdown::Options::default()).html;
                compare("html", json!(shape(&html)), &json!(shape(call["expected_html"].as_str().unwrap())))
            }
        };
        results.add(&id, result);
    }
    results.judge();
}

fn content(value: &Value) -> Vec<Content> {
    let piece = |piece: &Value| match piece {
        Value::String(text) => Content::Markdown(text.clone()),
        class => Content::Class {
            classes: class["class"].as_str().unwrap().split(' ').map(str::to_owned).collect(),
            block: class["block"] == true,
            content: content(&class["content"]),
        },
    };
    value.as_array().unwrap().iter().map(piece).collect()
}

#[test]
fn decks() {
    for name in ["intro-fullday", "intro-selfpaced", "mlops"] {
        let Some(recorded) = load(&format!("decks/{name}.json")) else { continue };
        let text = std::fs::read_to_string(corpus(&format!("decks/{name}.md")).unwrap()).unwrap();
        let deck = show(&text, Engine::ContainerTraining, &recorded["options"]);
        let expected = recorded["slides"].as_array().unwrap();
        assert_eq!(deck.slides.len(), expected.len(), "{name}: slides");
        assert_eq!(
            deck.slides.iter().filter(|s| s.notes.is_some()).count() as u64,
            recorded["n_with_notes"].as_u64().unwrap(),
            "{name}: notes"
        );
        let mut results = known::Results::new(&format!("remark/decks/{name}"));
        for (slide, expected) in deck.slides.iter().zip(expected) {
            results.add(&(slide.index + 1).to_string(), compare_recorded(slide, expected, &deck));
        }
        results.judge();
    }
}

fn compare_recorded(slide: &dockside::slides::Slide, expected: &Value, deck: &SlideDeck) -> Result<(), String> {
    let options = markdown::Options::of(deck);
    let rendered = markdown::render(&slide.content, &deck.links, &options);
    let ours = json!({
        "number": slide.number, "properties": properties(&slide.properties), "id": slide.id, "notes": slide.notes.is_some(),
        "h": rendered.heading.as_ref().map(|(level, text)| json!([format!("h{level}"), text])),
        "n_pre": rendered.counts.pre, "n_img": rendered.counts.img, "n_li": rendered.counts.li,
        "text_sha256": known::sha256(&rendered.text),
        "notes_sha256": slide.notes.as_ref().map(|n| known::sha256(&markdown::render(&n.content, &deck.links, &options).text)),
    });
    for (name, value) in ours.as_object().unwrap() {
        compare(name, value.clone(), &expected[name]).map_err(|e| format!("{e} ({:?})", rendered.text))?;
    }
    Ok(())
}
