// Pointer and zoom. A spot is an element of the slide and a point on it, so that it is the same spot in a window of another
// size and shape.

let pointing = false;
let pointed = null;
let zoomed = null;
let dot;
let mouse = null;

// A slide is the other way round only where it fills its window.
function isMirrored() { return isOn("mirrored") && !isOn("presenter") && !isOn("overview"); }

// What lies at a point of the window: the way to the element from the slide's body, and how far into it.
function spotAt(x, y) {
  const body = bodyOf(slides[current]);
  let element = document.elementFromPoint(x, y);
  if (!element || !slides[current].contains(element)) return null;
  if (!body.contains(element)) element = body;
  // Parts of a drawing or a formula are nothing that all windows would agree on.
  element = element.closest("svg, math") || element;
  const box = element.getBoundingClientRect();
  const path = [];
  for (let e = element; e !== body; e = e.parentElement) path.unshift([...e.parentElement.children].indexOf(e));
  const part = (value) => Math.round(value * 1e4) / 1e4;
  const across = (x - box.left) / (box.width || 1);
  return { path, x: part(isMirrored() ? 1 - across : across), y: part((y - box.top) / (box.height || 1)) };
}

// Where a spot is in this window.
function pointOf(spot) {
  let element = bodyOf(slides[current]);
  for (const n of spot.path) element = element.children[n] || element;
  const box = element.getBoundingClientRect();
  return { x: box.left + (isMirrored() ? 1 - spot.x : spot.x) * box.width, y: box.top + spot.y * box.height };
}

function isSpot(spot) {
  return !!spot && Array.isArray(spot.path) && spot.path.every(Number.isInteger) && Number.isFinite(spot.x) && Number.isFinite(spot.y);
}

// Shows the pointer there, or takes it away.
function point(spot) {
  pointed = isSpot(spot) ? spot : null;
  if (!pointed) { if (dot) dot.hidden = true; return; }
  if (!dot) {
    dot = document.createElement("div");
    dot.id = "pointer";
    dot.setAttribute("aria-hidden", "true");
    document.body.appendChild(dot);
  }
  const where = pointOf(pointed);
  dot.hidden = false;
  dot.style.transform = `translate(${where.x}px, ${where.y}px)`;
}

function togglePointer() {
  pointing = !pointing;
  root.classList.toggle("pointing", pointing);
  say(pointing ? "Pointer on" : "Pointer off");
  if (pointing && mouse) point(spotAt(mouse.x, mouse.y));
  if (!pointing) point(null);
  tell();
  showTools();
}

let drawn = false;
function pointerMoved(event) {
  mouse = { x: event.clientX, y: event.clientY };
  if (!pointing || drawn) return;
  drawn = true;
  requestAnimationFrame(() => {
    drawn = false;
    if (!pointing) return;
    point(isOn("overview") ? null : spotAt(mouse.x, mouse.y));
    tell();
  });
}

// Twice as large around a spot, or as it was.
function zoom(spot) {
  const slide = slides[current];
  const body = slide && bodyOf(slide);
  zoomed = isSpot(spot) ? spot : null;
  if (!body) return;
  body.style.removeProperty("transform");
  body.style.removeProperty("transform-origin");
  if (zoomed && !isPhone(body)) {
    const where = pointOf(zoomed);
    const box = body.getBoundingClientRect();
    const across = isMirrored() ? box.right - where.x : where.x - box.left;
    body.style.transformOrigin = `${across}px ${where.y - box.top}px`;
    body.style.transform = "scale(2)";
  }
  if (pointed) point(pointed);
}

function toggleZoom(x, y) {
  if (isOn("overview") || !slides.length) return;
  const box = slides[current].getBoundingClientRect();
  const there = x !== undefined ? { x, y } : mouse || { x: 0, y: 0 };
  const middle = { x: box.left + box.width / 2, y: box.top + box.height / 2 };
  zoom(zoomed ? null : spotAt(there.x, there.y) || spotAt(middle.x, middle.y));
  say(zoomed ? "Zoomed in" : "Zoomed out");
  tell();
  showTools();
}
