// The keyboard, and clickers, which are keyboards: the keys that people know from remark and reveal.

let typed = "";

function key(event) {
  if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey) return;
  const target = event.target;
  const name = event.key;
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
    if (isOn("overview")) toggleOverview(false);
    go(byNumber(number));
  } else if (isOn("overview")) {
    toggleOverview(false);
    go(current, { force: true, fresh: true });
  } else {
    next();
  }
}

// The presenter comes back from the overview.
function toggleOverview(on = !isOn("overview"), search = false) {
  if (on && isOn("presenter")) { presenterWaits = true; present(false); }
  overview(on, search);
  if (!on && presenterWaits) { presenterWaits = false; present(true); }
}

function escape() {
  if (zoomed) toggleZoom();
  else if (isOn("overview")) toggleOverview(false);
  else if (isOn("invite")) invite();
  else if (isOn("black")) blackout(false);
  else if (isOn("presenter") && !window.name.endsWith("-speaker")) present(false);
}

const actions = {
  ArrowRight: (e) => e.shiftKey && reveal ? go(slides.length - 1) : arrow(1, 0),
  ArrowLeft: (e) => e.shiftKey && reveal ? go(0) : arrow(-1, 0),
  ArrowDown: () => arrow(0, 1), ArrowUp: () => arrow(0, -1),
  " ": (e) => step(e.shiftKey ? -1 : 1),
  PageDown: next, PageUp: previous, j: next, k: previous, n: next, Backspace: previous,
  Home: () => go(0), End: () => go(slides.length - 1),
  o: () => toggleOverview(), g: openFinder, "/": () => isOn("overview") ? filterForm.firstChild.focus() : openFinder(),
  p: () => present(), s: () => openWindow(true), c: () => openWindow(false),
  d: theme, f: fullscreen, l: nextLanguage,
  t: (_, minutes) => { resetClock(minutes); flash(minutes ? minutes + " min" : "0:00"); },
  b: () => blackout(), ".": () => blackout(),
  x: togglePointer, z: () => toggleZoom(), i: invite,
  "+": () => isOn("presenter") && notesSize(0.1), "-": () => isOn("presenter") && notesSize(-0.1),
  "?": showHelp, h: () => reveal ? arrow(-1, 0) : showHelp(),
  Escape: escape,
};
// reveal's own hand moves left, down, up and right.
if (reveal) Object.assign(actions, { l: () => arrow(1, 0), j: () => arrow(0, 1), k: () => arrow(0, -1) });
