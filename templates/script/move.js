// Going from slide to slide. Everything that moves ends in `go`, and `go` ends in `tell`, by which other windows hear of it.

// Where the reader was in each stack, to come back to.
const rows = {};

// `address: false` leaves the address alone, `replace` does not add to the history, `say: false` announces nothing, `force` treats
// the slide as new, `fresh` hides its fragments, `shown` says how many are to be seen.
function go(i, options = {}) {
  if (!slides.length) return;
  i = Math.max(0, Math.min(i, slides.length - 1));
  const old = slides[current];
  const slide = slides[i];
  const moved = i !== current;
  const inside = moved && old && old.contains(document.activeElement);
  if (moved) zoom(null);
  if (old && old !== slide) old.classList.remove("current");
  slides.forEach((s) => { if (s.classList.contains("next")) s.classList.remove("next"); });
  slide.classList.add("current");
  if (slides[i + 1]) slides[i + 1].classList.add("next");
  if (moved || options.force) {
    const all = i < current && !options.fresh;
    const shown = options.shown ?? (all ? Infinity : 0);
    fragmentsOf(slide).forEach((f, n) => f.classList.toggle("shown", n < shown));
  }
  current = i;
  rows[slide.dataset.h] = +slide.dataset.v || 0;
  const deep = /(^| )(title|lead)( |$)/.test(slide.className) || slide.querySelector(".interstitial .remote");
  root.classList.toggle("on-deep", !!deep && !isOn("overview") && !isOn("presenter"));
  document.getElementById("position").textContent = slide.dataset.number.replace("/", " / ");
  // On the bar itself: from the root it would be handed down to all slides.
  progress.style.setProperty("--done", String(slides.length > 1 ? i / (slides.length - 1) : 1));
  ways(slide);
  if (!isOn("overview")) {
    fit(slide);
    if (moved) bodyOf(slide).scrollTop = 0;
  }
  if (options.address !== false && hashOf(slide) !== location.hash) setAddress(hashOf(slide), options.replace);
  // Whoever was on the slide that is gone, or on a link of it, goes on with this one. An address that is new takes the focus away.
  if (inside && !isOn("overview")) { slide.tabIndex = -1; slide.focus({ preventScroll: true }); }
  if (moved && options.say !== false) say("Slide " + slide.dataset.number.replace("/", " of ") + ". " + titleOf(slide));
  if (isOn("presenter")) showSlide();
  if (moved && i > 0) startClock();
  tell();
}

// What a slide shows: it may have a text for each language.
function bodyOf(slide) { return slide.querySelector(":scope > .body:not([hidden])") || slide.querySelector(":scope > .body"); }

// Through the history where that is allowed: to follow an address takes the focus away, and from what is opened next at that.
function setAddress(hash, replace) {
  try {
    if (replace) history.replaceState(null, "", hash);
    else history.pushState(null, "", hash);
  } catch {
    location.hash = hash;
  }
}

function say(text) { document.getElementById("announce").textContent = text; }

function next() { step(1); }

function previous() { step(-1); }

// To the next fragment or slide, or the one before.
function step(by) {
  if (!slides.length) return;
  const fragments = isOn("overview") ? [] : fragmentsOf(slides[current]);
  const one = by > 0 ? fragments.find((f) => !f.classList.contains("shown")) : fragments.findLast((f) => f.classList.contains("shown"));
  if (one) {
    one.classList.toggle("shown", by > 0);
    if (by > 0) say(saidBy(one).slice(0, 300));
    if (isOn("presenter")) showSlide();
    tell();
  } else if (slides[current + by]) {
    go(current + by);
  }
}

// Arrows in a deck of stacks: across, and up and down within one. Where an arrow leads nowhere it goes on in order, so that
// a deck with a single stack can be walked with any of them.
function arrow(dh, dv) {
  if (!reveal || dv) return step(dh + dv);
  const slide = slides[current];
  const h = +slide.dataset.h;
  const hidden = dh > 0 && fragmentsOf(slide).some((f) => !f.classList.contains("shown"));
  const target = hidden ? -1 : at(h + dh, rows[h + dh] || 0);
  if (target >= 0) return go(target, { fresh: true });
  step(dh);
}

// The same, and what is hidden on this slide stays so.
function arrowPast(dh, dv) {
  const { h, v } = slides[current].dataset;
  const beside = dh ? at(+h + dh, rows[+h + dh] || 0) : slides.indexOf(stack(+h)[+v + dv]);
  const target = beside >= 0 ? beside : current + dh + dv;
  if (slides[target]) go(target, { fresh: true });
}

// The first or last slide of the deck, or of the stack.
function toEdge(dh, dv) {
  const among = dv ? stack(+slides[current].dataset.h) : slides;
  go(slides.indexOf(dh + dv > 0 ? among.at(-1) : among[0]), { fresh: true });
}

// Which of the buttons lead somewhere.
function ways(slide) {
  const column = stack(+slide.dataset.h);
  const row = column.indexOf(slide);
  const able = { previous: current > 0, next: current < slides.length - 1, up: row > 0, down: row < column.length - 1 };
  for (const [name, is] of Object.entries(able)) {
    for (const button of buttonsFor(name)) {
      button.setAttribute("aria-disabled", String(!is && !shownOn(slide)));
      if (name === "up" || name === "down") button.hidden = !reveal || column.length < 2;
    }
  }
}
