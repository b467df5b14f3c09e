// Touch, wheel and buttons. A swipe across turns the slide; up and down belong to scrolling, and to stacks where nothing scrolls.

let touch = null;

function touchStart(event) {
  const t = event.touches[0];
  const free = event.touches.length === 1 && !pointing && !zoomed;
  touch = free ? { x: t.clientX, y: t.clientY, at: Date.now(), across: !scrolls(event.target, "X"), down: !scrolls(event.target, "Y") } : null;
}

function touchEnd(event) {
  if (!touch || isOn("overview") || document.querySelector("dialog[open]")) return;
  const t = event.changedTouches[0];
  const dx = t.clientX - touch.x, dy = t.clientY - touch.y;
  const far = (one, other) => Math.abs(one) > 45 && Math.abs(one) > 1.6 * Math.abs(other);
  if (Date.now() - touch.at < 900) {
    if (isOn("black") && !isOn("presenter")) blackout(false);
    else if (far(dx, dy) && touch.across) arrow(dx < 0 ? 1 : -1, 0);
    else if (far(dy, dx) && touch.down && reveal) arrow(0, dy < 0 ? 1 : -1);
  }
  touch = null;
}

// Something between here and the deck has more to show in that direction.
function scrolls(element, axis) {
  for (; element && element !== deck; element = element.parentElement) {
    const more = axis === "X" ? element.scrollWidth > element.clientWidth + 2 : element.scrollHeight > element.clientHeight + 2;
    if (more && /auto|scroll/.test(getComputedStyle(element)["overflow" + axis])) {
      if (axis === "Y" || !element.classList.contains("body")) return true;
    }
  }
  return false;
}

// One turn of the wheel is one slide, however long a touchpad goes on about it.
let wheeled = 0;
let turning = 0;
function wheel(event) {
  if (event.ctrlKey || event.metaKey || isOn("overview") || zoomed || document.querySelector("dialog[open]") || scrolls(event.target, "Y")) return;
  if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) return;
  const quiet = event.timeStamp - wheeled;
  wheeled = event.timeStamp;
  const amount = event.deltaY * (event.deltaMode === 0 ? 1 : 40);
  if (quiet > 160) turning = 0;
  if (turning === Infinity) return;
  turning += amount;
  if (Math.abs(turning) < 60) return;
  const by = turning > 0 ? 1 : -1;
  turning = Infinity;
  step(by);
}

const deeds = {
  next, previous, up: () => arrow(0, -1), down: () => arrow(0, 1),
  overview: () => toggleOverview(), find: openFinder, theme, language: nextLanguage, help: showHelp,
  window: () => openWindow(false), black: () => blackout(), pointer: togglePointer, zoom: () => toggleZoom(), invite,
  present: () => present(), pause: pauseClock, minutes: askMinutes,
};

function click(event) {
  const button = event.target.closest("[data-do]");
  if (button) { deeds[button.dataset.do](); return; }
  if (isOn("black") && !isOn("presenter")) { blackout(false); return; }
  if (isOn("invite") && !isOn("presenter")) { invite(); return; }
  const slide = event.target.closest(".slide");
  if (!slide) return;
  if (isOn("overview")) {
    event.preventDefault();
    leaveOverview();
    go(slides.indexOf(slide), { force: true, fresh: true });
  } else if (isOn("presenter") && slide !== slides[current]) {
    event.preventDefault();
    next();
  } else if (event.altKey) {
    event.preventDefault();
    toggleZoom(event.clientX, event.clientY);
  }
}

let asleep;
function wake() {
  root.classList.add("awake");
  clearTimeout(asleep);
  asleep = setTimeout(() => root.classList.remove("awake"), 2500);
}
