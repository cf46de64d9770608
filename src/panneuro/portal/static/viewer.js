// One time axis for everything an asset holds. The address is the state.

import { Tiles, covering } from "./tiles.js";
import * as paint from "./paint.js";
import { Stills } from "./stills.js";
import { listen } from "./gestures.js";
import { electrodeOf, keyOf, link, linkElectrode } from "./linked.js";
import { levelsOf } from "./levels.js";
import { inWords } from "./words.js";

const HEIGHTS = { bands: 40, heat: 300, raster: 220 };
const BINS = { lines: 512, heat: 512, raster: 1024 };
const SHORTEST_S = 0.002;
const OVERVIEW = 512;
// Of many signals those below are shown when they are asked for.
const ROOM_PX = 1100;

class Viewer {
  constructor(root) {
    this.root = root;
    Object.assign(this, JSON.parse(root.dataset.viewer));
    this.stage = root.querySelector(".stage");
    this.readout = root.querySelector("output");
    this.windowMark = root.querySelector(".map div");
    this.tiles = new Tiles(this.reference, (panel) => this.draw(panel));
    this.stale = new Set();
    this.stills = new Stills(this);
    this.look = paint.colours();
    this.rows = new Map();
    this.read();
    this.build();
    listen(this);
    for (const panel of this.panels) if (panel.chosen !== undefined) link(this.panels, panel);
    this.mark();
    this.draw();
  }

  // --- state -------------------------------------------------------------

  read() {
    const said = new URLSearchParams(location.search);
    const number = (name, usual) => (said.has(name) && Number.isFinite(+said.get(name)) ? +said.get(name) : usual);
    const t0 = number("t0", this.begin);
    this.view = { t0, t1: number("t1", t0 + this.window), gain: Math.max(0.01, number("gain", 1)) };
    if (!(this.view.t1 > this.view.t0)) this.view.t1 = this.view.t0 + this.window;
    const shown = said.get("show")?.split(",");
    let room = ROOM_PX;
    for (const panel of this.panels) {
      panel.shown = shown ? shown.includes(panel.name) : room > 0 || panel.kind === "raster";
      if (panel.kind !== "frames") room -= this.height(panel);
      const chosen = said.get(keyOf(panel));
      const row = panel.rows > 1 && panel.kind !== "bands" ? this.names(panel).map(String).indexOf(chosen) : -1;
      panel.chosen = row < 0 ? undefined : row;
    }
    this.hold();
  }

  write() {
    const said = new URLSearchParams();
    said.set("t0", this.view.t0);
    said.set("t1", this.view.t1);
    if (this.view.gain !== 1) said.set("gain", +this.view.gain.toFixed(3));
    if (this.panels.some((panel) => !panel.shown)) {
      said.set("show", this.panels.filter((panel) => panel.shown).map((panel) => panel.name).join(","));
    }
    for (const panel of this.panels) {
      if (panel.chosen === undefined) continue;
      said.set(keyOf(panel), this.names(panel)[panel.chosen]);
    }
    history.replaceState(null, "", `?${said}${location.hash}`);
  }

  hold() {
    const { view } = this;
    const room = this.last - this.first;
    const span = Math.min(Math.max(view.t1 - view.t0, SHORTEST_S), room);
    view.t0 = Math.min(Math.max(view.t0, this.first), this.last - span);
    view.t1 = view.t0 + span;
    // As exact as the address has it, so that a link shows the very same.
    const digits = Math.max(0, Math.ceil(3 - Math.log10(span)));
    view.t0 = +view.t0.toFixed(digits);
    view.t1 = +view.t1.toFixed(digits);
  }

  lookAt(t0, t1) {
    this.view.t0 = t0;
    this.view.t1 = t1;
    this.hold();
    this.tiles.forget(this.view.t0 - (t1 - t0), this.view.t1 + (t1 - t0));
    this.ask();
    this.stills.show((this.view.t0 + this.view.t1) / 2);
    this.draw();
    clearTimeout(this.writing);
    this.writing = setTimeout(() => this.write(), 120);
  }

