// Windows of signals, fetched once: tiles of a power of two of seconds, so that caches meet.

const MOST_BYTES = 96e6;
const TYPES = { int16: Int16Array, uint16: Uint16Array, float32: Float32Array };

export class Tiles {
  constructor(reference, onload) {
    this.base = `/assets/${encodeURIComponent(reference)}/signals/`;
    this.onload = onload;
    this.held = new Map();
    this.bytes = 0;
    this.waiting = new Map();
  }

  address(panel, t0, t1, px) {
    const summary = panel.kind === "heat" ? "&summary=peaks" : "";
    return `${this.base}${encodeURIComponent(panel.name)}/window?format=binary&dtype=int16`
      + `&t0=${t0}&t1=${t1}&px=${px}${summary}`;
  }

  // The tile if it is here; else it is sent for.
  take(panel, t0, t1, px) {
    const address = this.address(panel, t0, t1, px);
    const tile = this.held.get(address);
    if (tile) {
      this.held.delete(address);
      this.held.set(address, tile);
      return tile;
    }
    if (!this.waiting.has(address)) this.send(panel, address, t0, t1);
    return null;
  }

  // Whether a tile is here, without sending for it.
  peek(panel, t0, t1, px) {
    return this.held.get(this.address(panel, t0, t1, px));
  }

  async send(panel, address, t0, t1) {
    const abort = new AbortController();
    this.waiting.set(address, { abort, t0, t1 });
    try {
      const answer = await fetch(address, { signal: abort.signal });
      if (!answer.ok) throw new Error((await answer.json()).detail);
      this.keep(address, tileOf(answer.headers, await answer.arrayBuffer(), t0, t1));
    } catch (error) {
      if (error.name === "AbortError") return;
      this.keep(address, { t0, t1, failed: error.message, shape: [0, 0, 0], data: [] });
    } finally {
      this.waiting.delete(address);
    }
    this.onload(panel);
  }

  // Stop what is under way for seconds that nobody looks at any more.
  forget(t0, t1) {
    for (const { abort, t0: from, t1: to } of this.waiting.values()) {
      if (to < t0 || from > t1) abort.abort();
    }
  }

  keep(address, tile) {
    this.held.set(address, tile);
    this.bytes += tile.data.byteLength ?? 0;
    for (const [old, other] of this.held) {
      if (this.bytes < MOST_BYTES) break;
      this.held.delete(old);
      this.bytes -= other.data.byteLength ?? 0;
    }
  }
}

function tileOf(headers, buffer, t0, t1) {
  const Type = TYPES[headers.get("panneuro-dtype")];
  const shape = headers.get("panneuro-shape").split(",").map(Number);
  return { t0, t1, shape, scale: Number(headers.get("panneuro-scale")), data: new Type(buffer) };
}

// The tiles that cover a view: a power of two of seconds each, about as many bins as pixels.
export function covering(t0, t1, width, bins) {
  const level = Math.round(Math.log2(((t1 - t0) / width) * bins));
  const length = 2 ** level;
  const found = [];
  for (let at = Math.floor(t0 / length); at * length < t1; at++) {
    found.push([at * length, (at + 1) * length]);
  }
  return found;
}
