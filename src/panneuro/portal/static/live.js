// Parts of a page that are asked for again when something happened. What did not change is left
// as it is, so that nothing loses the focus; a log stays at its end if that was in sight.

const parts = document.querySelectorAll("[data-live]");

function follow(log) {
  if (log) log.scrollTop = log.scrollHeight;
}

async function refresh() {
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of parts) {
    const next = fresh.getElementById(part.id);
    if (!next || next.innerHTML === part.innerHTML) continue;
    const log = part.querySelector("[data-tail]");
    const atEnd = !log || log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    part.replaceChildren(...next.childNodes);
    if (atEnd) follow(part.querySelector("[data-tail]"));
  }
  document.title = fresh.title;
}

if (parts.length) {
  const source = new EventSource(parts[0].dataset.live || "/events");
  let busy = Promise.resolve();
  const again = () => { busy = busy.then(refresh).catch(() => {}); };
  source.addEventListener("run", again);
  let begun = false;
  source.addEventListener("hello", () => { if (begun) again(); begun = true; });
  addEventListener("pagehide", () => source.close());
  document.querySelectorAll("[data-tail]").forEach(follow);
}
