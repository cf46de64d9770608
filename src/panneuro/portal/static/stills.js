// Images of the moment under the cursor: of a video itself where the browser plays it, else one
// request under way at a time, the last one wins.

export class Stills {
  constructor(viewer) {
    this.base = `/assets/${encodeURIComponent(viewer.reference)}/signals/`;
    const panels = new Map(viewer.panels.map((panel) => [panel.name, panel]));
    const found = [...viewer.root.querySelectorAll("img[data-frames]")];
    // Of a single image every moment is the same.
    this.images = found.filter((image) => panels.get(image.dataset.frames).rows > 1);
    this.films = this.images
      .filter((image) => panels.get(image.dataset.frames).clock)
      .map((image) => new Film(this, image, panels.get(image.dataset.frames)));
    this.busy = false;
  }

  show(t) {
    this.wanted = t;
    for (const film of this.films) film.show(t);
    if (this.busy || !this.images.length) return;
    this.busy = true;
    const loads = this.images.map((image) => {
      image.src = `${this.base}${encodeURIComponent(image.dataset.frames)}/frame?t=${t.toFixed(3)}`;
      return image.decode().catch(() => {});
    });
    Promise.all(loads).then(() => {
      this.busy = false;
      if (this.wanted !== t) this.show(this.wanted);
    });
  }
}

// A video that stands still at the moment under the cursor, in the place of its thumbnail.
class Film {
  constructor(stills, image, panel) {
    this.clock = panel.clock;
    this.video = document.createElement("video");
    Object.assign(this.video, { muted: true, playsInline: true, preload: "metadata" });
    this.video.setAttribute("aria-label", `${panel.name} at the cursor`);
    this.video.addEventListener("loadeddata", () => {
      image.replaceWith(this.video);
      stills.images = stills.images.filter((other) => other !== image);
      this.show(stills.wanted ?? panel.start_s);
    }, { once: true });
    this.video.addEventListener("seeked", () => this.show(this.wanted));
    this.video.src = `${stills.base}${encodeURIComponent(panel.name)}/video`;
  }

  show(t) {
    this.wanted = t;
    const at = Math.max(0, along(this.clock, t) + 1e-3);
    if (!this.video.seeking && this.video.readyState && Math.abs(at - this.video.currentTime) > 1e-4) {
      this.video.currentTime = at;
    }
  }
}

// Which second of a video shows a second of the session: along straight lines between knots.
function along(knots, t) {
  const after = Math.max(1, knots.findIndex(([session]) => session > t));
  const [[t0, v0], [t1, v1]] = t > knots.at(-1)[0] || knots.length < 2
    ? [knots.at(-1), [knots.at(-1)[0] + 1, knots.at(-1)[1]]] : [knots[after - 1], knots[after]];
  return v0 + (Math.min(1, Math.max(0, (t - t0) / (t1 - t0)))) * (v1 - v0);
}
