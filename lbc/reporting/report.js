"use strict";
// The report can be read without this: it adds sorting, enlarging, and the place on the page in the other language.

document.documentElement.classList.add("scripted");

// ---- tables: first ascending, then descending, then as they came; missing values stay last
const MISSING = new Set(["", "—", "-"]);
const collator = new Intl.Collator(document.documentElement.lang, { numeric: true });

function key(row, column, numeric) {
  const cell = row.cells[column];
  const text = cell.textContent.trim();
  if (MISSING.has(text)) return null;
  return numeric ? Number(cell.dataset.value ?? text) : text;
}

function compare(a, b) {
  return typeof a === "number" ? (a < b ? -1 : a > b ? 1 : 0) : collator.compare(a, b);
}

function sort(head) {
  const table = head.closest("table");
  const body = table.tBodies[0];
  const rows = [...body.rows];
  rows.forEach((row, place) => (row.dataset.place ??= place));
  const next = { none: "ascending", ascending: "descending", descending: "none" }[head.getAttribute("aria-sort")];
  table.querySelectorAll("th[aria-sort]").forEach((other) => other.setAttribute("aria-sort", "none"));
  head.setAttribute("aria-sort", next);
  const turn = next === "descending" ? -1 : 1;
  const keys = new Map(rows.map((row) => [row, key(row, head.cellIndex, head.dataset.sort === "number")]));
  rows.sort((one, other) => {
    const [a, b] = [keys.get(one), keys.get(other)];
    const first = next === "none" ? 0 : a === null || b === null ? (a === null) - (b === null) : turn * compare(a, b);
    return first || one.dataset.place - other.dataset.place;
  });
  body.append(...rows);
}

for (const button of document.querySelectorAll("table.sortable th button"))
  button.addEventListener("click", () => sort(button.closest("th")));

// ---- figures
const dialog = document.getElementById("enlarged");
const picture = document.getElementById("enlarged-picture");

for (const button of document.querySelectorAll("button.enlarge"))
  button.addEventListener("click", () => {
    const image = button.querySelector("img").cloneNode();
    picture.replaceChildren(image);
    document.getElementById("enlarged-caption").textContent =
      button.closest("figure").querySelector("figcaption").textContent;
    dialog.showModal();
  });
dialog.querySelector("button.close").addEventListener("click", () => dialog.close());
dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
dialog.addEventListener("close", () => picture.replaceChildren());

// ---- numbers: the explanation opens beside the number; without this, at the edge of the window
let pressed = null;
for (const button of document.querySelectorAll("button.number"))
  button.addEventListener("click", () => (pressed = button));
for (const note of document.querySelectorAll(".popover"))
  note.addEventListener("toggle", (event) => {
    if (event.newState !== "open" || !pressed || innerWidth < 700) return;
    const at = pressed.getBoundingClientRect();
    const below = innerHeight - at.bottom > note.offsetHeight + 12;
    note.style.inset = "auto";
    note.style.left = `${Math.max(8, Math.min(at.left, innerWidth - note.offsetWidth - 24))}px`;
    note.style.top = `${below ? at.bottom + 6 : Math.max(8, at.top - note.offsetHeight - 6)}px`;
  });

// ---- the other language: the same place
const twin = document.querySelector("a.language");
twin?.addEventListener("click", () => {
  const places = [...document.querySelectorAll("main [id]:not([popover], [hidden])")];
  const seen = places.filter((place) => place.getBoundingClientRect().top <= 120 && scrollY > 0).pop();
  twin.hash = seen && !seen.closest("[popover]") ? seen.id : "";
});

// ---- a link to something behind a fold opens it
function unfold() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let fold = target && target.closest("details"); fold; fold = fold.parentElement.closest("details"))
    fold.open = true;
  if (target) target.scrollIntoView();
}
addEventListener("hashchange", unfold);
unfold();
