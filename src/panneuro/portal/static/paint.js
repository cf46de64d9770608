// Painters: one for each kind of panel. A painter knows pixels and tiles, not where they come from.

export const GUTTER = 52;

export function colours() {
  const style = getComputedStyle(document.documentElement);
  const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = (name) => {
    const span = document.createElement("span");
    span.style.color = `var(${name})`;
    document.body.append(span);
    probe.fillStyle = getComputedStyle(span).color;
    span.remove();
    probe.fillRect(0, 0, 1, 1);
    return probe.getImageData(0, 0, 1, 1).data.slice(0, 3);
  };
  const css = (c) => `rgb(${c[0]} ${c[1]} ${c[2]})`;
  const [ink, muted, line, surface, accent] = ["--ink", "--muted", "--line", "--surface", "--accent"].map(rgb);
  const hues = Array.from({ length: 8 }, (_, at) => rgb(`--c${at}`));
  return {
    font: `11px ${style.getPropertyValue("font-family") || "system-ui"}`,
    ink: css(ink), muted: css(muted), line: css(line), accent: css(accent),
    hues: hues.map(css), surfaceRgb: surface, lowRgb: hues[0], highRgb: hues[1], inkRgb: ink, hueRgb: hues[0],
  };
}

// A view of seconds onto pixels right of the gutter.
export function across(view, width) {
  const scale = (width - GUTTER) / (view.t1 - view.t0);
  return (t) => GUTTER + (t - view.t0) * scale;
}

// `pen` is where the tile before left off, so that no gap shows between two.
export function lines(ctx, panel, tile, view, size, look, pen) {
  const [bins, rows] = tile.shape;
  const x = across(view, size.width);
  const step = (tile.t1 - tile.t0) / bins;
  const height = size.height / rows;
  const { centre, reach } = panel.levels;
  const perUnit = (height * 0.9 * view.gain * tile.scale);
  const first = Math.max(0, Math.floor((view.t0 - tile.t0) / step) - 1);
  const last = Math.min(bins, Math.ceil((view.t1 - tile.t0) / step) + 2);
  const gap = panel.rate_hz ? Math.max(1.5 * step, 1.6 / panel.rate_hz) : Infinity;
  if (panel.levels.isEvents) return ticks(ctx, tile, x, [first, last], size, look);
  ctx.lineWidth = 1;
  ctx.lineJoin = "round";
  for (let row = 0; row < rows; row++) {
    const zero = height * (row + 0.5) + (centre[row] / tile.scale) * perUnit / reach[row];
    const factor = perUnit / reach[row];
    ctx.strokeStyle = panel.chosen === row ? look.hues[1] : look.hues[0];
    ctx.globalAlpha = panel.chosen === undefined || panel.chosen === row ? 1 : 0.45;
    ctx.beginPath();
    let before = pen[row]?.t;
    if (pen[row]) ctx.moveTo(pen[row].px, pen[row].py);
    for (let bin = first; bin < last; bin++) {
      const at = (bin * rows + row) * 2;
      const low = tile.data[at];
      if (low === -32768) continue;
      const t = tile.t0 + (bin + 0.5) * step;
      const [px, py, top] = [x(t), zero - low * factor, zero - tile.data[at + 1] * factor];
      // Nothing is drawn across what was not recorded.
      if (t - before > gap) {
        ctx.moveTo(px, top);
        if (top === py) ctx.lineTo(px + 1, py);
      }
      ctx.lineTo(px, top);
      if (top !== py) ctx.lineTo(px, py);
      before = t;
      pen[row] = { px, py, t };
    }
    ctx.stroke();
  }
  ctx.globalAlpha = 1;
}

// Of stamps that all say the same only their times tell something.
function ticks(ctx, tile, x, [first, last], size, look) {
  const step = (tile.t1 - tile.t0) / tile.shape[0];
  ctx.fillStyle = look.ink;
  for (let bin = first; bin < last; bin++) {
    if (tile.data[bin * 2] !== -32768) ctx.fillRect(x(tile.t0 + bin * step), size.height * 0.3, 1.2, size.height * 0.55);
  }
}

export function heat(ctx, panel, tile, view, size, look) {
  const limit = panel.levels.limit / view.gain;
  if (tile.image?.key !== `${limit} ${look.ink}`) tile.image = heatImage(panel, tile, limit, look);
  stretch(ctx, tile, view, size, true);
}

