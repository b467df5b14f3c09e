//! A deck of 908 slides built, against the floor: its slides cut at their separators and given to pulldown-cmark as they are.
//!
//! The target: at most five times the floor without highlighting, 0.15 s with it (the first build; later ones remember).

use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use dockside::course::Course;
use dockside::deck::{Builder, Options};

fn deck(criterion: &mut Criterion) {
    // As `dockside build` and `dockside serve` begin; the floor has the same.
    dockside::sys::heap::keep_freed();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/remark/decks/intro-selfpaced.md");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: {} is not here", path.display());
        return;
    };
    let mut group = criterion.benchmark_group("908 slides");
    group.sample_size(20);
    group.bench_function("floor: pulldown-cmark, slide by slide", |bencher| {
        bencher.iter(|| {
            let mut html = String::new();
            for slide in text.split("\n---\n") {
                pulldown_cmark::html::push_html(&mut html, pulldown_cmark::Parser::new(slide));
            }
            black_box(html)
        });
    });
    let build = |builder: &Builder, highlight| {
        let (course, diagnostics) = Course::load(&path);
        let site = builder.build(&course, &Options { highlight, ..Options::default() }).expect("the templates work");
        (site, diagnostics)
    };
    let (site, _) = build(&Builder::default(), false);
    eprintln!("{} slides, {} KB of HTML", site.slides, site.pages().map(|(_, html)| html.len()).sum::<usize>() / 1024);
    group.bench_function("read, parsed and rendered, code plain", |bencher| {
        bencher.iter(|| black_box(build(&Builder::default(), false)));
    });
    group.bench_function("the same with highlighting, the first time", |bencher| {
        bencher.iter(|| black_box(build(&Builder::default(), true)));
    });
    let builder = Builder::default();
    group.bench_function("the same once more, as after an edit", |bencher| {
        bencher.iter(|| black_box(build(&builder, true)));
    });
    group.bench_function("written to disk, code plain", |bencher| {
        let folder = tempfile::tempdir().expect("a folder");
        bencher.iter(|| build(&Builder::default(), false).0.write(&folder.path().join("site")).expect("written"));
    });
    group.finish();
}

criterion_group!(benches, deck);
criterion_main!(benches);
