// What every page shares: keys, theme, lines to copy.

const root = document.documentElement;

function toggleTheme() {
  const dark = getComputedStyle(root).colorScheme === "dark"
    || (!root.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("theme", root.dataset.theme);
  document.dispatchEvent(new Event("themed"));
}

function moveRow(step) {
  const links = [...document.querySelectorAll(".results .what a")];
  const at = links.indexOf(document.activeElement);
  const next = links[Math.min(Math.max(at + step, 0), links.length - 1)];
  next?.focus();
}

const keys = {
  "/": () => document.querySelector("#search")?.select(),
  "j": () => document.querySelector("a[rel=next]:not(.pager a)")?.click() ?? moveRow(1),
  "k": () => document.querySelector("a[rel=prev]:not(.pager a)")?.click() ?? moveRow(-1),
  "?": () => document.querySelector("#help").showModal(),
};

document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input, textarea, select");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const label = [...document.querySelectorAll(".labels [aria-keyshortcuts]")]
    .find((button) => button.getAttribute("aria-keyshortcuts") === event.key);
  const act = keys[event.key] ?? (label && (() => label.click()));
  if (!act) return;
  event.preventDefault();
  act();
});

// A notebook opens the seconds that are shown now, whatever was shown when the page came.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-notebook]");
  const shown = new URLSearchParams(location.search);
  if (!link || !shown.has("t0")) return;
  const wanted = new URL(link.href);
  for (const name of ["t0", "t1"]) if (shown.has(name)) wanted.searchParams.set(name, shown.get(name));
  link.href = wanted;
});

document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-all]")) return;
  for (const box of event.target.form.querySelectorAll(".pick input")) box.checked = event.target.checked;
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.id === "theme") toggleTheme();
  if (button.id === "keys") keys["?"]();
  if (button.dataset.copy) {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    const said = button.textContent;
    button.textContent = "copied";
    setTimeout(() => { button.textContent = said; }, 1200);
  }
});

// The number of results is said in the title too, which a partial answer does not replace.
document.body.addEventListener("htmx:afterSwap", () => {
  const title = document.querySelector("#results")?.dataset.title;
  if (title) document.title = title;
});
