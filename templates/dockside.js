// Dockside: moving through a deck. One classic script without modules or requests, so that it works from file:// as well.
// Without it the page is a document to scroll through; everything here only adds to that.
(function () {
  "use strict";

  var root = document.documentElement;
  var deck = document.getElementById("deck");
  var bar = document.getElementById("bar");
  var help = document.getElementById("help");
  var reveal = root.dataset.dialect === "reveal";
  var slides = [];
  var current = -1;
  // Where the reader was in each stack, to come back to.
  var rows = {};
  var typed = "";
  var started = null;
  var followers = [];
  var find, presenter;

  // ---- Names and places ----

  function read() {
    slides = Array.prototype.slice.call(deck.querySelectorAll(".slide"));
  }

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
    var text = hash.replace(/^#/, "");
    try { text = decodeURIComponent(text); } catch (_) { /* taken as it is */ }
    if (!text) return -1;
    var place = /^\/(\d+)(?:\/(\d+))?$/.exec(text);
    if (place) return at(+place[1], +(place[2] || 0));
    text = text.replace(/^\//, "");
    var i = slides.findIndex(function (s) { return s.dataset.name === text; });
    if (i >= 0) return i;
    var element = document.getElementById(text);
    var slide = element && element.closest(".slide");
    if (slide) return slides.indexOf(slide);
    return /^\d+$/.test(text) ? byNumber(+text) : -1;
  }

  function byNumber(number) {
    var i = slides.findIndex(function (s) { return numberOf(s) === number; });
    return i >= 0 ? i : Math.max(0, Math.min(number, slides.length) - 1);
  }

  function at(h, v) {
    var column = slides.filter(function (s) { return +s.dataset.h === h; });
    if (!column.length) return -1;
    return slides.indexOf(column[Math.min(v, column.length - 1)]);
  }

  function titleOf(slide) {
    var heading = slide.querySelector("h1, h2, h3, h4, h5, h6") || slide.querySelector(".body > p");
    return heading ? heading.textContent.replace(/\s+/g, " ").trim().slice(0, 120) : "";
  }

  // ---- Going there ----

  function go(i, options) {
    options = options || {};
    if (!slides.length) return;
    i = Math.max(0, Math.min(i, slides.length - 1));
    var old = slides[current];
    var slide = slides[i];
    var moved = i !== current;
    if (old && old !== slide) old.classList.remove("current");
    slides.forEach(function (s) { if (s.classList.contains("next")) s.classList.remove("next"); });
    slide.classList.add("current");
    if (slides[i + 1]) slides[i + 1].classList.add("next");
    if (moved || options.force) {
      fragmentsOf(slide).forEach(function (f) { f.classList.toggle("shown", !!options.all || (i < current && !options.fresh)); });
    }
    current = i;
    rows[slide.dataset.h] = +slide.dataset.v || 0;
    root.classList.toggle("on-deep", (/(^| )(title|lead)( |$)/.test(slide.className) || !!slide.querySelector(".interstitial .remote")) && !isOn("overview") && !isOn("presenter"));
    document.getElementById("position").textContent = slide.dataset.number.replace("/", " / ");
    root.style.setProperty("--done", String(slides.length > 1 ? i / (slides.length - 1) : 1));
    if (!isOn("overview")) {
      fit(slide);
      if (moved) slide.firstElementChild.scrollTop = 0;
    }
    if (options.address !== false && hashOf(slide) !== location.hash) setAddress(hashOf(slide), options.replace);
    if (moved && options.say !== false) say("Slide " + slide.dataset.number.replace("/", " of ") + ". " + titleOf(slide));
    if (isOn("presenter")) showNotes();
    if (started === null && i > 0) started = Date.now();
    tell();
  }

  function setAddress(hash, replace) {
    if (replace) {
      try { history.replaceState(null, "", hash); return; } catch (_) { /* not allowed here: set it */ }
    }
    location.hash = hash;
  }

  function say(text) {
    document.getElementById("announce").textContent = text;
  }

  function fragmentsOf(slide) {
    var order = function (f) { return +(f.dataset.fragmentIndex || 0); };
    return Array.prototype.slice.call(slide.querySelectorAll(".fragment")).sort(function (a, b) { return order(a) - order(b); });
  }

  function next() {
    var hidden = fragmentsOf(slides[current]).find(function (f) { return !f.classList.contains("shown"); });
    if (hidden && !isOn("overview")) { hidden.classList.add("shown"); tell(); return; }
    if (current < slides.length - 1) go(current + 1);
  }

  function previous() {
    var shown = fragmentsOf(slides[current]).filter(function (f) { return f.classList.contains("shown"); }).pop();
    if (shown && !isOn("overview")) { shown.classList.remove("shown"); tell(); return; }
    if (current > 0) go(current - 1);
  }

  // Arrows in a deck of stacks: across, and up and down within one. Where an arrow leads nowhere it goes on in order, so that
  // a deck with a single stack can be walked with any of them.
  function arrow(dh, dv) {
    if (!reveal) return dh + dv > 0 ? next() : previous();
    var slide = slides[current];
    var h = +slide.dataset.h, v = +slide.dataset.v;
    if (dv) {
      var column = slides.filter(function (s) { return +s.dataset.h === h; });
      if (column[v + dv]) return dv > 0 ? next() : previous();
      return dv > 0 ? next() : previous();
    }
    var hidden = dh > 0 && fragmentsOf(slide).some(function (f) { return !f.classList.contains("shown"); });
    var target = hidden ? -1 : at(h + dh, rows[h + dh] || 0);
    if (target >= 0) return go(target, { fresh: true });
    return dh > 0 ? next() : previous();
  }

  // ---- Making a slide fit ----

  // Text too long for its slide gets smaller, down to a size that can still be read; from there on the slide scrolls. Code gets
  // as small as its longest line needs, within the same bound; beyond it lines are broken.
  function fit(slide) {
    var body = slide.firstElementChild;
    body.style.removeProperty("--fit");
    var phone = !!getComputedStyle(body).getPropertyValue("--scroll");
    var blocks = Array.prototype.slice.call(body.querySelectorAll("pre"));
    blocks.forEach(function (pre) { pre.style.removeProperty("--pre"); pre.classList.remove("wrap"); });
    var sizes = blocks.map(function (pre) { return Math.min(1, pre.clientWidth / pre.scrollWidth); });
    blocks.forEach(function (pre, i) {
      if (sizes[i] > 0.999) return;
      // Too long by far, an error message most often: it is broken, and small enough to look like one thing.
      if (sizes[i] < (phone ? 0.3 : 0.62)) pre.classList.add("wrap");
      pre.style.setProperty("--pre", Math.max(phone ? 0.8 : pre.classList.contains("wrap") ? 0.86 : 0.62, sizes[i] * 0.985).toFixed(3));
    });
    if (phone) return scrollable(body);
    for (var size = 0.95; size > 0.6 && body.scrollHeight > body.clientHeight + 1; size -= 0.05) {
      body.style.setProperty("--fit", size.toFixed(2));
    }
    scrollable(body);
  }

  // What scrolls can be reached with the keyboard.
  function scrollable(body) {
    if (body.scrollHeight > body.clientHeight + 1) body.tabIndex = 0;
    else body.removeAttribute("tabindex");
  }

  function refit() {
    if (slides[current] && !isOn("overview")) fit(slides[current]);
  }

  // ---- Overview, presenter, and the other ways to look at a deck ----

  function isOn(name) { return root.classList.contains(name); }

  function overview(on, search) {
    if (on === undefined) on = !isOn("overview");
    if (on && isOn("presenter")) present(false);
    root.classList.toggle("overview", on);
    if (on && !find) {
      find = document.createElement("form");
      find.id = "find";
      find.setAttribute("role", "search");
      find.innerHTML = '<input type="search" aria-label="Find a slide" placeholder="Find a slide" autocomplete="off" spellcheck="false"><output></output>';
      document.body.insertBefore(find, deck);
      find.addEventListener("input", filter);
      find.addEventListener("submit", function (e) {
        e.preventDefault();
        var first = slides.find(function (s) { return !s.classList.contains("hidden"); });
        if (first) { overview(false); go(slides.indexOf(first)); }
      });
    }
    slides.forEach(function (s) {
      if (on) { s.tabIndex = -1; s.setAttribute("aria-label", "Slide " + s.dataset.number + ": " + titleOf(s)); }
      else { s.removeAttribute("tabindex"); s.removeAttribute("aria-label"); s.classList.remove("hidden"); }
    });
    if (on) {
      find.firstChild.value = "";
      filter();
      focusCurrent();
      if (search) find.firstChild.focus();
    } else {
      if (document.activeElement && document.activeElement !== document.body) document.activeElement.blur();
    }
    go(current, { address: false });
  }

  function filter() {
    var words = find.firstChild.value.toLowerCase().split(/\s+/).filter(Boolean);
    var count = 0;
    slides.forEach(function (s) {
      var text = words.length ? s.textContent.toLowerCase() : "";
      var fits = words.every(function (w) { return text.indexOf(w) >= 0; });
      s.classList.toggle("hidden", !fits);
      if (fits) count++;
    });
    find.lastChild.textContent = count + (count === 1 ? " slide" : " slides");
  }

  function focusCurrent() {
    var slide = slides[current];
    slide.scrollIntoView({ block: "center" });
    slide.focus({ preventScroll: true });
  }

  function overviewKey(key) {
    var shown = slides.filter(function (s) { return !s.classList.contains("hidden"); });
    var i = shown.indexOf(slides[current]);
    var across = 1;
    while (across < shown.length && shown[across].offsetTop === shown[0].offsetTop) across++;
    var step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: across, ArrowUp: -across, j: across, k: -across, l: 1, h: -1, Home: -1e6, End: 1e6,
      PageDown: across * 3, PageUp: -across * 3 }[key];
    if (!step || !shown.length) return false;
    var target = shown[i < 0 ? 0 : Math.max(0, Math.min(shown.length - 1, i + step))];
    go(slides.indexOf(target), { address: false });
    focusCurrent();
    return true;
  }

  function present(on) {
    if (on === undefined) on = !isOn("presenter");
    if (on && isOn("overview")) overview(false);
    root.classList.toggle("presenter", on);
    if (on && !presenter) {
      presenter = document.createElement("aside");
      presenter.id = "presenter";
      presenter.setAttribute("aria-label", "Speaker notes");
      presenter.innerHTML = '<div class="said" tabindex="0"></div><p class="clocks"><b class="gone"></b> <span class="now"></span></p>';
      document.body.appendChild(presenter);
      setInterval(clock, 500);
      if (started === null) started = Date.now();
      clock();
    }
    go(current, { address: false });
  }

  function showNotes() {
    var notes = slides[current].querySelector(".notes");
    presenter.firstChild.innerHTML = notes ? notes.innerHTML : '<p class="none">No notes on this slide.</p>';
    presenter.firstChild.scrollTop = 0;
  }

  function clock() {
    if (!presenter || !isOn("presenter")) return;
    var two = function (n) { return (n < 10 ? "0" : "") + n; };
    var gone = Math.floor((Date.now() - (started || Date.now())) / 1000);
    presenter.querySelector(".gone").textContent =
      Math.floor(gone / 3600) + ":" + two(Math.floor(gone / 60) % 60) + ":" + two(gone % 60);
    var now = new Date();
    presenter.querySelector(".now").textContent = two(now.getHours()) + ":" + two(now.getMinutes());
  }

  function theme() {
    var dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    try { localStorage.setItem("dockside-theme", root.dataset.theme); } catch (_) { /* for this page only */ }
    say(dark ? "Light" : "Dark");
  }

  function fullscreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else if (root.requestFullscreen) root.requestFullscreen().catch(function () {});
  }

  function blackout(on) { root.classList.toggle("black", on); }

  // ---- A second window that follows: by messages between the two, which work from file:// too ----

  function clone() {
    var other = window.open(location.href, "_blank", "popup,width=1024,height=640");
    if (other) followers.push(other);
  }

  function tell() {
    var shown = slides[current] ? fragmentsOf(slides[current]).filter(function (f) { return f.classList.contains("shown"); }).length : 0;
    var message = { dockside: "go", slide: current, shown: shown };
    if (told === message.slide + "." + shown) return;
    told = message.slide + "." + shown;
    followers = followers.filter(function (w) { return !w.closed; });
    followers.forEach(function (w) { w.postMessage(message, "*"); });
  }
  var told = "";

  function hear(event) {
    var known = event.source && (event.source === window.opener || followers.indexOf(event.source) >= 0);
    if (!known || !event.data) return;
    if (event.data.dockside === "hello") {
      if (followers.indexOf(event.source) < 0) followers.push(event.source);
      return;
    }
    if (event.data.dockside !== "go" || typeof event.data.slide !== "number") return;
    told = event.data.slide + "." + event.data.shown;
    if (event.data.slide !== current) go(event.data.slide);
    fragmentsOf(slides[current]).forEach(function (f, i) { f.classList.toggle("shown", i < event.data.shown); });
  }

  // ---- Keys ----

  function key(event) {
    if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey) return;
    var target = event.target;
    var name = event.key;
    if (help.open) {
      if (name === "?" || name === "h") { help.close(); event.preventDefault(); }
      return;
    }
    if (/^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || target.isContentEditable) {
      if (name === "Escape" && find && find.contains(target)) overview(false);
      if (name === "ArrowDown" && find && find.contains(target)) { event.preventDefault(); overviewKey("Home"); }
      return;
    }
    if ((name === " " || name === "Enter") && /^(BUTTON|A|SUMMARY|VIDEO|AUDIO)$/.test(target.tagName) && !typed) return;
    if (isOn("black")) { blackout(false); event.preventDefault(); return; }
    if (isOn("overview") && overviewKey(name)) { event.preventDefault(); return; }
    // A slide that scrolls is read to its end first.
    var body = slides[current] && slides[current].firstElementChild;
    if (!isOn("overview") && body && target === body && /^(ArrowDown|ArrowUp| |PageDown|PageUp)$/.test(name)) {
      var down = (name === "ArrowDown" || name === "PageDown" || (name === " " && !event.shiftKey));
      var room = down ? body.scrollHeight - body.clientHeight - body.scrollTop : body.scrollTop;
      if (room > 2) return;
    }
    if (/^[0-9]$/.test(name)) { typed = (typed + name).slice(-6); say(typed); return; }
    var action = actions[name];
    if (name === "Enter") action = enter;
    if (!action) { typed = ""; return; }
    if (name !== "Enter") typed = "";
    event.preventDefault();
    action(event);
  }

  function enter() {
    if (typed) { var number = +typed; typed = ""; if (isOn("overview")) overview(false); go(byNumber(number)); }
    else if (isOn("overview")) { overview(false); go(current, { force: true, fresh: true }); }
    else next();
  }

  var actions = {
    ArrowRight: function () { arrow(1, 0); }, ArrowLeft: function () { arrow(-1, 0); },
    ArrowDown: function () { arrow(0, 1); }, ArrowUp: function () { arrow(0, -1); },
    " ": function (e) { if (e.shiftKey) previous(); else next(); },
    PageDown: next, PageUp: previous, j: next, k: previous, n: next, Backspace: previous,
    Home: function () { go(0); }, End: function () { go(slides.length - 1); },
    o: function () { overview(); }, "/": function () { overview(true, true); },
    p: function () { present(); }, c: clone, d: theme, f: fullscreen,
    t: function () { started = Date.now(); clock(); },
    b: function () { blackout(true); }, ".": function () { blackout(true); },
    "?": function () { help.showModal(); }, h: function () { help.showModal(); },
    Escape: function () { if (isOn("overview")) overview(false); else if (isOn("presenter")) present(false); },
  };

  // ---- Touch: a swipe across turns the slide; up and down belong to scrolling ----

  var touch = null;
  function touchStart(event) {
    var t = event.touches[0];
    touch = event.touches.length === 1 && !scrollsAcross(event.target) ? { x: t.clientX, y: t.clientY, at: Date.now() } : null;
  }
  function touchEnd(event) {
    if (!touch || isOn("overview") || help.open) return;
    var t = event.changedTouches[0];
    var dx = t.clientX - touch.x, dy = t.clientY - touch.y;
    if (Math.abs(dx) > 45 && Math.abs(dx) > 1.6 * Math.abs(dy) && Date.now() - touch.at < 900) { if (dx < 0) next(); else previous(); }
    touch = null;
  }
  function scrollsAcross(element) {
    for (; element && element !== deck; element = element.parentElement) {
      if (element.scrollWidth > element.clientWidth + 2 && /auto|scroll/.test(getComputedStyle(element).overflowX)) {
        if (!element.classList.contains("body")) return true;
      }
    }
    return false;
  }

  function click(event) {
    var button = event.target.closest("[data-do]");
    if (button) {
      ({ next: next, previous: previous, overview: overview.bind(null, undefined, false), theme: theme, help: actions["?"] })[button.dataset.do]();
      return;
    }
    if (isOn("black")) { blackout(false); return; }
    if (isOn("overview")) {
      var slide = event.target.closest(".slide");
      if (slide) { event.preventDefault(); overview(false); go(slides.indexOf(slide), { force: true, fresh: true }); }
    }
  }

  var asleep;
  function wake() {
    root.classList.add("awake");
    clearTimeout(asleep);
    asleep = setTimeout(function () { root.classList.remove("awake"); }, 2500);
  }

  // ---- Paper ----

  // Slides are measured as they will be printed. Widths are set by the style sheet for paper only, so they are set here first.
  function beforePrint() {
    var sheet = document.createElement("style");
    sheet.id = "measuring";
    sheet.textContent = ".js .slide{display:block!important;position:absolute!important;inset:0 auto auto 0!important;width:1280px!important;height:720px!important}";
    document.head.appendChild(sheet);
    slides.forEach(fit);
    sheet.remove();
  }

  // ---- Start ----

  function follow() {
    var i = indexOf(location.hash);
    if (i >= 0 && i !== current) go(i, { address: false });
  }

  // Puts other slides in place of those shown and stays where the reader is; `serve` calls it after an edit.
  function replace(html, title) {
    var old = slides[current];
    var hash = old ? hashOf(old) : location.hash;
    var wasNamed = old && old.dataset.name;
    var i = current;
    deck.innerHTML = html;
    if (title) document.title = title;
    read();
    current = -1;
    if (wasNamed && indexOf(hash) >= 0) i = indexOf(hash);
    go(i, { replace: true, all: true, say: false, force: true });
    if (isOn("overview")) overview(true);
  }

  function start() {
    read();
    try { var kept = localStorage.getItem("dockside-theme"); if (kept === "dark" || kept === "light") root.dataset.theme = kept; } catch (_) { /* none kept */ }
    bar.hidden = false;
    addEventListener("keydown", key);
    addEventListener("hashchange", follow);
    addEventListener("message", hear);
    addEventListener("resize", refit);
    addEventListener("beforeprint", beforePrint);
    addEventListener("afterprint", refit);
    addEventListener("mousemove", wake, { passive: true });
    document.addEventListener("click", click);
    deck.addEventListener("touchstart", touchStart, { passive: true });
    deck.addEventListener("touchend", touchEnd, { passive: true });
    if (window.opener) { try { window.opener.postMessage({ dockside: "hello" }, "*"); } catch (_) { /* no one there */ } }
    var i = indexOf(location.hash);
    go(i < 0 ? 0 : i, { address: i >= 0, replace: true, say: false, fresh: true });
  }

  window.dockside = { replace: replace, go: go, refit: refit };
  start();
})();
