// Live reload under `larder dev`. The page names what it is made from in this script's own address;
// the socket says when it would be made from something else.
"use strict";

(() => {
  const own = document.currentScript;
  const told = new URL(own.src).searchParams;
  // The site may stand below a path.
  const OWN = new URL(own.src).pathname.replace(/[^/]*$/, "");
  const isQuiet = told.has("quiet");
  const PLACE = "larder:place";
  const FIRST_PAUSE_MS = 200;
  const LONGEST_PAUSE_MS = 3000;
  // What never worked is given up; what did work comes back.
  const TRIES_AT_FIRST = 20;
  const SHEET_MS = 5000;

  let socket;
  let pause = FIRST_PAUSE_MS;
  let tries = 0;
  let wasOpen = false;
  let isLeaving = false;
  // Address → version, as the server last said.
  let versions = new Map();

  // A frame of the same site leaves it to the page around it to say what is wrong.
  const isInner = () => {
    try {
      return window.top !== window && window.top.location.origin === location.origin;
    } catch {
      return false;
    }
  };

  // --- Where the page is scrolled to, and what was typed, outlive a reload. Browsers forget the
  // second for pages that are not to be kept.

  const NOT_KEPT = ["button", "file", "hidden", "image", "password", "reset", "submit"];
  const fields = () =>
    [...document.querySelectorAll("input, textarea, select")].filter(
      (field) => !NOT_KEPT.includes(field.type),
    );
  const nameOf = (field) => [field.type, field.id, field.name].join(" ");
  const part = (field) => (["checkbox", "radio"].includes(field.type) ? "checked" : "value");

  // What the page itself filled in may be what was edited.
  const isTyped = (field) => {
    if (field.options) {
      const byPage = [...field.options].findIndex((option) => option.defaultSelected);
      return field.selectedIndex !== Math.max(byPage, 0);
    }
    if (part(field) === "checked") return field.checked !== field.defaultChecked;
    return field.value !== field.defaultValue;
  };

  const keepPlace = () => {
    const typed = fields().map(
      (field) => isTyped(field) && [nameOf(field), field[part(field)]],
    );
    try {
      const place = { at: location.href, x: scrollX, y: scrollY, typed };
      sessionStorage.setItem(PLACE, JSON.stringify(place));
    } catch {
      // No storage, or no room: the browser's own way has to do.
    }
  };

  const takePlace = () => {
    try {
      const place = JSON.parse(sessionStorage.getItem(PLACE));
      sessionStorage.removeItem(PLACE);
      return place && place.at === location.href ? place : null;
    } catch {
      return null;
    }
  };

  const place = takePlace();
  if (place) {
    // After the page's own scripts, which may have made some of the fields.
    const fill = () => {
      fields().forEach((field, at) => {
        const [name, value] = place.typed[at] || [];
        if (name === nameOf(field)) field[part(field)] = value;
      });
    };
    if (document.readyState === "complete") fill();
    else addEventListener("DOMContentLoaded", fill, { once: true });
    const back = () => scrollTo({ left: place.x, top: place.y, behavior: "instant" });
    back();
    // Images and fonts may have made the page longer.
    addEventListener("load", back, { once: true });
  }

  const reload = () => {
    keepPlace();
    location.reload();
  };

  // --- What the page is put together from.

  const uses = () => {
    const found = new Set();
    const add = (address) => {
      const url = new URL(address, location.href);
      if (url.origin !== location.origin || url.pathname.startsWith(OWN)) return;
      url.searchParams.delete("larder");
      found.add(url.pathname + url.search);
    };
    for (const entry of performance.getEntriesByType("resource")) add(entry.name);
    for (const link of sheets()) add(link.href);
    return [...found];
  };

  const sheets = () =>
    [...document.querySelectorAll("link[rel~='stylesheet'][href]")].filter((link) => !link.larder);

  const ask = () => {
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ uses: uses() }));
  };

  const compare = (now) => {
    const known = versions;
    versions = new Map(Object.entries(now));
    const changed = [...versions].filter(([at, of]) => known.has(at) && known.get(at) !== of);
    const swaps = [];
    for (const [address] of changed) {
      const links = sheets().filter((link) => addressOf(link) === address);
      const owners = importers(address);
      // What is no sheet of this page's own, or is bound to its old bytes, can't be swapped.
      const isBound = links.some((link) => link.integrity);
      if ((!links.length && !owners.length) || isBound) return reload();
      swaps.push(...links, ...owners);
    }
    for (const owner of new Set(swaps)) {
      if (owner.localName === "link") swap(owner);
      else owner.replaceWith(owner.cloneNode(true));
    }
  };

  // The elements whose sheets import the one at an address, in however many steps.
  const importers = (address) => {
    const holds = (sheet) => {
      let rules = [];
      try {
        rules = [...sheet.cssRules];
      } catch {
        // Another origin's: nobody may look into it.
      }
      const inner = rules.map((rule) => rule.styleSheet).filter(Boolean);
      return inner.some((one) => addressOf(one) === address || holds(one));
    };
    const owners = [...document.styleSheets].filter(holds).map((sheet) => sheet.ownerNode);
    return owners.filter((owner) => owner && !owner.larder);
  };

  const addressOf = (link) => {
    if (!link.href) return null;
    const url = new URL(link.href);
    if (url.origin !== location.origin) return null;
    url.searchParams.delete("larder");
    return url.pathname + url.search;
  };

  // The new sheet is there before the old one goes: the page is never bare.
  const swap = (link) => {
    link.next?.remove();
    const next = link.cloneNode();
    const url = new URL(link.href);
    url.searchParams.set("larder", Date.now().toString(36));
    next.href = url;
    next.larder = true;
    link.next = next;
    const done = () => {
      if (link.next !== next) return;
      delete next.larder;
      link.remove();
    };
    next.addEventListener("load", done);
    next.addEventListener("error", done);
    setTimeout(done, SHEET_MS);
    link.after(next);
  };

  // --- What is wrong with the files, over the page.

  const STYLE = `
    dialog {
      box-sizing: border-box; width: min(64rem, calc(100vw - 2rem)); max-width: none;
      max-height: calc(100vh - 2rem); margin: auto; padding: 0; overflow: auto;
      border: 0; border-top: 4px solid #f2998f; border-radius: 8px;
      color-scheme: dark; background: #1b1817; color: #ece5df; box-shadow: 0 1rem 4rem rgb(0 0 0 / 50%);
      font: 1rem/1.5 system-ui, sans-serif; text-align: left;
    }
    dialog::backdrop { background: rgb(27 24 23 / 65%); }
    header { display: flex; align-items: start; gap: 1rem; padding: 1.25rem 1.5rem 0; }
    h1 { flex: 1; margin: 0; font-size: 1.25rem; line-height: 1.3; font-weight: 650; color: #f2998f; }
    button {
      flex: none; padding: .2rem .75rem; border: 1px solid #7d726b; border-radius: 6px;
      background: none; color: inherit; font: inherit; font-size: .875rem; cursor: pointer;
    }
    :focus-visible { outline: 2px solid #e79db1; outline-offset: 2px; }
    pre {
      margin: 1rem 1.5rem 0; padding: .9rem 1.1rem; overflow: auto; border-radius: 6px;
      background: #262120; font: .875rem/1.5 ui-monospace, "SF Mono", Menlo, Consolas, monospace;
      white-space: pre; tab-size: 2;
    }
    pre b { color: #f2998f; font-weight: 600; }
    p { margin: 1rem 1.5rem 1.25rem; color: #a89d95; font-size: .875rem; }
  `;

  let overlay = null;
  let shown = "";

  const element = (name, text, ...children) => {
    const made = document.createElement(name);
    if (text) made.textContent = text;
    made.append(...children);
    return made;
  };

  const clear = () => {
    overlay?.remove();
    overlay = null;
    shown = "";
  };

  // Text only, and a style sheet that no policy against inline styles forbids.
  const show = ({ problems, errors }) => {
    const text = problems.join("\n\n");
    if (text === shown || isQuiet || isInner()) return;
    clear();
    shown = text;
    const count = errors === 1 ? "An error" : `${errors} errors`;
    const title = element("h1", `${count} in the site’s files`);
    title.id = "title";
    const hide = element("button", "Hide");
    const texts = problems.map((problem) => {
      const [first, ...rest] = problem.split("\n");
      const pre = element("pre", "", element("b", first), `\n${rest.join("\n")}`);
      pre.tabIndex = 0;
      return pre;
    });
    const note = element(
      "p",
      "The last good version is still served. This goes away when the file is mended; Esc hides it.",
    );
    const dialog = element("dialog", "", element("header", "", title, hide), ...texts, note);
    dialog.setAttribute("role", "alertdialog");
    dialog.setAttribute("aria-labelledby", "title");
    hide.addEventListener("click", () => dialog.close());
    overlay = document.createElement("larder-overlay");
    const root = overlay.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    root.append(dialog);
    document.documentElement.append(overlay);
    dialog.showModal();
  };

  // --- The socket.

  const hear = {
    reload,
    swapped: ask,
    versions: ({ versions: now }) => compare(now),
    well: clear,
    broken: show,
  };

  const connect = () => {
    if (isLeaving) return;
    const query = new URLSearchParams({ at: told.get("at") ?? "/" });
    if (told.has("page")) query.set("page", told.get("page"));
    // After a restart much may be new that is not this page's: what it uses is compared instead.
    if (!wasOpen && told.has("site")) query.set("site", told.get("site"));
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    socket = new WebSocket(`${scheme}://${location.host}${OWN}live?${query}`);
    socket.addEventListener("open", () => {
      own.dataset.state = "connected";
      pause = FIRST_PAUSE_MS;
      wasOpen = true;
      ask();
    });
    socket.addEventListener("message", ({ data }) => {
      const message = JSON.parse(data);
      hear[message.is]?.(message);
    });
    socket.addEventListener("close", () => {
      own.dataset.state = "lost";
      tries += 1;
      if (isLeaving || (!wasOpen && tries >= TRIES_AT_FIRST)) return;
      setTimeout(connect, pause);
      pause = Math.min(pause * 1.5, LONGEST_PAUSE_MS);
    });
  };

  // The browser remembers 250 parts of a page by itself.
  performance.setResourceTimingBufferSize(1000);
  addEventListener("load", () => ask());
  // A page in the browser's back-forward cache has no socket; one that is left must not reload.
  addEventListener("pagehide", () => {
    isLeaving = true;
    socket.close();
  });
  addEventListener("pageshow", ({ persisted }) => {
    if (!persisted) return;
    isLeaving = false;
    connect();
  });

  connect();
})();