  pan(part) {
    const span = this.view.t1 - this.view.t0;
    this.lookAt(this.view.t0 + part * span, this.view.t1 + part * span);
  }

  zoom(factor, at = (this.view.t0 + this.view.t1) / 2) {
    this.lookAt(at - (at - this.view.t0) * factor, at + (this.view.t1 - at) * factor);
  }

  choose(panel, row) {
    panel.chosen = panel.chosen === row ? undefined : row;
    this.active = panel;
    link(this.panels, panel);
    this.mark();
    this.draw();
    this.write();
  }

  chooseElectrode(electrode) {
    const chosen = this.electrode === electrode ? undefined : electrode;
    linkElectrode(this.panels, chosen);
    this.mark(chosen);
    this.draw();
    this.write();
  }

  chooseRegion(rois, row) {
    const panel = this.panels.find((one) => one.rois === rois);
    if (panel) this.choose(panel, row);
  }

  // The next or an earlier row of the panel that was chosen from last.
  step(by) {
    const rich = (panel) => panel.shown && panel.figure && panel.kind !== "bands" && panel.rows > 1;
    const panel = this.active?.shown ? this.active : this.panels.find(rich);
    if (!panel) return;
    this.choose(panel, ((panel.chosen ?? (by > 0 ? -1 : 0)) + by + panel.rows) % panel.rows);
  }

  clear() {
    for (const panel of this.panels) if (panel.chosen !== undefined) this.choose(panel, panel.chosen);
    this.chooseElectrode(this.electrode);
  }

  // Show what is chosen beside the panels, too: on the probe, on images, and as a way to the unit's page.
  mark(electrode = electrodeOf(this.panels)) {
    this.electrode = electrode;
    for (const contact of this.root.querySelectorAll(".probe rect[data-row]")) {
      contact.classList.toggle("chosen", Number(contact.dataset.row) === this.electrode);
    }
    for (const map of this.root.querySelectorAll("svg[data-rois]")) {
      const row = this.panels.find((panel) => panel.rois === map.dataset.rois)?.chosen;
      for (const path of map.children) path.classList.toggle("chosen", Number(path.dataset.row) === row);
    }
    const raster = this.panels.find((panel) => panel.kind === "raster" && panel.chosen !== undefined);
    this.offer(raster);
  }

  // The way to the page of the chosen unit.
  offer(panel) {
    const link = this.root.querySelector(".to-unit");
    link.hidden = !panel;
    if (!panel) return;
    const unit = this.names(panel)[panel.chosen];
    link.href = `/assets/${encodeURIComponent(this.reference)}/signals/${encodeURIComponent(panel.name)}/units/${encodeURIComponent(unit)}`;
    link.textContent = `open unit ${unit}`;
  }

  // --- building ----------------------------------------------------------

  build() {
    const toggles = this.root.querySelector(".toggles");
    for (const panel of this.panels) {
      if (panel.kind === "frames") continue;
      const label = document.createElement("label");
      label.innerHTML = "<input type=checkbox>";
      label.append(panel.name);
      const box = label.firstChild;
      box.checked = panel.shown;
      box.addEventListener("change", () => {
        panel.shown = box.checked;
        this.draw();
        this.write();
      });
      toggles.append(label);
      panel.figure = document.createElement("div");
      panel.figure.className = `panel ${panel.kind}`;
      const title = document.createElement("h3");
      title.textContent = panel.unit && panel.unit !== "unknown" ? `${panel.name} · ${panel.unit}` : panel.name;
      panel.canvas = document.createElement("canvas");
      panel.canvas.setAttribute("role", "img");
      panel.figure.append(title, panel.canvas);
      this.stage.append(panel.figure);
      if (panel.kind === "bands") this.loadBands(panel);
    }
    this.axis = document.createElement("canvas");
    this.axis.setAttribute("aria-hidden", "true");
    this.stage.append(this.axis);
  }

