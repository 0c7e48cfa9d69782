// Predicts without a reload. The server renders the page either way; this swaps its parts.
"use strict";

const form = document.getElementById("form");
const another = document.getElementById("another");
const result = document.getElementById("result");

// The server says what is wrong beside each field; the browser's own bubbles would hide it.
form.noValidate = true;

function say(text) {
  const paragraph = document.createElement("p");
  paragraph.className = "error";
  paragraph.textContent = text;
  result.replaceChildren(paragraph);
}

async function load(url, options) {
  const response = await fetch(url, options);
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  if (!page.getElementById("result")) {
    throw new Error(`The server answered ${response.status}: ${page.body.textContent.trim()}`);
  }
  return page;
}

// Children are replaced, not the parts themselves: a screen reader watches the part.
function swap(page) {
  for (const id of ["fields", "result"]) {
    document.getElementById(id).replaceChildren(...page.getElementById(id).childNodes);
  }
  form.setAttribute("action", page.getElementById("form").getAttribute("action"));
  another.setAttribute("href", page.getElementById("another").getAttribute("href"));
  const wrong = document.querySelector("[aria-invalid]");
  wrong ? wrong.focus() : result.scrollIntoView({ block: "nearest" });
}

async function show(url, options) {
  result.setAttribute("aria-busy", "true");
  try {
    swap(await load(url, options));
  } catch (error) {
    say(error instanceof TypeError ? "The server cannot be reached. Try again." : error.message);
  } finally {
    result.removeAttribute("aria-busy");
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const body = new URLSearchParams(new FormData(form));
  show(form.getAttribute("action"), { method: "POST", body });
});

another.addEventListener("click", (event) => {
  event.preventDefault();
  show(another.getAttribute("href"));
});