function heatImage(panel, tile, limit, look) {
  const [bins, rows] = tile.shape;
  const canvas = new OffscreenCanvas(bins, rows);
  const ctx = canvas.getContext("2d");
  const image = ctx.createImageData(bins, rows);
  const pixels = new Uint32Array(image.data.buffer);
  const table = diverging(look);
  const factor = (tile.scale / limit) * 127;
  // Where bins are shorter than samples, a sample lasts until the next.
  const lasts = panel.rate_hz ? Math.floor((bins / (tile.t1 - tile.t0)) / panel.rate_hz) : 0;
  for (let row = 0; row < rows; row++) {
    let [before, since] = [0, Infinity];
    for (let bin = 0; bin < bins; bin++) {
      const value = tile.data[bin * rows + row];
      const isFirst = since > bin && value !== -32768 && bin <= lasts;
      since = value === -32768 ? since + 1 : 0;
      if (since > lasts) continue;
      if (!since) before = table[Math.max(-127, Math.min(127, Math.round(value * factor))) + 127];
      pixels[row * bins + bin] = before;
      if (isFirst) pixels.fill(before, row * bins, row * bins + bin);
    }
  }
  ctx.putImageData(image, 0, 0);
  return { canvas, key: `${limit} ${look.ink}` };
}

// From the low hue over the page's own surface to the high hue.
function diverging(look) {
  const table = new Uint32Array(255);
  for (let at = -127; at <= 127; at++) {
    const end = at < 0 ? look.lowRgb : look.highRgb;
    const part = Math.abs(at / 127) ;
    const [r, g, b] = [0, 1, 2].map((i) => Math.round(look.surfaceRgb[i] + (end[i] - look.surfaceRgb[i]) * part));
    table[at + 127] = (255 << 24) | (b << 16) | (g << 8) | r;
  }
  return table;
}

function stretch(ctx, tile, view, size, smooth) {
  const x = across(view, size.width);
  ctx.imageSmoothingEnabled = smooth;
  ctx.drawImage(tile.image.canvas, x(tile.t0), 0, x(tile.t1) - x(tile.t0), size.height);
}

export function raster(ctx, panel, tile, view, size, look) {
  const [bins, rows] = tile.shape;
  const x = across(view, size.width);
  const step = (tile.t1 - tile.t0) / bins;
  const wide = Math.max(1, x(step) - x(0));
  const high = size.height / rows;
  const first = Math.max(0, Math.floor((view.t0 - tile.t0) / step));
  const last = Math.min(bins, Math.ceil((view.t1 - tile.t0) / step) + 1);
  const tall = Math.max(1, high * 0.82);
  for (let row = 0; row < rows; row++) {
    const marked = panel.chosen === row || panel.near?.has(row);
    ctx.fillStyle = marked ? look.hues[1] : look.ink;
    for (let bin = first; bin < last; bin++) {
      const count = tile.data[bin * rows + row];
      if (!count) continue;
      ctx.globalAlpha = marked ? 1 : Math.min(1, 0.55 + 0.15 * count);
      ctx.fillRect(x(tile.t0 + bin * step), row * high + (high - tall) / 2, wide, tall);
    }
  }
  ctx.globalAlpha = 1;
}

export function bands(ctx, panel, rows, view, size, look) {
  const x = across(view, size.width);
  const { start, stop, hue, label } = rows;
  ctx.font = look.font;
  ctx.textBaseline = "middle";
  for (let at = 0; at < start.length; at++) {
    if (stop[at] < view.t0 || start[at] > view.t1) continue;
    const left = Math.max(GUTTER, x(start[at]));
    const wide = Math.max(1.5, x(Math.min(stop[at], view.t1)) - left);
    ctx.globalAlpha = 0.28;
    ctx.fillStyle = look.hues[hue[at] % 8];
    ctx.fillRect(left, 4, wide, size.height - 8);
    ctx.globalAlpha = 1;
    ctx.fillRect(left, 4, Math.min(2, wide), size.height - 8);
    if (label[at] && ctx.measureText(label[at]).width < wide - 10) {
      ctx.fillStyle = look.ink;
      ctx.fillText(label[at], left + 6, size.height / 2 + 0.5);
    }
  }
}

