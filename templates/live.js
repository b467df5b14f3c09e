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
    fetch(location.pathname, { cache: "no-store" }).then(function (answer) {
      if (!answer.ok) throw new Error(answer.status);
      return answer.text();
    }).then(function (text) {
      var page = new DOMParser().parseFromString(text, "text/html");
      var deck = page.getElementById("deck");
      if (!deck) { location.reload(); return; }
      document.documentElement.dataset.dialect = page.documentElement.dataset.dialect;
      document.documentElement.dataset.version = page.documentElement.dataset.version;
      window.dockside.replace(deck.innerHTML, page.title);
    }).catch(function () { /* the next news will try again */ }).then(function () {
      busy = false;
      if (again) { again = false; refresh(); }
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

  new EventSource("/dockside/events").onmessage = hear;
})();
