// The slides of the page, and the names by which addresses and people call them.

const root = document.documentElement;
const deck = document.getElementById("deck");
const bar = document.getElementById("bar");
const progress = document.getElementById("progress");
const help = document.getElementById("help");
const reveal = root.dataset.dialect === "reveal";
let slides = [];
let current = -1;

function isOn(name) { return root.classList.contains(name); }

// A selector would look at all that is on the slides, which in a large deck takes longer than all else.
function slidesOf(deck) { return [...deck.children].filter((child) => child.classList.contains("slide")); }

// The buttons for something, wherever they are; none is on a slide.
function buttonsFor(name) {
  const boxes = [...document.body.children].filter((box) => box !== deck);
  return boxes.flatMap((box) => [...box.querySelectorAll(`[data-do="${name}"]`)]);
}

function read() {
  slides = slidesOf(deck);
  slides.forEach((slide) => {
    // Those that an edit left alone are as they were.
    if (slide.hasAttribute("role")) return;
    slide.setAttribute("role", "group");
    slide.setAttribute("aria-roledescription", "slide");
    label(slide);
  });
}

function label(slide) { slide.setAttribute("aria-label", slide.dataset.number.replace("/", " of ")); }

function hashOf(slide) {
  if (slide.dataset.name) return "#" + encodeURIComponent(slide.dataset.name);
  if (reveal) return "#/" + slide.dataset.h + (slide.dataset.v === "0" ? "" : "/" + slide.dataset.v);
  return "#" + slide.id;
}

function numberOf(slide) {
  return parseInt(slide.dataset.number.replace(/^\D+/, ""), 10);
}

// The slide that an address means: #/h/v, a name, an id of anything on it, a number. -1 if there is none.
function indexOf(hash) {
  let text = hash.replace(/^#/, "");
  try { text = decodeURIComponent(text); } catch { /* taken as it is */ }
  if (!text) return -1;
  const place = /^\/(\d+)(?:\/(\d+))?$/.exec(text);
  if (place) return at(+place[1], +(place[2] || 0));
  text = text.replace(/^\//, "");
  const named = slides.findIndex((s) => s.dataset.name === text);
  if (named >= 0) return named;
  const slide = document.getElementById(text)?.closest(".slide");
  if (slide) return slides.indexOf(slide);
  return /^\d+$/.test(text) ? byNumber(+text) : -1;
}

function byNumber(number) {
  const i = slides.findIndex((s) => numberOf(s) === number);
  return i >= 0 ? i : Math.max(0, Math.min(number, slides.length) - 1);
}

// The slides of a stack.
function stack(h) { return slides.filter((s) => +s.dataset.h === h); }

function at(h, v) {
  const column = stack(h);
  return column.length ? slides.indexOf(column[Math.min(v, column.length - 1)]) : -1;
}

// What an element says, on one line: where a line ends in it, a word does.
function saidBy(element) {
  if (!element) return "";
  const whole = element.querySelector("br") ? element.cloneNode(true) : element;
  if (whole !== element) whole.querySelectorAll("br").forEach((end) => end.replaceWith(" "));
  return whole.textContent.replace(/\s+/g, " ").trim();
}

function titleOf(slide) {
  const heading = bodyOf(slide).querySelector("h1, h2, h3, h4, h5, h6") || bodyOf(slide).querySelector(":scope > p");
  return saidBy(heading).slice(0, 120);
}

function fragmentsOf(slide) {
  const order = (f) => +(f.dataset.fragmentIndex || 0);
  return [...bodyOf(slide).querySelectorAll(".fragment")].sort((a, b) => order(a) - order(b));
}

function shownOn(slide) { return fragmentsOf(slide).filter((f) => f.classList.contains("shown")).length; }
