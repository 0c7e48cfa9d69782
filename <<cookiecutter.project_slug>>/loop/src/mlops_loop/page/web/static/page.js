// Predicts without a reload. The server renders the page either way; this replaces parts of it.
"use strict";

const form = document.getElementById("form");
const result = document.getElementById("result");

// The server's answer has an error beside each field; the browser's own bubbles would hide it.
form.noValidate = true;

// Children are replaced, not the parts themselves: a screen reader watches the part.
function swap(page) {
  for (const id of ["fields", "result", "facts"]) {
    document.getElementById(id).replaceChildren(...page.getElementById(id).childNodes);
  }
  result.scrollIntoView({ block: "nearest" });
  document.querySelector("[aria-invalid]")?.focus();
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    const body = new URLSearchParams(new FormData(form));
    const response = await fetch(form.action, { method: "POST", body });
    swap(new DOMParser().parseFromString(await response.text(), "text/html"));
  } catch {
    result.textContent = "The server cannot be reached, or cannot predict. Try again.";
  }
});

// A table of many rows: a preview, and all of them as a file.
function element(name, children, attributes = {}) {
  const created = Object.assign(document.createElement(name), attributes);
  created.append(...children);
  return created;
}

function preview({ header, preview, rows, csv }) {
  const line = (cells, name) => element("tr", cells.map((cell) => element(name, [String(cell)])));
  const caption = element("caption", [`${preview.length} of ${rows} rows`]);
  const table = element("table", [caption, line(header, "th"), ...preview.map((row) => line(row, "td"))]);
  const href = URL.createObjectURL(new Blob([csv], { type: "text/csv" }));
  const all = element("a", [`Download all ${rows} rows`], { href, download: "predictions.csv" });
  return [element("p", [all]), element("div", [table], { className: "wide", tabIndex: 0 })];
}

document.getElementById("batch").addEventListener("submit", async (event) => {
  event.preventDefault();
  const shown = document.getElementById("table");
  shown.textContent = "Predicting…";
  try {
    const [body] = document.getElementById("file").files;
    const response = await fetch("batch", { method: "POST", body });
    const answer = await response.json();
    const errors = answer.errors ?? [];
    const sentences = errors.map((error) => `Row ${error.row}, ${error.column ?? "all columns"}: ${error.problem}. Allowed: ${error.allowed}.`);
    const lines = errors.length ? sentences : [answer.detail];
    shown.replaceChildren(...(response.ok ? preview(answer) : lines.map((text) => element("p", [text], { className: "error" }))));
  } catch {
    shown.textContent = "The server cannot be reached, or the file cannot be read. Try again.";
  }
});
