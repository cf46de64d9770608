// A part of a page that is asked for again when something happened.

const part = document.querySelector("[data-live]");
if (part) {
  const source = new EventSource("/events");
  source.addEventListener("run", () => htmx.ajax("GET", location.href, {
    target: `#${part.id}`, select: `#${part.id}`, swap: "outerHTML",
  }));
  addEventListener("pagehide", () => source.close());
}
