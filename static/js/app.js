// Improvements only: every page works without this file.

// Texts come from <body data-copy data-copied data-show data-hide>, in the page's language.
const words = document.body.dataset;

function button(label) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "btn";
  made.textContent = label;
  return made;
}

// A copyable field gets its button. Anything with class "copy" that holds an input.
for (const field of document.querySelectorAll(".copy")) {
  const input = field.querySelector("input");
  if (!input || !navigator.clipboard) continue;
  const copy = button(words.copy);
  copy.setAttribute("aria-live", "polite");
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(input.value);
    copy.textContent = words.copied;
    setTimeout(() => (copy.textContent = words.copy), 2000);
  });
  input.addEventListener("focus", () => input.select());
  field.append(copy);
}

// A password can be looked at while it is typed.
for (const field of document.querySelectorAll(".pw")) {
  const input = field.querySelector("input");
  const look = button(words.show);
  look.setAttribute("aria-controls", input.id);
  look.addEventListener("click", () => {
    const hidden = input.type === "password";
    input.type = hidden ? "text" : "password";
    look.textContent = hidden ? words.hide : words.show;
  });
  input.form?.addEventListener("submit", () => (input.type = "password"));
  field.append(look);
}

// Menus close on Escape and on a click elsewhere.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const open = document.activeElement?.closest("details.menu[open]");
  if (!open) return;
  open.open = false;
  open.querySelector("summary").focus();
});
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

// The list of what is wrong takes the focus, so that a screen reader starts there.
document.querySelector(".errors")?.focus();
