"""Tables and picture of the runs of fused-mlp and its peers."""

import csv
import json
import pathlib
import statistics

TOLERANCE = 0.005
TARGET = 0.98
OWN = "fused-mlp"


def is_own(peer):
    """fused-mlp in one of its precisions, whose name follows a comma."""
    return peer.split(",")[0] == OWN


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


# Sizes and colours of the program's own pictures, whose style sheet is taken.
STYLE = pathlib.Path(__file__).resolve().parents[2] / "src" / "program" / "charts" / "chart.css"
WIDTH, FONT, LINE, MARGIN = 700, 22, 32, 14
PAPER, INK, SOFT, BLUE, VERMILION = "#FFFFFF", "#1B1D21", "#5B6068", "#0072B2", "#D55E00"
# Where bars begin, and their greatest length.
LEFT, LONGEST = 225, 370


def text(x, y, colour, words, more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" color="{colour}" fill="currentColor"{more}>{words}</text>'


def box(x, y, width, height, colour):
    return f'<rect x="{x}" y="{y}" width="{width:.1f}" height="{height}" color="{colour}" fill="currentColor"/>'


def panel(records, top, title, better, value, told):
    """Bars of one quantity, the best first. Returns them and where they end."""
    known = sorted((r for r in records if value(r) is not None), key=value, reverse=better == "more")
    unknown = [r for r in records if value(r) is None]
    largest = max(map(value, known), default=0) or 1
    parts = [text(MARGIN, top + 26, INK, title, ' class="title"')]
    parts.append(text(WIDTH - MARGIN, top + 26, SOFT, f"{better} is better", ' text-anchor="end"'))
    y = top + 40
    for r in known + unknown:
        colour = VERMILION if is_own(r["peer"]) else BLUE
        width = 0 if r in unknown else max(2, LONGEST * value(r) / largest)
        parts.append(text(LEFT - 10, y + 20, INK, r["peer"], ' text-anchor="end"'))
        parts.append(box(LEFT, y + 3, width, LINE - 8, colour))
        parts.append(text(LEFT + width + 8, y + 20, SOFT, told(value(r))))
        y += LINE
    return parts, y + 20


def picture(records):
    def or_(missing, form):
        return lambda value: missing if value is None else form(value)

    panels = [
        ("epochs a second", "more", lambda r: r["epochs_per_second"], "{:.2f}".format),
        ("seconds to 98 %, cold", "less", lambda r: r["seconds_to_98"], or_("not reached", "{:.2f}".format)),
        ("installed, MB", "less", lambda r: r["bytes"] / 1e6, "{:,.1f}".format),
        ("lines of code", "fewer", lambda r: r["lines"], or_("none: a command", str)),
    ]
    parts, top = [], 8
    for each in panels:
        drawn, top = panel(records, top, *each)
        parts += drawn
    title = "The same training by fused-mlp and other programs"
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" role="img" width="{WIDTH}" height="{top}" '
        f'viewBox="0 0 {WIDTH} {top}" font-family="sans-serif" font-size="{FONT}">',
        f"<title>{title}</title>\n<style>\n{STYLE.read_text()}</style>",
        box(0, 0, WIDTH, top, PAPER),
    ]
    return "\n".join(head + parts) + "\n</svg>\n"


def write(folder, facts):
    """Writes results.json, table.md and the picture; 1 if an accuracy is another's."""
    records = summary(read(folder / "runs.csv"), facts)
    whole = {"machine": facts["machine"], "target": TARGET, "tolerance": TOLERANCE, "peers": records}
    (folder / "results.json").write_text(json.dumps(whole, indent=2) + "\n")
    (folder / "table.md").write_text(table(records))
    (folder / "peers.svg").write_text(picture(records))
    print(table(records), end="")
    own = next((r["accuracy_after_6"] for r in records if is_own(r["peer"])), None)
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
