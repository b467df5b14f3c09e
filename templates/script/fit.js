// Making a slide fit its window, and its page of paper.

// Text too long for its slide gets smaller, down to a size that can still be read; from there on the slide scrolls. Code gets
// as small as its longest line needs, within the same bound; beyond it lines are broken.
function fit(slide) {
  const body = bodyOf(slide);
  body.style.removeProperty("--fit");
  const phone = isPhone(body);
  const blocks = [...body.querySelectorAll("pre")];
  blocks.forEach((pre) => { pre.style.removeProperty("--pre"); pre.classList.remove("wrap"); });
  const sizes = blocks.map((pre) => Math.min(1, pre.clientWidth / pre.scrollWidth));
  blocks.forEach((pre, i) => {
    if (sizes[i] > 0.999) return;
    // Too long by far, an error message most often: it is broken, and small enough to look like one thing.
    if (sizes[i] < (phone ? 0.3 : 0.62)) pre.classList.add("wrap");
    pre.style.setProperty("--pre", Math.max(phone ? 0.8 : pre.classList.contains("wrap") ? 0.86 : 0.62, sizes[i] * 0.985).toFixed(3));
  });
  if (!phone) {
    for (let size = 0.95; size > 0.6 && body.scrollHeight > body.clientHeight + 1; size -= 0.05) {
      body.style.setProperty("--fit", size.toFixed(2));
    }
  }
  scrollable(body);
  body.querySelectorAll("pre, .formula").forEach(scrollable);
}

// The style sheet says so: on a phone slides scroll instead of getting smaller.
function isPhone(body) { return !!getComputedStyle(body).getPropertyValue("--scroll"); }

// What scrolls can be reached with the keyboard.
function scrollable(box) {
  if (box.scrollHeight > box.clientHeight + 1 || box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
  else box.removeAttribute("tabindex");
}

function refit() {
  if (slides[current] && !isOn("overview")) fit(slides[current]);
  if (isOn("presenter") && slides[current + 1]) fit(slides[current + 1]);
}

// Views that paper has not, and what is put away with them while it is printed.
const VIEWS = ["presenter", "overview", "black", "invite"];
let putAway = [];
let magnified = null;

// Paper has all slides as they are, whatever the window shows. They are measured as they will be printed: widths are set by the style
// sheet for paper only, so they are set here first.
function beforePrint() {
  putAway = VIEWS.filter(isOn);
  root.classList.remove(...putAway);
  magnified = zoomed;
  zoom(null);
  const sheet = document.createElement("style");
  sheet.id = "measuring";
  sheet.textContent = ".js .slide{display:block!important;position:absolute!important;inset:0 auto auto 0!important;width:1280px!important;height:720px!important}";
  document.head.appendChild(sheet);
  slides.forEach(fit);
  sheet.remove();
}

function afterPrint() {
  root.classList.add(...putAway);
  putAway = [];
  refit();
  zoom(magnified);
}
