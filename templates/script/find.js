// Going to a slide by its number, its title, or any words on it.

let finder;
let hits = [];
let chosen = 0;
const texts = new WeakMap();

// As it is compared: small letters without accents.
function plain(text) { return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase(); }

function wordsOf(text) { return plain(text).split(/\s+/).filter(Boolean); }

// What a slide says, and to a presenter its notes too.
function textOf(slide) {
  const body = bodyOf(slide);
  let known = texts.get(body);
  if (!known) {
    const shown = saidBy(body), notes = saidBy(slide.querySelector(".notes"));
    known = { shown, notes, plain: plain(shown), plainNotes: plain(notes) };
    texts.set(body, known);
  }
  return isOn("presenter") || presenterWaits ? known.plain + " " + known.plainNotes : known.plain;
}

function openFinder() {
  if (!finder) makeFinder();
  finder.querySelector("input").value = "";
  look();
  finder.showModal();
}

function makeFinder() {
  finder = document.createElement("dialog");
  finder.id = "finder";
  finder.setAttribute("aria-label", "Go to a slide");
  finder.innerHTML = '<form method="dialog"><input type="search" role="combobox" aria-expanded="true" aria-controls="hits" aria-autocomplete="list" aria-label="Number, title or words of a slide" placeholder="Number, title or words" autocomplete="off" spellcheck="false" enterkeyhint="go"><button type="submit" value="cancel" class="quiet">Close</button></form><div id="hits" role="listbox" aria-label="Slides"></div><p role="status"></p>';
  document.body.appendChild(finder);
  const input = finder.querySelector("input");
  input.addEventListener("input", look);
  finder.addEventListener("cancel", () => input.blur());
  input.addEventListener("keydown", (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: 6, PageUp: -6 }[event.key];
    if (by && hits.length) { event.preventDefault(); choose(Math.max(0, Math.min(hits.length - 1, chosen + by))); }
    if (event.key === "Enter") { event.preventDefault(); take(chosen); }
    // The browser would empty the field first and close nothing.
    if (event.key === "Escape") { event.preventDefault(); input.blur(); finder.close(); }
  });
  finder.querySelector("#hits").addEventListener("click", (event) => {
    const option = event.target.closest("[role=option]");
    if (option) take([...option.parentElement.children].indexOf(option));
  });
}

// Looks for what is typed: numbers before titles, titles before other words.
function look() {
  const typedText = finder.querySelector("input").value.trim();
  const words = wordsOf(typedText);
  hits = [];
  if (words.length) {
    slides.forEach((slide, i) => {
      const title = plain(titleOf(slide));
      const number = /^\d+$/.test(typedText) && numberOf(slide) === +typedText;
      const all = (text) => words.every((word) => text.includes(word));
      const rank = number ? 0 : title.startsWith(plain(typedText)) ? 1 : all(title) ? 2 : all(textOf(slide)) ? 3 : -1;
      if (rank >= 0) hits.push({ i, rank });
    });
    hits.sort((a, b) => a.rank - b.rank || a.i - b.i);
  } else {
    // Nothing typed: the slides around.
    for (let i = Math.max(0, current - 2); i < Math.min(slides.length, current + 10); i++) hits.push({ i, rank: 9 });
  }
  const found = hits.length;
  hits = hits.slice(0, 50);
  const list = finder.querySelector("#hits");
  list.replaceChildren(...hits.map((hit, n) => option(slides[hit.i], words, n)));
  finder.querySelector("[role=status]").textContent = !words.length ? "" : found === 0 ? "No slide has this." : found === 1 ? "1 slide" : found + " slides";
  choose(words.length ? 0 : Math.max(0, hits.findIndex((hit) => hit.i === current)));
}

function option(slide, words, n) {
  const row = document.createElement("div");
  row.id = "hit-" + n;
  row.setAttribute("role", "option");
  const number = document.createElement("b");
  number.textContent = slide.dataset.number.split("/")[0];
  const title = document.createElement("span");
  title.textContent = titleOf(slide) || "(no title)";
  row.append(number, title);
  const snippet = words.length && snippetOf(slide, words);
  if (snippet) row.append(snippet);
  return row;
}

// A few words around the first hit, the hit marked.
function snippetOf(slide, words) {
  textOf(slide);
  const known = texts.get(bodyOf(slide));
  const title = plain(titleOf(slide));
  const word = words.find((w) => !title.includes(w));
  if (!word) return null;
  const from = known.plain.includes(word) ? "shown" : "notes";
  // Accents make the plain text shorter; then the hit is not marked exactly, and near enough.
  const at = (from === "shown" ? known.plain : known.plainNotes).indexOf(word);
  if (at < 0) return null;
  const text = known[from];
  const start = Math.max(0, text.lastIndexOf(" ", Math.max(0, at - 30)));
  const small = document.createElement("small");
  const mark = document.createElement("mark");
  mark.textContent = text.slice(at, at + word.length);
  small.append((from === "notes" ? "Notes: " : "") + (start > 0 ? "… " : "") + text.slice(start, at), mark, text.slice(at + word.length, at + word.length + 60));
  return small;
}

function choose(n) {
  chosen = n;
  const list = finder.querySelector("#hits");
  [...list.children].forEach((row, i) => row.setAttribute("aria-selected", String(i === n)));
  const row = list.children[n];
  const input = finder.querySelector("input");
  if (row) { row.scrollIntoView({ block: "nearest" }); input.setAttribute("aria-activedescendant", row.id); }
  else input.removeAttribute("aria-activedescendant");
}

function take(n) {
  if (!hits[n]) return;
  const words = wordsOf(finder.querySelector("input").value);
  const hit = hits[n];
  // Else the next key would still go to the field, until the browser notices that it is gone.
  finder.querySelector("input").blur();
  finder.close();
  if (isOn("overview")) leaveOverview();
  go(hit.i, { fresh: true });
  if (hit.rank === 3) light(slides[hit.i], words);
}

// Marks the words on the slide, until the next one.
function light(slide, words) {
  if (!window.Highlight || !CSS.highlights) return;
  const ranges = [];
  const walker = document.createTreeWalker(bodyOf(slide), NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const text = node.data.toLowerCase();
    for (const word of words) {
      for (let at = text.indexOf(word); at >= 0 && ranges.length < 200; at = text.indexOf(word, at + word.length)) {
        const range = new Range();
        range.setStart(node, at);
        range.setEnd(node, at + word.length);
        ranges.push(range);
      }
    }
  }
  CSS.highlights.set("found", new Highlight(...ranges));
}
