// What covers the slide or changes the whole window: black, the class's address, colours, full screen, help.

let inviteBox;

function setBlack(on) { root.classList.toggle("black", on); }

function blackout(on = !isOn("black")) {
  setBlack(on);
  say(on ? "Screen black" : "Screen back");
  tell();
  showTools();
}

// The address at which a class follows, with its QR code. A server writes both into the page.
function setInvite(on) {
  const address = root.dataset.join;
  root.classList.toggle("invite", on);
  if (on && address && !inviteBox) {
    inviteBox = document.createElement("section");
    inviteBox.id = "invite";
    inviteBox.setAttribute("aria-label", "Follow on your own screen");
    inviteBox.innerHTML = '<h2>Follow on your own screen</h2><img src="dockside/join.svg" alt="QR code of the address below"><p></p>';
    inviteBox.querySelector("p").textContent = address.replace(/^\w+:\/\//, "");
    document.body.appendChild(inviteBox);
  }
  if (inviteBox) inviteBox.hidden = !on;
}

function invite() {
  if (!root.dataset.join) return say("Others can follow where dockside serve shows the slides");
  setInvite(!isOn("invite"));
  say(isOn("invite") ? "The address is shown" : "The address is hidden");
  tell();
  showTools();
}

function theme() {
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  keep("theme", root.dataset.theme);
  say(dark ? "Light" : "Dark");
}

// For a projector behind the screen, or a teleprompter. It is this window's own.
function mirror() {
  root.classList.toggle("mirrored");
  if (pointed) point(pointed);
  say(isOn("mirrored") ? "Mirrored" : "Not mirrored");
}

// From its start: left to itself a browser goes to the button at its end.
function showHelp() {
  help.showModal();
  help.focus();
  help.scrollTop = 0;
}

function fullscreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else if (root.requestFullscreen) root.requestFullscreen().catch(() => {});
}

// What a reader has chosen, where the browser keeps it.
function keep(name, value) {
  try { localStorage.setItem("dockside-" + name, value); } catch { /* for this page only */ }
}

function kept(name) {
  try { return localStorage.getItem("dockside-" + name); } catch { return null; }
}
