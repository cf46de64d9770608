// Pointer, wheel and keys: from what people do to what the viewer shows.

import { GUTTER } from "./paint.js";

const KEYS = {
  ArrowLeft: "left", ArrowRight: "right", "+": "in", "=": "in", "-": "out", "0": "whole",
  "]": "louder", "[": "softer", n: "next", p: "previous", Escape: "none",
};
const STEADY_PX = 4;

export function listen(viewer) {
  const { root, stage } = viewer;
  const gestures = new Gestures(viewer);
  new ResizeObserver(() => viewer.draw()).observe(stage);
  document.addEventListener("themed", () => viewer.restyle());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => viewer.restyle());
  window.addEventListener("popstate", () => { viewer.read(); viewer.draw(); });
  stage.addEventListener("pointerdown", (event) => gestures.press(event));
  stage.addEventListener("pointermove", (event) => gestures.move(event));
  for (const kind of ["pointerup", "pointercancel"]) {
    stage.addEventListener(kind, (event) => gestures.lift(event));
  }
  stage.addEventListener("pointerleave", () => { gestures.cursor.hidden = true; });
  stage.addEventListener("dblclick", (event) => viewer.zoom(0.5, gestures.time(event)));
  stage.addEventListener("wheel", (event) => gestures.wheel(event), { passive: false });
  root.addEventListener("keydown", (event) => gestures.key(event));
  const map = root.querySelector(".map");
  map.addEventListener("pointerdown", (event) => gestures.jump(event));
  map.addEventListener("pointermove", (event) => (event.buttons ? gestures.jump(event) : gestures.glance(event)));
  for (const button of root.querySelectorAll("[data-do]")) {
    button.addEventListener("click", () => viewer.act(button.dataset.do));
  }
  for (const contact of root.querySelectorAll(".probe rect[data-row]")) {
    contact.addEventListener("click", () => viewer.chooseElectrode(Number(contact.dataset.row)));
  }
  for (const map of root.querySelectorAll("svg[data-rois]")) {
    map.addEventListener("click", (event) => {
      const path = event.target.closest("path");
      if (path) viewer.chooseRegion(map.dataset.rois, Number(path.dataset.row));
    });
  }
}

class Gestures {
  constructor(viewer) {
    this.viewer = viewer;
    this.stage = viewer.stage;
    this.cursor = viewer.root.querySelector(".cursor");
    this.pointers = new Map();
  }

  time(event) {
    const { t0, t1 } = this.viewer.view;
    const box = this.stage.getBoundingClientRect();
    return t0 + ((event.clientX - box.left - GUTTER) / (box.width - GUTTER)) * (t1 - t0);
  }

  press(event) {
    if (event.button) return;
    this.pointers.set(event.pointerId, event);
    this.pressed = { x: event.clientX, ...this.viewer.view, moved: false };
  }

  move(event) {
    this.point(event);
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    this.pointers.set(event.pointerId, event);
    if (this.pointers.size === 2) this.pinch(event, before);
    else this.drag(event);
  }

  drag(event) {
    const { pressed, stage } = this;
    const shift = event.clientX - pressed.x;
    if (!pressed.moved && Math.abs(shift) < STEADY_PX) return;
    if (!pressed.moved) {
      stage.setPointerCapture(event.pointerId);
      stage.classList.add("dragging");
      pressed.moved = true;
    }
    const by = (shift * (pressed.t1 - pressed.t0)) / (stage.clientWidth - GUTTER);
    this.viewer.lookAt(pressed.t0 - by, pressed.t1 - by);
  }

  pinch(event, before) {
    const other = [...this.pointers.values()].find((one) => one.pointerId !== event.pointerId);
    const apart = (one) => Math.max(20, Math.abs(one.clientX - other.clientX));
    this.pressed.moved = true;
    this.viewer.zoom(apart(before) / apart(event), this.time(other));
  }

  lift(event) {
    const clicked = this.pointers.delete(event.pointerId) && !this.pressed.moved;
    this.stage.classList.remove("dragging");
    // Of two fingers the one that stays goes on from where it is.
    for (const left of this.pointers.values()) this.press(left);
    if (!clicked || event.type !== "pointerup") return;
    const [panel, row] = this.row(event);
    if (row !== undefined) this.viewer.choose(panel, row);
  }

  // The panel under the pointer, and its row where it has several.
  row(event) {
    const panel = this.viewer.panels.find((one) => one.canvas === event.target);
    if (!panel || panel.kind === "bands" || panel.rows < 2) return [panel];
    const box = panel.canvas.getBoundingClientRect();
    const row = Math.floor(((event.clientY - box.top) / box.height) * panel.rows);
    return [panel, Math.min(panel.rows - 1, Math.max(0, row))];
  }

  point(event) {
    const t = this.time(event);
    this.cursor.hidden = t < this.viewer.view.t0;
    if (this.cursor.hidden) return;
    this.cursor.style.left = `${event.clientX - this.stage.getBoundingClientRect().left}px`;
    this.viewer.point(t, ...this.row(event));
  }

  wheel(event) {
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      const turned = Math.max(-300, Math.min(300, event.deltaY * 2));
      this.viewer.zoom(1.0015 ** turned, this.time(event));
    } else if (Math.abs(event.deltaX) > Math.abs(event.deltaY) || event.shiftKey) {
      event.preventDefault();
      this.viewer.pan((event.deltaX || event.deltaY) / this.stage.clientWidth);
    }
  }

  // The moment of the whole session that is under the pointer.
  moment(event) {
    const { first, last } = this.viewer;
    const box = event.currentTarget.getBoundingClientRect();
    return first + ((event.clientX - box.left) / box.width) * (last - first);
  }

  jump(event) {
    const { view } = this.viewer;
    const [at, half] = [this.moment(event), (view.t1 - view.t0) / 2];
    this.viewer.lookAt(at - half, at + half);
  }

  glance(event) {
    this.viewer.stills.show(this.moment(event));
  }

  key(event) {
    const typing = event.target.matches("input, select");
    if (typing || event.ctrlKey || event.metaKey || !KEYS[event.key]) return;
    event.preventDefault();
    this.viewer.act(KEYS[event.key]);
  }
}
