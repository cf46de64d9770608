// What belongs together is chosen together: a unit, its electrode and its trace; a region and its traces.

// Under which name the address keeps what is chosen in a panel.
export function keyOf(panel) {
  if (panel.kind === "raster") return "unit";
  return panel.rois ? "roi" : "channel";
}

const isTrace = (panel) => panel.kind === "lines" || panel.kind === "heat";

export function link(panels, from) {
  if (from.rois) {
    for (const panel of panels) if (panel.rois === from.rois) panel.chosen = from.chosen;
  } else if (from.kind === "raster") {
    if (from.sites?.length) linkElectrode(panels, from.sites[from.chosen] ?? undefined, from);
  } else if (from.electrodes?.length) {
    linkElectrode(panels, from.electrodes[from.chosen], from);
  }
}

// Choose the traces of an electrode, and mark the units that are there.
export function linkElectrode(panels, electrode, from) {
  for (const panel of panels) {
    if (panel.kind === "raster" && panel.sites?.length) {
      panel.near = new Set();
      panel.sites.forEach((site, row) => site === electrode && panel.near.add(row));
      if (panel !== from && !panel.near.has(panel.chosen)) panel.chosen = undefined;
    } else if (panel !== from && isTrace(panel) && panel.electrodes?.length && panel.rows > 1) {
      const row = panel.electrodes.indexOf(electrode);
      panel.chosen = row < 0 ? undefined : row;
    }
  }
}

// The electrode of what is chosen, if it has one.
export function electrodeOf(panels) {
  for (const panel of panels) {
    if (panel.chosen === undefined) continue;
    const electrode = (panel.kind === "raster" ? panel.sites : panel.electrodes)?.[panel.chosen];
    if (electrode !== undefined && electrode !== null) return electrode;
  }
  return undefined;
}
