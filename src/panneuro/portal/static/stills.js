// Images of the moment under the cursor: one request under way at a time, the last one wins.

export class Stills {
  constructor(viewer) {
    this.base = `/assets/${encodeURIComponent(viewer.reference)}/signals/`;
    this.images = [...viewer.root.querySelectorAll("img[data-frames]")];
    this.busy = false;
  }

  show(t) {
    this.wanted = t;
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