  async loadBands(panel) {
    const answer = await fetch(`${this.tiles.base}${encodeURIComponent(panel.name)}?format=json&t0=${this.first}&t1=${this.last + 1}`);
    if (!answer.ok) return;
    const { values } = await answer.json();
    const by = panel.columns.find((name) => {
      const count = new Set(values[name]).size;
      return count > 1 && count <= 12;
    });
    const kinds = by ? [...new Set(values[by])].sort((a, b) => (a > b ? 1 : -1)) : [null];
    const index = new Map(kinds.map((kind, at) => [kind, at]));
    const told = (kind) => (kind === null || kind === undefined ? "" : String(kind));
    this.rows.set(panel, {
      start: values.start_time, stop: values.stop_time,
      hue: by ? values[by].map((kind) => index.get(kind)) : values.start_time.map(() => 0),
      label: by ? values[by].map(told) : values.start_time.map(() => ""),
    });
    if (by) panel.figure.querySelector("h3").textContent = `${panel.name} · ${by}`;
    this.draw(panel);
  }

  names(panel) {
    if (panel.ids) return panel.ids;
    if (panel.channels?.length) return panel.channels;
    return Array.from({ length: panel.rows }, (_, at) => at);
  }

  height(panel) {
    if (panel.kind === "lines") return panel.rows === 1 ? 84 : Math.min(520, Math.max(120, panel.rows * 16));
    if (panel.kind === "raster") return Math.min(HEIGHTS.raster, Math.max(64, panel.rows * 9));
    return HEIGHTS[panel.kind];
  }

  // --- drawing -----------------------------------------------------------

  // Send for what the view needs at once, not only when the next picture is due.
  ask() {
    const width = this.stage.clientWidth;
    for (const panel of this.panels) {
      if (!panel.shown || !BINS[panel.kind]) continue;
      for (const [t0, t1] of this.wanted(width, panel)) this.tiles.take(panel, t0, t1, BINS[panel.kind]);
    }
  }

  // Paint all panels, or one more of them, when the next picture is due.
  draw(only) {
    for (const panel of only ? [only] : this.panels) this.stale.add(panel);
    if (this.drawing) return;
    this.drawing = requestAnimationFrame(() => {
      this.drawing = null;
      this.paint();
    });
  }

  paint() {
    const width = this.stage.clientWidth;
    const { view } = this;
    let missing = 0;
    for (const panel of this.panels) {
      if (!panel.figure) continue;
      panel.figure.hidden = !panel.shown;
      if (panel.shown && this.stale.has(panel)) panel.missing = this.paintPanel(panel, width);
      if (panel.shown) missing += panel.missing;
    }
    this.stale.clear();
    const size = { width, height: 26 };
    const ctx = fitted(this.axis, size);
    ctx.clearRect(0, 0, width, size.height);
    paint.axis(ctx, view, size, this.look);
    const room = this.last - this.first;
    this.windowMark.style.left = `${((view.t0 - this.first) / room) * 100}%`;
    this.windowMark.style.width = `${((view.t1 - view.t0) / room) * 100}%`;
    this.readout.value = `${paint.clock(view.t0, (view.t1 - view.t0) / 100)} – ${paint.clock(view.t1, (view.t1 - view.t0) / 100)}`;
    this.root.dataset.state = missing ? "loading" : "painted";
    if (!missing) {
      this.tell();
      this.root.dispatchEvent(new CustomEvent("painted"));
      this.prefetch(width);
    }
  }

  // Paint what is here, coarser where finer is not yet; return how much is missing.
  paintPanel(panel, width) {
    const size = { width, height: this.height(panel) };
    const ctx = fitted(panel.canvas, size);
    ctx.clearRect(0, 0, size.width, size.height);
    ctx.save();
    ctx.beginPath();
    ctx.rect(paint.GUTTER, 0, width - paint.GUTTER, size.height);
    ctx.clip();
    const missing = panel.kind === "bands" ? this.paintBands(ctx, panel, size) : this.paintTiles(ctx, panel, size);
    ctx.restore();
    if (panel.kind !== "bands" && panel.rows > 1) paint.labels(ctx, this.names(panel), size, this.look);
    if (panel.levels) paint.scale(ctx, panel, this.view, size, this.look);
    return missing;
  }

