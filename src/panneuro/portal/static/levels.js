// Where each row rests and how far it swings, of the whole signal: the same wherever one looks.
export function levelsOf(panel, tile) {
  if (panel.kind === "raster") return {};
  if (panel.kind === "heat") {
    const known = Array.from(tile.data).filter((value) => value !== -32768);
    return { limit: quantile(known.map(Math.abs), 0.9) * tile.scale || 1 };
  }
  const rows = Array.from({ length: tile.shape[1] }, (_, row) => rowLevels(tile, row));
  const centre = rows.map(({ low, high, middle }) => (rows.length === 1 ? (low + high) / 2 : middle) * tile.scale);
  if (rows.length === 1) {
    const isEvents = Boolean(panel.stamped) && rows[0].low === rows[0].high;
    return { centre, reach: [(rows[0].high - rows[0].low) * tile.scale || 1], isEvents };
  }
  const [swing, drift] = ["swing", "drift"].map((what) => quantile(rows.map((row) => row[what]), 0.5));
  return { centre, reach: new Float64Array(rows.length).fill(Math.max(swing * 1.2, drift) * tile.scale || 1) };
}

// What a row does within bins is its swing, from bin to bin its drift: noise swings, slow signals drift.
function rowLevels(tile, row) {
  const [bins, rows] = tile.shape;
  const [lows, highs] = [[], []];
  for (let at = row * 2; at < bins * rows * 2; at += rows * 2) {
    if (tile.data[at] === -32768) continue;
    lows.push(tile.data[at]);
    highs.push(tile.data[at + 1]);
  }
  if (!lows.length) return { low: 0, high: 0, middle: 0, swing: 0, drift: 0 };
  const middles = lows.map((low, at) => (low + highs[at]) / 2);
  return {
    low: Math.min(...lows), high: Math.max(...highs),
    middle: middles.reduce((sum, value) => sum + value, 0) / middles.length,
    swing: quantile(highs.map((high, at) => high - lows[at]), 0.5),
    drift: quantile(middles, 0.98) - quantile(middles, 0.02),
  };
}

function quantile(values, part) {
  const known = Float64Array.from(values).sort();
  return known.length ? known[Math.floor((known.length - 1) * part)] : 0;
}
