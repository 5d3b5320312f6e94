"""Tables and picture of the runs of fused-mlp and its peers."""

import csv
import json
import statistics

TOLERANCE = 0.005
TARGET = 0.98
OWN = "fused-mlp"


def read(file):
    with file.open() as lines:
        return list(csv.DictReader(lines))


def summary(rows, facts):
    """A record for each peer: the fastest and the median of all epochs, and of all races.

    The table and the picture show the fastest: what else runs on a machine only ever adds time.
    """
    records = []
    for fact in facts["peers"]:
        own = [row for row in rows if row["peer"] == fact["peer"]]
        epochs = [float(r["seconds"]) for r in own if r["mode"] == "speed" and r["epoch"] != "1"]
        if not epochs:
            continue
        accuracies = [float(r["accuracy"]) for r in own if r["mode"] == "speed" and r["epoch"] == "6"]
        races = [r for r in own if r["mode"] == "race"]
        reached = [float(r["since_start"]) for r in races if r["accuracy"] and float(r["accuracy"]) >= TARGET]
        records.append(
            fact
            | {
                "median_epoch_seconds": statistics.median(epochs),
                "fastest_epoch_seconds": min(epochs),
                "epochs_per_second": 1 / min(epochs),
                "accuracy_after_6": statistics.mean(accuracies) if accuracies else None,
                "races": len({r["round"] for r in races}),
                "reached": len(reached),
                "seconds_to_98": min(reached, default=None),
                "median_seconds_to_98": statistics.median(reached) if reached else None,
            }
        )
    return records


def table(records):
    text = (
        "| program | version | epoch, s | epochs/s | accuracy after 6 epochs | 98 % cold, s (reached) "
        "| lines | installed, MB |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n"
    )
    for r in records:
        accuracy = "" if r["accuracy_after_6"] is None else f"{100 * r['accuracy_after_6']:.2f} %"
        race = "-" if r["seconds_to_98"] is None else f"{r['seconds_to_98']:.2f}"
        lines = "a command" if r["lines"] is None else r["lines"]
        size = r["bytes"] / 1e6
        text += (
            f"| {r['peer']} | {r['version']} | {r['fastest_epoch_seconds']:.3f} | {r['epochs_per_second']:.2f} | {accuracy} "
            f"| {race} ({r['reached']} of {r['races']}) | {lines} | {size:,.{0 if size >= 100 else 1}f} |\n"
        )
    return text


def panel(records, left, title, value, text):
    """Bars of one quantity; the longest is 150 wide."""
    values = [value(r) for r in records]
    largest = max((v for v in values if v is not None), default=0) or 1
    parts = [f'<text x="{left}" y="24" font-weight="bold">{title}</text>']
    for index, (r, v) in enumerate(zip(records, values)):
        y = 36 + 26 * index
        width = 0 if v is None else max(1, 150 * v / largest)
        colour = "#d55e00" if r["peer"] == OWN else "#0072b2"
        parts.append(f'<rect x="{left}" y="{y}" width="{width:.1f}" height="18" fill="{colour}"/>')
        label = "not reached" if v is None else text(v)
        parts.append(f'<text x="{left + width + 5:.1f}" y="{y + 13}">{label}</text>')
    return parts


def picture(records):
    height = 44 + 26 * len(records)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1080 {height}" width="1080" height="{height}" '
        'font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for index, r in enumerate(records):
        parts.append(f'<text x="120" y="{49 + 26 * index}" text-anchor="end">{r["peer"]}</text>')
    parts += panel(records, 130, "epochs/s", lambda r: r["epochs_per_second"], "{:.2f}".format)
    parts += panel(records, 370, "seconds to 98 %, cold", lambda r: r["seconds_to_98"], "{:.2f}".format)
    parts += panel(records, 610, "lines of code", lambda r: r["lines"] or 0, lambda v: f"{v}" if v else "a command")
    parts += panel(records, 850, "installed, MB", lambda r: r["bytes"] / 1e6, "{:,.1f}".format)
    return "\n".join(parts) + "\n</svg>\n"


def write(folder, facts):
    """Writes results.json, table.md and the picture; 1 if an accuracy is another's."""
    records = summary(read(folder / "runs.csv"), facts)
    whole = {"machine": facts["machine"], "target": TARGET, "tolerance": TOLERANCE, "peers": records}
    (folder / "results.json").write_text(json.dumps(whole, indent=2) + "\n")
    (folder / "table.md").write_text(table(records))
    (folder / "peers.svg").write_text(picture(records))
    print(table(records), end="")
    own = next((r["accuracy_after_6"] for r in records if r["peer"] == OWN), None)
    if own is None:
        print(f"{OWN} has no run of six epochs: nothing can be compared with it")
        return 1
    others = [r for r in records if r["accuracy_after_6"] is None or abs(r["accuracy_after_6"] - own) > TOLERANCE]
    for r in others:
        if r["accuracy_after_6"] is None:
            print(f"{r['peer']}: no run of six epochs has ended")
            continue
        print(f"{r['peer']}: accuracy {r['accuracy_after_6']}, fused-mlp {own}: they should agree to {TOLERANCE}")
    return 1 if others else 0
