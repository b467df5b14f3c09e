// Dockside: what `dockside serve` adds for a class. The presenter's pages say where they are, and the pages of those who follow go
// there, until they go their own way; one key brings them back.
(function () {
  "use strict";

  const root = document.documentElement;
  const own = window.dockside;
  const me = Math.random().toString(36).slice(2);
  const tab = (name, value) => {
    try {
      if (value === undefined) return sessionStorage.getItem("dockside-" + name);
      sessionStorage.setItem("dockside-" + name, value);
    } catch { /* then for this page only */ }
    return null;
  };
  // Windows of one talk tell one another by themselves.
  const name = () => own?.group() || me;
  const secret = tab("secret");
  let following = tab("role") === "following";
  let place = null;
  let heard = false;
  let chip = null;

  // ---- The presenter ----

  // One move is on its way at a time; of those that come meanwhile only the last is sent.
  let busy = false;
  let waiting = null;

  function post(there) {
    waiting = there;
    if (busy) return;
    busy = true;
    const body = JSON.stringify({ place: waiting, from: name() });
    waiting = null;
    fetch("/dockside/class", { method: "POST", headers: { Authorization: "Bearer " + secret, "Content-Type": "application/json" }, body })
      .then((answer) => {
        if (answer.status === 403) note("This is not the presenter’s tab any more", true);
        else note("", false);
      })
      .catch(() => { note("The server does not answer", true); waiting = waiting || there; return new Promise((done) => setTimeout(done, 500)); })
      .then(() => { busy = false; if (waiting) post(waiting); });
  }

  function note(text, bad) {
    const box = document.querySelector("#presenter .listeners");
    if (!box) return;
    if (text || box.dataset.bad) box.textContent = text;
    if (bad) box.dataset.bad = "1";
    else delete box.dataset.bad;
  }

  function ask() {
    const box = document.querySelector("#presenter .listeners");
    if (!box || document.hidden) return;
    fetch("/dockside/class", { headers: { Authorization: "Bearer " + secret } }).then((answer) => answer.ok ? answer.json() : null).then((said) => {
      if (said && !box.dataset.bad) box.textContent = said.listeners === 1 ? "1 follows" : said.listeners + " follow";
    }).catch(() => {});
  }

  // What the server knows is taken over by who arrives or loads the page again; who went to another deck takes the class along.
  function arrive() {
    const kind = performance.getEntriesByType("navigation")[0]?.type;
    const arriving = tab("role") === "arriving";
    if (own && arriving) { tab("role", "presenting"); own.present(true); }
    if (place && (arriving || kind === "reload" || own?.opened())) go(place);
    else if (own?.place()) post(own.place());
  }

  // ---- Those who follow ----

  function go(there) {
    if (own) own.apply(there);
    else if (/^[\w.-]+\.html$/.test(there.page)) location.replace(there.page + there.at);
  }

  function follow(on) {
    following = on;
    tab("role", on ? "following" : "roaming");
    if (on && place) go(place);
    show();
    if (own) own.say(on ? "Following the class" : "On your own. The key r brings you back to the class.");
  }

  function show() {
    if (secret) return;
    if (!place && !following) { if (chip) chip.hidden = true; return; }
    if (!chip) {
      chip = document.createElement("button");
      chip.id = "class";
      chip.type = "button";
      chip.addEventListener("click", (event) => { event.stopPropagation(); follow(!following); });
      document.body.appendChild(chip);
    }
    chip.hidden = false;
    chip.className = following ? "following" : "";
    chip.textContent = !place ? "Waiting for the class to begin" : following ? "Following" : "Back to the class";
    chip.title = following ? "The slides move with the class; a click or any move of yours lets go" : "Go where the class is (r)";
  }

  // ---- What the server says ----

  function hear(event) {
    const message = JSON.parse(event.data);
    const first = !heard;
    heard = true;
    place = message.place;
    show();
    if (secret) {
      if (first) arrive();
      else if (place && message.from !== name()) go(place);
    } else if (following && place) {
      // The address is for those who are not here yet.
      go({ ...place, invite: false });
    }
  }

  if (own) {
    own.listen((there, what) => {
      if (secret) { if (heard) post(there); }
      else if (following && what.moved && !what.edited) follow(false);
    });
  }
  addEventListener("keydown", (event) => {
    if (event.key !== "r" || event.altKey || event.ctrlKey || event.metaKey || secret || !place) return;
    if (/^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
    follow(true);
  });
  if (secret) setInterval(ask, 3000);
  if (following) show();

  // ---- Listening: a page that nobody sees does without, for a browser has few connections to one server ----

  let source = null;
  let unseen = 0;

  function listen() {
    clearTimeout(unseen);
    if (source) return;
    const page = own ? "page=" + encodeURIComponent(own.page()) : "";
    source = new EventSource("/dockside/events?" + page + (secret ? "&presenter=1" : ""));
    source.onmessage = window.docksideNews;
    source.addEventListener("class", hear);
    source.onopen = () => { if (chip) chip.classList.remove("lost"); };
    source.onerror = () => { if (chip) chip.classList.add("lost"); };
  }

  function hangUp() {
    if (source) source.close();
    source = null;
  }

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) return listen();
    unseen = setTimeout(hangUp, 20000);
  });
  // A page that is left may be kept for the way back, and its connection with it.
  addEventListener("pagehide", hangUp);
  addEventListener("pageshow", (event) => { if (event.persisted) listen(); });
  listen();
})();
