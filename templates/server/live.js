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
    else if (changed) refresh();
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

  // The slides that the edit changed, if this page shows the version before it.
  function patch() {
    var root = document.documentElement;
    var page = window.dockside.page();
    return fetch("/dockside/patch?page=" + encodeURIComponent(page) + "&from=" + root.dataset.version).then(function (answer) {
      if (!answer.ok) throw new Error(answer.status);
      return answer.json();
    }).then(function (said) {
      if (document.querySelectorAll("#deck > .slide").length !== said.patch.count) throw new Error("other slides");
      window.dockside.patch(said.patch.start, said.patch.gone, said.patch.html);
      root.dataset.version = said.to;
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
