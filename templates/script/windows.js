// What all windows of one talk show together, and how they keep in step: through a BroadcastChannel that only they know the
// name of, and through messages to windows that one of them has opened, where a browser gives pages from disk no channel.

// Set while a place comes from elsewhere: it is not told on.
let applying = false;
let told = "";
let lastMoved = "";
const listeners = [];
const known = [];
const heard = {};
const me = Math.random().toString(36).slice(2);
let count = 0;
let channel = null;
let group = /^dockside-(\w+)-/.exec(window.name)?.[1];

function pageName() {
  let name = location.pathname.split("/").pop();
  try { name = decodeURIComponent(name); } catch { /* taken as it is */ }
  return name || "index.html";
}

function place() {
  const slide = slides[current];
  return { page: pageName(), at: hashOf(slide), shown: shownOn(slide), black: isOn("black"), invite: isOn("invite"), zoom: zoomed, pointer: pointed };
}

// Tells the others where we are, if that is news. `edited`: because the slides are other ones.
function tell(edited) {
  if (applying || isOn("overview") || !slides[current]) return;
  const now = place();
  const text = JSON.stringify(now);
  if (text === told) return;
  told = text;
  const where = now.page + now.at + " " + now.shown;
  const moved = where !== lastMoved;
  lastMoved = where;
  if (!edited) send({ dockside: "place", place: now });
  listeners.forEach((listener) => listener(now, { moved, edited: !!edited }));
}

// Without telling anyone.
function quietly(action) {
  const before = applying;
  applying = true;
  try { action(); } finally { applying = before; }
  if (slides[current]) {
    const now = place();
    told = JSON.stringify(now);
    lastMoved = now.page + now.at + " " + now.shown;
  }
}

// Goes where another window is.
function apply(there) {
  if (!there || typeof there.at !== "string" || typeof there.page !== "string") return;
  if (there.page !== pageName()) {
    // A page of this site: nothing that leads out of it.
    if (/^[\w.-]+\.html$/.test(there.page)) location.href = there.page + there.at;
    return;
  }
  quietly(() => {
    const i = indexOf(there.at);
    const shown = Number.isInteger(there.shown) ? there.shown : 0;
    if (i >= 0 && i !== current) go(i, { replace: true, shown });
    else if (i >= 0) {
      const before = shownOn(slides[current]);
      fragmentsOf(slides[current]).forEach((f, n) => f.classList.toggle("shown", n < shown));
      if (shown > before) say(saidBy(fragmentsOf(slides[current])[shown - 1]).slice(0, 300));
      if (isOn("presenter")) showSlide();
    }
    setBlack(there.black === true);
    setInvite(there.invite === true);
    if (JSON.stringify(there.zoom ?? null) !== JSON.stringify(zoomed)) zoom(there.zoom);
    point(there.pointer);
    showTools();
  });
}

function send(message) {
  if (!group) return;
  message = { ...message, from: me, count: ++count };
  if (channel) channel.postMessage(message);
  for (const other of known) if (!other.closed) other.postMessage(message, "*");
}

function hear(message, source) {
  if (!message || typeof message.from !== "string" || message.from === me || !(message.count > (heard[message.from] || 0))) return;
  heard[message.from] = message.count;
  if (message.dockside === "hello") {
    if (source && !known.includes(source)) known.push(source);
    send({ dockside: "place", place: place() });
  }
  if (message.dockside === "place") apply(message.place);
}

// Belongs to a group of windows from now on.
function join(name) {
  group = name;
  try {
    channel = new BroadcastChannel("dockside-" + group);
    channel.onmessage = (event) => hear(event.data);
  } catch { /* messages to known windows remain */ }
  if (window.opener && !known.includes(window.opener)) known.push(window.opener);
}

// Another window of this talk: for the audience, or for the speaker.
function openWindow(speaker) {
  if (!group) {
    join(Math.random().toString(36).slice(2));
    window.name = "dockside-" + group + "-first";
  }
  const name = "dockside-" + group + "-" + (speaker ? "speaker" : Math.random().toString(36).slice(2));
  const other = window.open(location.href, name, "popup,width=1100,height=700");
  if (!other) return say("The browser did not open a window");
  if (!known.includes(other)) known.push(other);
  other.focus();
}

function startWindows() {
  addEventListener("message", (event) => {
    if (event.source && (known.includes(event.source) || event.source === window.opener)) hear(event.data, event.source);
  });
  if (!group) return;
  join(group);
  send({ dockside: "hello" });
}
