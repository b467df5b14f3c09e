// Text that is there in several languages: what is shown of it. Text without a language is always shown, and so is the text that
// was there first (`data-original`) where nobody has translated it into the language that a reader wants.

let languages = [];
let language = null;

function readLanguages() {
  const texts = [...deck.querySelectorAll("[data-language]")];
  languages = [...new Set(texts.map((e) => e.dataset.language))].sort();
  const wanted = [kept("language"), ...(navigator.languages || []).map((l) => l.slice(0, 2).toLowerCase()), root.lang];
  if (!language || (language !== "all" && !languages.includes(language))) {
    language = wanted.find((l) => l === "all" || languages.includes(l)) || languages[0] || null;
  }
  // Where only notes are translated, the button is the presenter's.
  bar.querySelector('[data-do="language"]').hidden = !texts.some((text) => text.closest(".body"));
  showLanguage(texts);
}

function isShown(element) {
  if (element.dataset.language === language) return true;
  if ("original" in element.dataset) return ![...element.parentElement.children].some((other) => other.dataset.language === language);
  // A slide has one text at a time.
  return language === "all" && !element.classList.contains("body");
}

function showLanguage(texts = document.querySelectorAll("[data-language]")) {
  for (const element of texts) element.hidden = !isShown(element);
  root.dataset.languages = language === "all" ? "all" : "one";
}

// The next language; after the last all of them.
function nextLanguage() {
  if (!languages.length) return say("These slides have one language");
  const choices = [...languages, "all"];
  const shown = shownOn(slides[current]);
  language = choices[(choices.indexOf(language) + 1) % choices.length];
  keep("language", language);
  showLanguage();
  fragmentsOf(slides[current]).forEach((f, n) => f.classList.toggle("shown", n < shown));
  refit();
  if (isOn("presenter")) showSlide();
  const name = language === "all" ? "All languages" : new Intl.DisplayNames([root.lang || "en"], { type: "language", fallback: "code" }).of(language);
  say(name);
  flash(name);
  showTools();
}

// A word on the screen for a moment.
let flashed;
function flash(text) {
  let box = document.getElementById("flash");
  if (!box) {
    box = document.createElement("div");
    box.id = "flash";
    box.setAttribute("aria-hidden", "true");
    document.body.appendChild(box);
  }
  box.textContent = text;
  box.hidden = !text;
  clearTimeout(flashed);
  flashed = setTimeout(() => { box.hidden = true; }, 1200);
}