  paintBands(ctx, panel, size) {
    const rows = this.rows.get(panel);
    if (rows) paint.bands(ctx, panel, rows, this.view, size, this.look);
    return rows ? 0 : 1;
  }

  paintTiles(ctx, panel, size) {
    const whole = this.tiles.take(panel, this.first, this.last, OVERVIEW);
    if (!whole) return 1;
    if (whole.failed) return this.apologise(ctx, whole.failed);
    panel.levels ??= levelsOf(panel, whole);
    let missing = 0;
    const pen = [];
    for (const [t0, t1] of this.wanted(size.width, panel)) {
      let tile = this.tiles.take(panel, t0, t1, BINS[panel.kind]);
      if (tile?.failed) return this.apologise(ctx, tile.failed);
      if (!tile) missing += 1;
      ctx.save();
      if (!tile) {
        const x = paint.across(this.view, size.width);
        ctx.beginPath();
        ctx.rect(x(t0), 0, x(t1) - x(t0), size.height);
        ctx.clip();
        tile = this.coarser(panel, t0, t1) ?? whole;
      }
      paint[panel.kind](ctx, panel, tile, this.view, size, this.look, pen);
      ctx.restore();
    }
    return missing;
  }

  apologise(ctx, text) {
    ctx.font = this.look.font;
    ctx.fillStyle = this.look.muted;
    ctx.fillText(text, paint.GUTTER + 12, 40);
    return 0;
  }

  // What is shown, for those who hear it: said once it rests.
  tell() {
    clearTimeout(this.telling);
    this.telling = setTimeout(() => {
      for (const panel of this.panels) {
        panel.canvas?.setAttribute("aria-label", inWords(panel, this.view, this.rows.get(panel), this.names(panel)));
      }
    }, 120);
  }

  wanted(width, panel) {
    const { t0, t1 } = this.view;
    return covering(t0, t1, width - paint.GUTTER, BINS[panel.kind]);
  }

  // A tile of fewer details over the same seconds, if one is here.
  coarser(panel, t0, t1) {
    let length = t1 - t0;
    for (let up = 0; up < 6; up++) {
      length *= 2;
      const start = Math.floor(t0 / length) * length;
      const tile = this.tiles.peek(panel, start, start + length, BINS[panel.kind]);
      if (tile && !tile.failed) return tile;
    }
    return null;
  }

  // The neighbours of what is on the screen, once all of that is there.
  prefetch(width) {
    for (const panel of this.panels) {
      if (!panel.shown || !BINS[panel.kind]) continue;
      const found = this.wanted(width, panel);
      const [t0] = found[0];
      const [from, to] = found[found.length - 1];
      const length = to - from;
      if (t0 > this.first) this.tiles.take(panel, t0 - length, t0, BINS[panel.kind]);
      if (to < this.last) this.tiles.take(panel, to, to + length, BINS[panel.kind]);
    }
  }

  // --- doing -------------------------------------------------------------

  restyle() {
    this.look = paint.colours();
    this.draw();
  }

  act(what) {
    const acts = {
      left: () => this.pan(-0.5), right: () => this.pan(0.5),
      in: () => this.zoom(0.5), out: () => this.zoom(2),
      whole: () => this.lookAt(this.first, this.last),
      louder: () => this.amplify(1.5), softer: () => this.amplify(1 / 1.5),
      next: () => this.step(1), previous: () => this.step(-1), none: () => this.clear(),
    };
    acts[what]();
  }

  amplify(factor) {
    this.view.gain = Math.min(1000, Math.max(0.01, this.view.gain * factor));
    this.draw();
    this.write();
  }

  // What is said of the moment under the pointer, and of the row.
  point(t, panel, row) {
    const who = row === undefined ? "" : ` · ${panel.name} ${this.names(panel)[row]}`;
    this.readout.value = `${t.toFixed(4)} s${who}`;
    this.stills.show(t);
  }
}

function fitted(canvas, { width, height }) {
  const ratio = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.height = `${height}px`;
  }
  const ctx = canvas.getContext("2d");
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  return ctx;
}

const root = document.querySelector(".viewer[data-viewer]");
if (root) root.viewer = new Viewer(root);
