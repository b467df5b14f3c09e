// The speaker's time: clock, stopwatch, countdown, and the pace against the plan of the parts. It is kept in the browser, so
// that reloading a page or opening the speaker's window later loses none of it.

// A talk that has not been touched for so long is over, and its stopwatch with it.
const FORGOTTEN = 6 * 3600e3;
const clockName = "clock " + location.pathname;
let clock = readClock();

function newClock() { return { running: false, gone: 0, since: 0, minutes: null, spent: {}, seen: Date.now() }; }

function readClock() {
  try {
    const there = JSON.parse(kept(clockName));
    if (there && Date.now() - there.seen < FORGOTTEN && typeof there.spent === "object") return { ...newClock(), ...there };
  } catch { /* none that can be read */ }
  return newClock();
}

function keepClock() {
  clock.seen = Date.now();
  keep(clockName, JSON.stringify(clock));
}

function seconds() { return (clock.gone + (clock.running ? Date.now() - clock.since : 0)) / 1000; }

// The first move of a talk starts it.
function startClock() {
  if (clock.running || clock.gone) return;
  Object.assign(clock, { running: true, since: Date.now() });
  keepClock();
}

function pauseClock() {
  clock.gone = seconds() * 1000;
  clock.since = Date.now();
  clock.running = !clock.running;
  keepClock();
  tick();
}

// To zero; with a number of minutes, for a talk of that length.
function resetClock(minutes) {
  clock = { ...newClock(), running: true, since: Date.now(), minutes: minutes ?? clock.minutes };
  keepClock();
  say(minutes ? "Stopwatch at zero, " + minutes + " minutes to go" : "Stopwatch at zero");
  tick();
}

// ---- The plan: parts begin on slides that say so ----

function parts() {
  const found = [];
  slides.forEach((slide, i) => {
    if (slide.dataset.minutes) found.push({ title: slide.dataset.part, minutes: +slide.dataset.minutes, start: i });
  });
  found.forEach((part, n) => { part.end = found[n + 1]?.start ?? slides.length; });
  return found;
}

function minutesPlanned() { return clock.minutes || parts().reduce((sum, part) => sum + part.minutes, 0); }

// How many seconds we should have needed to be on this slide, or null without a plan.
function due() {
  let sum = 0;
  for (const part of parts()) {
    if (current < part.start) break;
    sum += 60 * part.minutes * Math.min(1, (current - part.start) / (part.end - part.start));
    if (current < part.end) return sum;
  }
  return parts().length ? sum : null;
}

function partNow() { return parts().find((part) => current >= part.start && current < part.end); }

// ---- On the screen ----

function two(n) { return String(n).padStart(2, "0"); }

function span(s) {
  const whole = Math.floor(Math.abs(s));
  return (s < 0 ? "−" : "") + Math.floor(whole / 3600) + ":" + two(Math.floor(whole / 60) % 60) + ":" + two(whole % 60);
}

let ticked = Date.now();
function tick() {
  const now = Date.now();
  const passed = (now - ticked) / 1000;
  ticked = now;
  if (!isOn("presenter") || !slides.length) return;
  const part = partNow();
  // Ticks come late or not at all while a computer sleeps; that is not time spent on a part.
  if (clock.running && part && passed < 5) clock.spent[part.title] = (clock.spent[part.title] || 0) + passed;
  if (clock.running) keepClock();
  const put = (name, text) => {
    const element = panel.querySelector("." + name);
    if (element.textContent !== text) element.textContent = text;
  };
  const time = new Date();
  put("now", two(time.getHours()) + ":" + two(time.getMinutes()));
  put("gone", span(seconds()));
  panel.querySelector(".watch").classList.toggle("paused", !clock.running);
  const planned = minutesPlanned();
  const left = planned * 60 - seconds();
  put("left", planned ? span(left) : "set the time");
  panel.querySelector(".countdown").classList.toggle("unset", !planned);
  panel.querySelector(".countdown").classList.toggle("over", planned > 0 && left < 0);
  const should = due();
  const late = should === null ? null : (seconds() - should) / 60;
  const pace = panel.querySelector(".pace");
  pace.hidden = late === null;
  if (late !== null) {
    put("pace", Math.abs(late) < 1 ? "On time" : Math.floor(Math.abs(late)) + " min " + (late > 0 ? "behind" : "ahead"));
    pace.classList.toggle("behind", late >= 1);
  }
  showParts(part);
}

function showParts(now) {
  const table = panel.querySelector(".parts");
  const all = parts();
  table.hidden = !all.length;
  if (!all.length) return;
  const body = table.tBodies[0];
  while (body.rows.length < all.length) {
    const row = body.insertRow();
    const head = document.createElement("th");
    head.scope = "row";
    row.append(head);
    row.insertCell();
    row.insertCell();
  }
  while (body.rows.length > all.length) body.deleteRow(-1);
  all.forEach((part, n) => {
    const row = body.rows[n];
    const spent = (clock.spent[part.title] || 0) / 60;
    const texts = [part.title, part.minutes + " min", spent >= 0.05 ? spent.toFixed(spent < 10 ? 1 : 0) + " min" : "–"];
    texts.forEach((text, i) => { if (row.cells[i].textContent !== text) row.cells[i].textContent = text; });
    row.classList.toggle("over", spent > part.minutes);
    if (part.start === now?.start) row.setAttribute("aria-current", "step");
    else row.removeAttribute("aria-current");
    row.style.setProperty("--spent", String(Math.min(1, spent / part.minutes)));
  });
}
