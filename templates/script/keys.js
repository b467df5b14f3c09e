// The keyboard, and clickers, which are keyboards: the keys that people know from remark and reveal.

let typed = "";

function key(event) {
  const target = event.target;
  const name = event.key;
  // reveal's way past the increments; a remark deck leaves these keys to the browser, for which they are back and forth.
  const past = event.altKey && reveal && !isOn("overview") && /^Arrow/.test(name);
  if (event.defaultPrevented || (event.altKey && !past) || event.ctrlKey || event.metaKey) return;
  if (help.open) {
    if (name === "?" || name === "h") { help.close(); event.preventDefault(); }
    return;
  }
  if (document.querySelector("dialog[open]")) return;
  if (/^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || target.isContentEditable) {
    const own = filterForm && filterForm.contains(target);
    if (name === "Escape" && own) toggleOverview(false);
    if (name === "ArrowDown" && own) { event.preventDefault(); overviewKey("Home"); }
    return;
  }
  if ((name === " " || name === "Enter") && /^(BUTTON|A|SUMMARY|VIDEO|AUDIO)$/.test(target.tagName) && !typed) return;
  if (!isOn("presenter")) {
    if (isOn("black")) { blackout(false); event.preventDefault(); return; }
    if (isOn("invite") && name === "Escape") { invite(); event.preventDefault(); return; }
  }
  if (isOn("overview") && overviewKey(name)) { event.preventDefault(); return; }
  if (reads(target, name, event.shiftKey)) return;
  if (/^[0-9]$/.test(name)) { typed = (typed + name).slice(-6); say(typed); flash(typed); return; }
  const action = name === "Enter" ? enter : actions[name] || actions[name.length === 1 ? name.toLowerCase() : ""];
  const number = typed ? +typed : undefined;
  if (name !== "Enter") typed = "";
  if (!action) return;
  event.preventDefault();
  action(event, number);
}

// What scrolls is read to its end first: a long slide, the notes.
function reads(target, name, shift) {
  if (isOn("overview") || !target.closest) return false;
  const box = target.closest(".body, .said, pre");
  if (!box || target !== box || !/^(Arrow(Down|Up|Left|Right)| |PageDown|PageUp)$/.test(name)) return false;
  if (/^Arrow(Left|Right)$/.test(name)) {
    const room = name === "ArrowRight" ? box.scrollWidth - box.clientWidth - box.scrollLeft : box.scrollLeft;
    return getComputedStyle(box).overflowX !== "hidden" && room > 2;
  }
  const down = name === "ArrowDown" || name === "PageDown" || (name === " " && !shift);
  return (down ? box.scrollHeight - box.clientHeight - box.scrollTop : box.scrollTop) > 2;
}

function enter() {
  if (typed) {
    const number = +typed;
    typed = "";
    flash("");
    if (isOn("overview")) leaveOverview();
    go(byNumber(number));
  } else if (isOn("overview")) {
    leaveOverview();
    go(current, { force: true, fresh: true });
  } else {
    next();
  }
}

// The presenter comes back from the overview.
function toggleOverview(on = !isOn("overview"), search = false) {
  if (on && isOn("presenter")) { presenterWaits = true; present(false); }
  overview(on, search);
  if (!on && presenterWaits) { presenterWaits = false; present(true); focusBack(); }
}

// A slide was chosen in the overview: the keyboard goes there.
function leaveOverview() {
  focusedBefore = null;
  toggleOverview(false);
}

function escape() {
  if (zoomed) toggleZoom();
  else if (isOn("overview")) toggleOverview(false);
  else if (isOn("invite")) invite();
  else if (isOn("black")) blackout(false);
  else if (isOn("presenter")) { if (!window.name.endsWith("-speaker")) present(false); }
  else if (reveal) toggleOverview(true);
}

// An arrow; with Shift or Alt it does in a reveal deck what it does in reveal.
function press(event, dh, dv) {
  if (reveal && event.shiftKey) return toEdge(dh, dv);
  if (event.altKey) return arrowPast(dh, dv);
  arrow(dh, dv);
}

const actions = {
  ArrowRight: (e) => press(e, 1, 0), ArrowLeft: (e) => press(e, -1, 0), ArrowDown: (e) => press(e, 0, 1), ArrowUp: (e) => press(e, 0, -1),
  " ": (e) => step(e.shiftKey ? -1 : 1),
  PageDown: next, PageUp: previous, j: next, k: previous, n: next, Backspace: previous,
  Home: () => go(0), End: () => go(slides.length - 1),
  o: () => toggleOverview(), g: openFinder, "/": () => isOn("overview") ? filterForm.firstChild.focus() : openFinder(),
  p: () => present(), s: () => openWindow(true), c: () => openWindow(false),
  d: theme, f: fullscreen, m: mirror, l: nextLanguage,
  t: (_, minutes) => { resetClock(minutes); flash(minutes ? minutes + " min" : "0:00"); },
  b: () => blackout(), ".": () => blackout(),
  x: togglePointer, z: () => toggleZoom(), i: invite,
  "+": () => isOn("presenter") && notesSize(0.1), "-": () => isOn("presenter") && notesSize(-0.1),
  "?": showHelp, h: () => reveal ? arrow(-1, 0) : showHelp(),
  Escape: escape,
};
// reveal's own hand moves left, down, up and right; its other name for a pause is v.
if (reveal) Object.assign(actions, { l: () => arrow(1, 0), j: () => arrow(0, 1), k: () => arrow(0, -1), v: () => blackout() });
