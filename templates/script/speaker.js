// The presenter's view: this slide, the next one, the notes, the time, and what can be done to the audience's windows.

let panel;
// The presenter is in the overview and comes back.
let presenterWaits = false;

const PANEL = `
<div class="times">
<p class="clocks"><span class="sr">Time of day</span><span class="now"></span></p>
<button type="button" class="watch" data-do="pause" title="Stopwatch: a click stops it, t sets it to zero"><span class="sr">Stopwatch</span><span class="gone"></span></button>
<button type="button" class="countdown" data-do="minutes" title="Time left; a click sets it"><span class="sr">Time left</span><span class="left"></span></button>
<span class="pace" hidden></span>
</div>
<div class="tools" role="toolbar" aria-label="The audience's windows">
<button type="button" data-do="window" title="Window for the audience (c)">Window</button>
<button type="button" data-do="black" title="Black screen (b)">Black</button>
<button type="button" data-do="pointer" title="Pointer (x)">Pointer</button>
<button type="button" data-do="zoom" title="Zoom (z)">Zoom</button>
<button type="button" data-do="invite" title="Address and QR code for the class (i)">Invite</button>
<button type="button" data-do="language" title="Language (l)">Language</button>
<button type="button" data-do="find" title="Go to a slide (g)">Go to</button>
<button type="button" data-do="present" title="Leave the presenter's view (p)">Leave</button>
<span class="listeners"></span>
</div>
<div class="plan"><table class="parts" hidden><caption class="sr">The plan</caption><thead class="sr"><tr><th scope="col">Part</th><th scope="col">Planned</th><th scope="col">Spent</th></tr></thead><tbody></tbody></table></div>
<p class="upnext"></p>
<div class="said" tabindex="0" role="region" aria-label="Notes"></div>
<dialog id="minutes" aria-label="How long the talk is"><form method="dialog"><label>The talk has <input type="number" min="1" max="1440" step="1" inputmode="numeric" required> minutes</label> <button type="submit" value="set">Start at zero</button> <button type="submit" value="cancel" formnovalidate>Cancel</button></form></dialog>`;

// A page that is loaded again is what it was: `serve` loads pages again when it comes back. A window that this one opens gets a
// copy of what is kept here, and must not take it for its own.
function keepView(on) {
  try { sessionStorage.setItem("dockside-view", on ? "presenter" : ""); } catch { /* not then */ }
}

function startView() {
  let view = "";
  try { view = sessionStorage.getItem("dockside-view"); } catch { /* as said */ }
  const again = performance.getEntriesByType("navigation")[0]?.type === "reload";
  if (window.name.endsWith("-speaker") || (again && view === "presenter")) present(true);
  else keepView(false);
}

function present(on = !isOn("presenter")) {
  if (on && isOn("overview")) overview(false);
  root.classList.toggle("presenter", on);
  keepView(on);
  if (on && !panel) {
    panel = document.createElement("aside");
    panel.id = "presenter";
    panel.setAttribute("aria-label", "Presenter");
    panel.innerHTML = PANEL;
    document.body.appendChild(panel);
    const asked = panel.querySelector("dialog");
    asked.addEventListener("close", () => {
      if (asked.returnValue === "set") resetClock(+asked.querySelector("input").value);
    });
    notesSize(0);
    setInterval(tick, 500);
  }
  slides.forEach((slide) => { if (!isOn("presenter")) bodyOf(slide).removeAttribute("aria-hidden"); });
  go(current, { address: false });
  if (on) { showTools(); tick(); }
  else refit();
}

// Notes and what comes next, for the slide we are on.
function showSlide() {
  const slide = slides[current];
  const said = panel.querySelector(".said");
  const notes = slide.querySelector(":scope > .notes");
  const text = notes ? notes.innerHTML : '<p class="none">No notes on this slide.</p>';
  if (said.dataset.of !== slide.id || said.dataset.text !== String(text.length)) {
    said.innerHTML = text;
    said.querySelectorAll("[id]").forEach((element) => element.removeAttribute("id"));
    said.scrollTop = 0;
    Object.assign(said.dataset, { of: slide.id, text: String(text.length) });
  }
  showLanguage();
  const after = slides[current + 1];
  const steps = fragmentsOf(slide).length - shownOn(slide);
  const what = after ? "Next: " + (titleOf(after) || "slide " + after.dataset.number.split("/")[0]) : "This is the last slide";
  panel.querySelector(".upnext").textContent = steps ? steps + (steps === 1 ? " step" : " steps") + " left here. " + what : what;
  if (after) fit(after);
  tick();
}

// What is on for the audience.
function showTools() {
  if (!panel) return;
  const on = { black: isOn("black"), pointer: pointing, zoom: !!zoomed, invite: isOn("invite") };
  for (const [name, is] of Object.entries(on)) panel.querySelector(`[data-do="${name}"]`).setAttribute("aria-pressed", String(is));
  panel.querySelector('[data-do="invite"]').hidden = !root.dataset.join;
  const button = panel.querySelector('[data-do="language"]');
  button.hidden = !languages.length;
  button.textContent = language === "all" ? "All languages" : (language || "").toUpperCase();
}

function notesSize(by) {
  const size = Math.max(0.6, Math.min(2.4, (+kept("notes") || 1) + by));
  if (by) keep("notes", size.toFixed(2));
  panel.querySelector(".said").style.setProperty("--notes", size.toFixed(2));
}

function askMinutes() {
  const asked = panel.querySelector("dialog");
  asked.querySelector("input").value = minutesPlanned() || "";
  asked.returnValue = "";
  asked.showModal();
}
