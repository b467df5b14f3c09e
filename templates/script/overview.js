// All slides at once, those that hold some words, and a way to walk among them.

let filterForm;
// What had the keyboard before, if it was no slide.
let focusedBefore = null;

function overview(on, search) {
  if (on === undefined) on = !isOn("overview");
  const focused = document.activeElement;
  if (on && !isOn("overview")) focusedBefore = focused !== document.body && !deck.contains(focused) ? focused : null;
  root.classList.toggle("overview", on);
  if (on && !filterForm) makeFilter();
  slides.forEach((slide) => {
    if (on) slide.tabIndex = -1;
    else { if (slide !== slides[current]) slide.removeAttribute("tabindex"); slide.classList.remove("hidden"); }
    const place = slide.dataset.number.replace("/", " of ");
    slide.setAttribute("aria-label", on ? "Slide " + place + ": " + titleOf(slide) : place);
  });
  if (on) {
    filterForm.firstChild.value = "";
    filter();
    focusCurrent();
    if (search) filterForm.firstChild.focus();
  }
  go(current, { address: false });
  if (!on) focusBack();
}

// The keyboard goes back to what had it, or is on the slide that was chosen.
function focusBack() {
  if (focusedBefore && focusedBefore.isConnected && focusedBefore.checkVisibility()) return focusedBefore.focus({ preventScroll: true });
  const slide = slides[current];
  if (!slide) return;
  slide.tabIndex = -1;
  slide.focus({ preventScroll: true });
}

function makeFilter() {
  filterForm = document.createElement("form");
  filterForm.id = "find";
  filterForm.setAttribute("role", "search");
  filterForm.innerHTML = '<input type="search" aria-label="Show slides with these words" placeholder="Show slides with these words" autocomplete="off" spellcheck="false"><output></output>';
  document.body.insertBefore(filterForm, deck);
  filterForm.addEventListener("input", filter);
  filterForm.addEventListener("submit", (event) => {
    event.preventDefault();
    const first = slides.findIndex((s) => !s.classList.contains("hidden"));
    if (first >= 0) { leaveOverview(); go(first); }
  });
}

function filter() {
  const words = wordsOf(filterForm.firstChild.value);
  let count = 0;
  slides.forEach((slide) => {
    const fits = words.every((word) => textOf(slide).includes(word));
    slide.classList.toggle("hidden", !fits);
    if (fits) count++;
  });
  filterForm.lastChild.textContent = count + (count === 1 ? " slide" : " slides");
}

function focusCurrent() {
  const slide = slides[current];
  slide.scrollIntoView({ block: "center" });
  slide.focus({ preventScroll: true });
}

function overviewKey(key) {
  const seen = slides.filter((s) => !s.classList.contains("hidden"));
  const i = seen.indexOf(slides[current]);
  let across = 1;
  while (across < seen.length && seen[across].offsetTop === seen[0].offsetTop) across++;
  const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: across, ArrowUp: -across, j: across, k: -across, l: 1, h: -1, Home: -1e6, End: 1e6,
    PageDown: across * 3, PageUp: -across * 3 }[key];
  if (!by || !seen.length) return false;
  const target = seen[i < 0 ? 0 : Math.max(0, Math.min(seen.length - 1, i + by))];
  go(slides.indexOf(target), { address: false });
  focusCurrent();
  return true;
}
