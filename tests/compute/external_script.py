"""A program that knows nothing of panneuro: keeps the spikes after a time."""

import csv
import json
import sys
from pathlib import Path

source, _, after_s, _, folder = sys.argv[1:]
if float(after_s) < 0:
    sys.exit("a time before the beginning")
with Path(source).open() as stream:
    rows = [row for row in csv.DictReader(stream) if float(row["time_s"]) > float(after_s)]
with (Path(folder) / "spikes.csv").open("w") as stream:
    writer = csv.DictWriter(stream, ["unit", "time_s"])
    writer.writeheader()
    writer.writerows(rows)
(Path(folder) / "count.json").write_text(json.dumps(len(rows)))
sys.stdout.write(f"{len(rows)} spikes\n")
