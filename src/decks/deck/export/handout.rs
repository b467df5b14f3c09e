//! A deck for paper that is read: every slide once, with all its increments, and what the speaker says below it.

use crate::slides::SlideDeck;

/// Leaves of each slide and its increments the last, which has all of it, under the first one's name.
pub fn collapse(deck: &mut SlideDeck) {
    let continues: Vec<bool> = deck.slides.iter().map(|slide| slide.continued).collect();
    let mut name = None;
    let mut slides = Vec::with_capacity(deck.slides.len());
    for (i, mut slide) in std::mem::take(&mut deck.slides).into_iter().enumerate() {
        if !slide.continued {
            name = None;
        }
        if slide.name.is_none() {
            slide.name.clone_from(&name);
        } else {
            name.clone_from(&slide.name);
        }
        if continues.get(i + 1) == Some(&true) {
            continue;
        }
        slide.index = slides.len();
        slide.continued = false;
        slides.push(slide);
    }
    deck.slides = slides;
}

/// For the end of the page: slides as pictures of themselves on sheets of A4, their notes below them.
pub const SCRIPTS: &str = r#"<style>
@page { size: A4 portrait; margin: 14mm 15mm 15mm; }
@media print {
.sheet { break-inside: avoid; margin: 0 0 9mm; }
.sheet > .page { width: 680px; height: 382.5px; overflow: hidden; border: 1px solid #c9d1d6; border-radius: 4px; }
.js .sheet > .page > .slide { break-after: auto; break-inside: auto; transform: scale(.53125); transform-origin: 0 0; }
.sheet > .notes { display: block !important; width: 680px; margin: 3mm 0 0; font-size: 11.5pt; line-height: 1.4; color: #222; }
.sheet > .notes::before { display: none; }
.sheet > .notes p, .sheet > .notes ul { margin: .4em 0; }
}
</style>
<script>document.querySelectorAll("section.slide").forEach(function (slide) {
var sheet = document.createElement("div"), page = document.createElement("div");
sheet.className = "sheet"; page.className = "page";
slide.replaceWith(sheet); sheet.append(page); page.append(slide);
var notes = slide.querySelector(":scope > .notes");
if (notes) sheet.append(notes);
});</script>
"#;
