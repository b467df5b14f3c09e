// Everything set going, and what others may call: `window.dockside` is for the script that a server adds, and for a course's own.

function follow() {
  const i = indexOf(location.hash);
  if (i >= 0 && i !== current) go(i, { address: false });
}

// Stays where the reader is while `change` puts other slides in the place of those shown.
function edit(change) {
  const old = slides[current];
  const hash = old ? hashOf(old) : location.hash;
  const wasNamed = old?.dataset.name;
  const shown = old ? shownOn(old) : 0;
  const top = old ? bodyOf(old).scrollTop : 0;
  let i = current;
  change();
  read();
  current = -1;
  readLanguages();
  if (wasNamed && indexOf(hash) >= 0) i = indexOf(hash);
  const before = applying;
  applying = true;
  go(i, { replace: true, say: false, force: true, shown });
  applying = before;
  if (slides[current]) bodyOf(slides[current]).scrollTop = top;
  if (isOn("overview")) overview(true);
  tell(true);
}

// All slides are other ones.
function replace(html, title) {
  edit(() => { deck.innerHTML = html; });
  if (title) document.title = title;
}

// In place of `gone` slides from `start` on there are those of `html`. `places` says where all slides stand then, if that is news.
function patch(start, gone, html, places) {
  edit(() => {
    const range = document.createRange();
    range.selectNodeContents(deck);
    const fresh = range.createContextualFragment(html);
    const after = slides[start + gone] || null;
    slides.slice(start, start + gone).forEach((slide) => slide.remove());
    deck.insertBefore(fresh, after);
    if (places) slidesOf(deck).forEach((slide, i) => stand(slide, ...places[i]));
  });
}

function stand(slide, id, number, h, v) {
  if (slide.id === id && slide.dataset.number === number && slide.dataset.h === h && slide.dataset.v === v) return;
  slide.id = id;
  Object.assign(slide.dataset, { number, h, v });
  label(slide);
}

function start() {
  read();
  const chosen = kept("theme");
  if (chosen === "dark" || chosen === "light") root.dataset.theme = chosen;
  bar.hidden = false;
  addEventListener("keydown", key);
  addEventListener("hashchange", follow);
  addEventListener("resize", () => { refit(); if (pointed) point(pointed); });
  addEventListener("beforeprint", beforePrint);
  addEventListener("afterprint", afterPrint);
  addEventListener("mousemove", wake, { passive: true });
  addEventListener("pointermove", pointerMoved, { passive: true });
  document.addEventListener("click", click);
  deck.addEventListener("touchstart", touchStart, { passive: true });
  deck.addEventListener("touchend", touchEnd, { passive: true });
  deck.addEventListener("wheel", wheel, { passive: true });
  readLanguages();
  const i = indexOf(location.hash);
  quietly(() => go(i < 0 ? 0 : i, { address: i >= 0, replace: true, say: false, fresh: true }));
  startWindows();
  startView();
}

window.dockside = {
  go, replace, patch, refit, present, apply, say,
  place: () => slides[current] ? place() : null,
  page: pageName,
  count: () => slides.length,
  // The windows of one talk have this in common; `opened` are those that another one has opened.
  group: () => group,
  opened: () => !!group && !window.name.endsWith("-first"),
  // `listener(place, {moved, edited})` hears whenever this window goes somewhere by itself.
  listen: (listener) => { listeners.push(listener); },
};
start();
