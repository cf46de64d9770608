// What a panel shows, in words: for those who hear a page.

import { clock } from "./paint.js";

export function inWords(panel, view, rows, names) {
  const step = (view.t1 - view.t0) / 100;
  const span = `${clock(view.t0, step)} to ${clock(view.t1, step)}`;
  const chosen = panel.chosen === undefined ? "" : `; ${names[panel.chosen]} is chosen`;
  return `${panel.name}: ${SAID[panel.kind](panel, view, rows)}, ${span}${chosen}`;
}

const several = (count, one) => `${count} ${one}${count === 1 ? "" : "s"}`;

const SAID = {
  lines: (panel) => `${several(panel.rows, "trace")}${panel.unit ? ` in ${panel.unit}` : ""}`,
  heat: (panel) => `${several(panel.rows, "channel")} as a heat map${panel.unit ? ` in ${panel.unit}` : ""}`,
  raster: (panel) => `events of ${several(panel.rows, "unit")}`,
  bands: (panel, view, rows) => {
    if (!rows) return several(panel.rows, "interval");
    const here = [...rows.start.keys()].filter((at) => rows.stop[at] >= view.t0 && rows.start[at] <= view.t1);
    const kinds = [...new Set(here.map((at) => rows.label[at]))].filter(Boolean).slice(0, 12);
    return `${here.length} of ${several(panel.rows, "interval")}${kinds.length ? `: ${kinds.join(", ")}` : ""}`;
  },
};