// Names of rows beside a panel, as many as there is room for.
export function labels(ctx, names, size, look) {
  const height = size.height / names.length;
  const every = Math.max(1, Math.ceil(13 / height));
  ctx.clearRect(0, 0, GUTTER, size.height);
  ctx.font = look.font;
  ctx.fillStyle = look.muted;
  ctx.textBaseline = "middle";
  ctx.textAlign = "right";
  for (let row = every > 1 ? every >> 1 : 0; row < names.length; row += every) {
    ctx.fillText(shortened(String(names[row])), GUTTER - 8, height * (row + 0.5));
  }
  ctx.textAlign = "left";
}

// How much a length means: a bar beside traces, the ends of the colours of a heat map.
export function scale(ctx, panel, view, size, look) {
  const { reach, limit } = panel.levels;
  if (panel.levels.isEvents || (!reach && !limit)) return;
  ctx.font = look.font;
  ctx.textAlign = "right";
  ctx.textBaseline = "middle";
  if (limit) {
    boxed(ctx, `colours: ±${amount(limit / view.gain, panel.unit)}`, size.width - 10, 14, look);
  } else {
    const perUnit = ((size.height / panel.rows) * 0.9 * view.gain) / reach[0];
    const value = roundDown(Math.min(size.height * 0.6, Math.max(28, (size.height / panel.rows) * 0.7)) / perUnit);
    const [x, bottom, high] = [size.width - 6, size.height - 8, value * perUnit];
    ctx.fillStyle = look.ink;
    ctx.fillRect(x, bottom - high, 2, high);
    boxed(ctx, amount(value, panel.unit), x - 6, bottom - high / 2, look);
  }
  ctx.textAlign = "left";
}

// Channels differ in their last digits, words in their first letters.
function shortened(name) {
  if (name.length < 8) return name;
  return /\d$/.test(name) ? `…${name.slice(-5)}` : `${name.slice(0, 6)}…`;
}

function boxed(ctx, text, right, middle, look) {
  const wide = ctx.measureText(text).width;
  ctx.globalAlpha = 0.82;
  ctx.fillStyle = `rgb(${look.surfaceRgb.join(" ")})`;
  ctx.fillRect(right - wide - 4, middle - 8, wide + 8, 16);
  ctx.globalAlpha = 1;
  ctx.fillStyle = look.ink;
  ctx.fillText(text, right, middle);
}

const SHORT = { volts: "V", volt: "V", amperes: "A", ampere: "A", "n.a.": "", unknown: "" };

// A value as people write it: 2e-4 of volts is 200 µV.
export function amount(value, unit) {
  const short = SHORT[unit] ?? unit;
  if (!["V", "A"].includes(short)) return `${+value.toPrecision(2)} ${short}`.trim();
  const power = Math.min(0, Math.max(-5, Math.floor(Math.log10(Math.abs(value)) / 3 + 1e-9)));
  return `${+(value / 1000 ** power).toPrecision(2)} ${["", "m", "µ", "n", "p", "f"][-power]}${short}`;
}

function roundDown(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [5, 2, 1].find((factor) => factor * power <= value) * power;
}

export function axis(ctx, view, size, look) {
  const x = across(view, size.width);
  const step = roundStep((view.t1 - view.t0) / Math.max(2, (size.width - GUTTER) / 110));
  ctx.font = look.font;
  ctx.textAlign = "center";
  ctx.textBaseline = "top";
  ctx.fillStyle = look.muted;
  ctx.strokeStyle = look.line;
  ctx.beginPath();
  for (let at = Math.ceil(view.t0 / step); at * step <= view.t1; at++) {
    const px = x(at * step);
    ctx.moveTo(px, 0);
    ctx.lineTo(px, 5);
    ctx.fillText(clock(at * step, step), Math.min(px, size.width - 24), 8);
  }
  ctx.stroke();
  ctx.textAlign = "left";
}

function roundStep(rough) {
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400];
  if (rough > 1) return steps.find((step) => step >= rough) ?? 28800;
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= rough * 0.999);
}

export function clock(t, step = 0.001) {
  const digits = Math.max(0, Math.min(6, -Math.floor(Math.log10(step) + 1e-9)));
  if (Math.abs(t) < 60 || digits) return `${t.toFixed(digits)} s`;
  const whole = Math.round(Math.abs(t));
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const text = parts.map((part) => String(part).padStart(2, "0")).slice(parts[0] ? 0 : 1).join(":");
  return t < 0 ? `-${text}` : text;
}
