// Keeps the page live: asks for it again each second and takes over what changed, so that there is
// one place where it is made. Without this script every form and link works the same.
"use strict";

const filter = document.getElementById("filter");
const keys = document.getElementById("keys");
const rows = document.getElementById("rows");
const all = document.getElementById("all");
const EVERY_MS = 1000;
const PAUSE_MS = 120;
let asked = 0;
let answered = 0;
let typing;

const address = () => {
  const query = new URLSearchParams(new FormData(filter));
  for (const [name, value] of [...query]) {
    if (!value || (name === "sort" && value === "key")) query.delete(name);
  }
  const here = new URLSearchParams(location.search);
  for (const name of ["cursor", "deleted"]) {
    if (here.has(name)) query.set(name, here.get(name));
  }
  return query.size ? `/?${query}` : "/";
};

const replace = (next, selector) => {
  const [old, made] = [document.querySelector(selector), next.querySelector(selector)];
  if (old && made && old.innerHTML !== made.innerHTML) old.replaceChildren(...made.childNodes);
};

// Rows that stay keep their elements, and with them selection and focus.
const takeRows = (next) => {
  const known = new Map([...rows.children].map((row) => [row.dataset.key, row]));
  let place = rows.firstElementChild;
  for (const made of [...next.getElementById("rows").children]) {
    const old = known.get(made.dataset.key);
    if (!old) {
      rows.insertBefore(made, place);
      continue;
    }
    known.delete(made.dataset.key);
    const [cells, news] = [old.querySelectorAll("[data-live]"), made.querySelectorAll("[data-live]")];
    cells.forEach((cell, at) => {
      if (cell.textContent !== news[at].textContent) cell.replaceChildren(...news[at].childNodes);
    });
    if (old === place) place = place.nextElementSibling;
    else rows.insertBefore(old, place);
  }
  for (const gone of known.values()) gone.remove();
};

const take = (next) => {
  takeRows(next);
  const links = [...next.querySelectorAll("thead a")];
  document.querySelectorAll("thead a").forEach((link, at) => {
    link.setAttribute("href", links[at].getAttribute("href"));
  });
  const said = next.getElementById("said").textContent;
  const shown = document.getElementById("said");
  if (shown.textContent !== said) shown.textContent = said;
  for (const part of ["#state dl", "#notes", "#more"]) replace(next, part);
  count();
};

const count = () => {
  const boxes = [...rows.querySelectorAll("input")];
  const chosen = boxes.filter((box) => box.checked).length;
  const select = document.getElementById("all");
  if (select) {
    select.hidden = boxes.length === 0;
    select.checked = chosen > 0 && chosen === boxes.length;
    select.indeterminate = chosen > 0 && chosen < boxes.length;
  }
  const button = document.getElementById("delete");
  button.disabled = chosen === 0;
  button.textContent = chosen ? `Delete ${chosen} selected` : "Delete selected";
};

// A login ends by itself: what is shown stays as it is until there is another.
const loggedOut = () => {
  clearInterval(asking);
  const link = Object.assign(document.createElement("a"), { href: "/", textContent: "Log in again" });
  document.getElementById("said").replaceChildren("The login has ended. ", link, ".");
};

const ask = async () => {
  const mine = ++asked;
  try {
    const answer = await fetch(address(), { headers: { accept: "text/html" } });
    if (answer.status === 401) loggedOut();
    if (!answer.ok) return;
    const next = new DOMParser().parseFromString(await answer.text(), "text/html");
    // A later question was asked meanwhile: its answer counts.
    if (mine === asked && next.getElementById("rows")) take(next);
  } catch {
    document.getElementById("said").textContent = "larder does not answer.";
  } finally {
    answered = Math.max(answered, mine);
  }
};

// The button says what it would delete now.
const sayWhole = () => {
  const whole = document.getElementById("whole");
  const isAll = ["q", "route"].every((name) => !keys.querySelector(`input[name=${name}]`).value);
  const what = isAll ? whole.dataset.all : whole.dataset.some;
  whole.querySelector("summary").textContent = `${what}…`;
  whole.querySelector("button").textContent = `${what}, on every page`;
};

const filtered = () => {
  // What "all that match" means has to be what is typed, at once.
  for (const name of ["q", "route"]) {
    keys.querySelector(`input[name=${name}]`).value = filter.elements[name].value;
  }
  sayWhole();
  const query = new URL(location.href);
  for (const name of ["cursor", "deleted"]) query.searchParams.delete(name);
  history.replaceState(null, "", query);
  history.replaceState(null, "", address());
  clearTimeout(typing);
  typing = setTimeout(ask, PAUSE_MS);
};

filter.addEventListener("input", filtered);
filter.addEventListener("submit", (event) => {
  event.preventDefault();
  filtered();
});
keys.addEventListener("change", (event) => {
  if (event.target.id === "all") {
    for (const box of rows.querySelectorAll("input")) box.checked = event.target.checked;
  }
  count();
});
if (all) all.hidden = false;
count();
// A slow answer is waited for: asking again would only put it off.
const asking = setInterval(() => document.hidden || answered < asked || ask(), EVERY_MS);
