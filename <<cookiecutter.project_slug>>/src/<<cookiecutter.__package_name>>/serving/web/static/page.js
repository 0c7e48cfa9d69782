// Predicts without a reload. The server renders the page either way; this swaps two of its parts.
"use strict";

const form = document.getElementById("form");
const result = document.getElementById("result");

// The server says what is wrong beside each field; the browser's own bubbles would hide it.
form.noValidate = true;

// Children are replaced, not the parts themselves: a screen reader watches the part.
function swap(page) {
  for (const id of ["fields", "result"]) {
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
