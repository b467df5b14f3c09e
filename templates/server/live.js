// Dockside: what `dockside serve` adds to a page. It shows an edit without leaving the slide, and what is wrong with it.
(function () {
  "use strict";

  var seen = null;
  var busy = false;
  var again = false;

  function hear(event) {
    var news = JSON.parse(event.data);
    trouble(news.trouble);
    var first = seen === null;
    var looks = !first && seen.looks !== news.looks;
    var changed = first ? news.version !== document.documentElement.dataset.version : seen.version !== news.version;
    seen = news;
    if (looks) location.reload();
    else if (changed && !(news.patch && !busy && put(news.from, news.version, news.patch))) refresh();
  }

  // Shows what an edit changed, if this page shows the version before it.
  function put(from, to, patch) {
    var root = document.documentElement;
    if (!window.dockside || root.dataset.version !== from || window.dockside.count() !== patch.count) return false;
    if (patch.gone || patch.html || patch.places) window.dockside.patch(patch.start, patch.gone, patch.html, patch.places);
    root.dataset.version = to;
    return true;
  }

  function refresh() {
    if (!window.dockside) { location.reload(); return; }
    if (busy) { again = true; return; }
    busy = true;
    patch().catch(whole).catch(function () { /* the next news will try again */ }).then(function () {
      busy = false;
      if (again) { again = false; refresh(); }
    });
  }

  // The slides that the edit changed, where the news did not bring them.
  function patch() {
    var from = document.documentElement.dataset.version;
    return fetch("/dockside/patch?page=" + encodeURIComponent(window.dockside.page()) + "&from=" + from).then(function (answer) {
      if (!answer.ok) throw new Error(answer.status);
      return answer.json();
    }).then(function (said) {
      if (!put(from, said.to, said.patch)) throw new Error("other slides");
    });
  }

  // The whole page.
  function whole() {
    return fetch(location.pathname, { cache: "no-store" }).then(function (answer) {
      if (!answer.ok) throw new Error(answer.status);
      return answer.text();
    }).then(function (text) {
      var page = new DOMParser().parseFromString(text, "text/html");
      var deck = page.getElementById("deck");
      if (!deck) { location.reload(); return; }
      document.documentElement.dataset.dialect = page.documentElement.dataset.dialect;
      document.documentElement.dataset.version = page.documentElement.dataset.version;
      window.dockside.replace(deck.innerHTML, page.title);
    });
  }

  function trouble(text) {
    var box = document.getElementById("trouble");
    if (!text) { if (box) box.remove(); return; }
    if (!box) {
      box = document.createElement("pre");
      box.id = "trouble";
      box.setAttribute("role", "alert");
      document.body.appendChild(box);
    }
    box.textContent = text;
  }

  window.docksideNews = hear;
})();
