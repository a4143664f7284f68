"""How well the norm judges: detection and false refusal by requirement, grade and group, on a folder of labelled faces.

`bench/norm-accuracy FACES [--people N] [--out DIR]`. The clean set is made by laying the portraits on a plain wall, the
defects from it (bench/norm_defects.py). Every limit of bench/norm_limits.py, and the fits of crown, glasses and lids,
are drawn anew for each fifth of the people (five folds by person) without those they then judge; so was the network of
what covers a face (bench/norm_cover_train.py).
"""

import argparse
import csv
import sys
from collections.abc import Iterable, Iterator, Sized
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from bench.norm_defects import DEFECTS
from bench.norm_eyes import WAYS
from bench.norm_limits import FOLDS, RULES, Limits, Rule, drawn, fold_of, refused
from bench.norm_made import cut_person, lay
from bench.norm_train import SHUT_SHARES, fit_crown, fit_glasses, fit_lids, lid_samples, marked_height, rows
from bench.norm_workers import Key, Workers
from edge.judge import load_models
from edge.judge_folder import progress
from edge.picture import read_picture
from edge.portrait import TABLE, Verdict
from edge.portrait.crown import head_height
from edge.portrait.eyes import frame_edges
from edge.portrait.find import find
from edge.portrait.measures import read_fits
from edge.portrait.networks import Networks
from edge.portrait.pixels import RGB
from edge.portrait.pose import turn

Each = TypeVar("Each")
Labels = dict[str, dict[str, str]]
Verdicts = dict[str, Verdict]
Made = dict[Key, Verdicts]
UPRIGHT_DEGREES = 4.0  # who leans more, as 74 of 239 do, may lean the other way than a made tilt


@dataclass(frozen=True)
class Folds:
    """The limits each person is judged by, drawn without the fold the person is in."""

    order: list[str]
    limits: tuple[Limits, ...]

    def refused(self, name: str, verdict: Verdict) -> set[str]:
        """The findings that refuse this person's picture."""
        return refused(verdict, self.limits[fold_of(name, self.order)])


def draw_limits(plain: Verdicts, clean: Verdicts, made: Made, labels: Labels) -> Folds:
    """The limits of every fold; prints them beside the table's and those drawn on all."""
    order = sorted(labels)

    def values(verdicts: Verdicts, finding: str, left_out: int, fit: bool) -> list[float]:
        return [
            v[finding].value
            for n, v in verdicts.items()
            if v.face is not None
            and fold_of(n, order) != left_out
            and (not fit or fit_for(labels[n], finding))
            and any(f.name == finding for f in v.findings)
        ]

    def one(rule: Rule, left_out: int) -> float:
        # what depends on the face is drawn from the portraits as they are, light and wall from the clean set
        source = clean if rule.made else plain
        unfit = [x for key in rule.made for x in values(made[key], rule.finding, left_out, False)]
        if rule.label:
            column, value = rule.label
            told = {n: v for n, v in plain.items() if labels[n][column] == value}
            unfit += values(told, rule.finding, left_out, False)
        return rule.limit(values(source, rule.finding, left_out, True), unfit)

    print("\n## Limits drawn by rule: on all, without each fold, in the table")
    every: list[dict[str, tuple[float | None, float | None]]] = [{} for _ in range(FOLDS)]
    for rule in RULES:
        folds = [one(rule, fold) for fold in range(FOLDS)]
        for fold, limit in enumerate(folds):
            every[fold][rule.finding] = drawn(rule, limit)
        row = next(row for row in TABLE if row.name == rule.finding)
        own = row.low if rule.side == "low" else row.high
        print(f"{rule.finding:22s} {one(rule, -1):7.3f}   {' '.join(f'{x:7.3f}' for x in folds)}   {own}")
    return Folds(order, tuple(every))


def told(what: str, each: Iterable[Each], n: int | None = None) -> Iterator[Each]:
    """One after the other, with a bar on the terminal, since each takes long; `n`: how many, where they do not know."""
    print(f"{what} …", file=sys.stderr)
    total = n if n is not None else len(each) if isinstance(each, Sized) else 0
    for done, one in enumerate(each, 1):
        yield one
        progress(done, total)


def share(hits: int, n: int) -> str:
    """A share with n and its 95 % interval (Wilson)."""
    if not n:
        return "–"
    z, p = 1.96, hits / n
    middle, half = (p + z * z / 2 / n), z * np.sqrt(p * (1 - p) / n + z * z / 4 / n / n)
    low, high = max(0.0, middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)
    return f"{100 * p:5.1f} %  ({hits}/{n}; {100 * low:.0f}–{100 * high:.0f})"


def auc(values: Iterable[float], positive: Iterable[bool]) -> float:
    """Chance that a positive has the greater value."""
    v, y = np.array(list(values)), np.array(list(positive))
    rank = np.argsort(np.argsort(v, kind="stable"), kind="stable")
    return float((rank[y].sum() - y.sum() * (y.sum() - 1) / 2) / max(1, y.sum() * (~y).sum()))


def clean_set(faces: Path, labels: Labels, networks: Networks) -> dict[str, RGB]:
    """Every usable portrait on a plain wall."""
    out = {}
    for name in told("laying the portraits on a plain wall", labels):
        usable = labels[name]["usable"] == "yes"
        person = cut_person(read_picture(faces / f"{name}.jpg"), networks) if usable else None
        if person is not None:
            out[name] = lay(person, seed=int(name[1:]))
    return out


def fit_for(label: dict[str, str], finding: str) -> bool:
    """Whether this person, as labelled, gives no cause to refuse by this finding."""
    causes = {
        "mouth_closed": label["mouth"] == "closed",
        "expression": label["mouth"] == "closed",
        "yaw": label["pose"] == "frontal",
        "pitch": label["pose"] == "frontal",
        "roll": label["pose"] == "frontal",
        "gaze": label["gaze"] == "camera",
        "even_light": label["light"] == "even",
        "lenses_clear": label["glasses"] in ("none", "clear") and label["light"] == "even",
        "eyes_visible": label["glasses"] in ("none", "clear"),
    }
    return causes.get(finding, label["pose"] in ("frontal", "slight"))


def report_clean(verdicts: Verdicts, folds: Folds, labels: Labels, people: Labels) -> None:
    failing = {n: folds.refused(n, v) for n, v in verdicts.items()}
    body = {row.name for row in TABLE if row.overridable}
    print("\n## Clean portraits: wrongly refused, by finding (whose labels give no cause); then by the table's limit")
    for row in TABLE:
        if row.reported_only:
            continue
        fit = [n for n, v in verdicts.items() if v.face is not None and fit_for(labels[n], row.name)]
        failed = [n for n in fit if row.name in failing[n]]
        by_table = sum(any(f.name == row.name for f in verdicts[n].failed) for n in fit)
        print(f"{row.name:22s} {share(len(failed), len(fit)):30s} {by_table}   {' '.join(failed[:8])}")
    whole = [n for n in verdicts if labels[n]["mouth"] == "closed" and labels[n]["pose"] == "frontal"]
    told = {n: sorted(failing[n]) for n in whole if failing[n]}
    print(f"{'WHOLE, closed+frontal':22s} {share(len(told), len(whole))}  {told}")
    print("\n## By group: clean portraits passing all but mouth, pose, gaze and expression; then by the table's limits")
    by_table = {n: {f.name for f in v.failed} for n, v in verdicts.items()}

    def passing(group: str, own: list[str]) -> None:
        rest = {n: sorted(failing[n] - body) for n in own if not failing[n] <= body}
        table = share(sum(by_table[n] <= body for n in own), len(own))
        print(f"{group:22s} {share(len(own) - len(rest), len(own)):30s} {table}  {rest}")

    for column, source in (("group", people), ("sex", people), ("glasses", labels)):
        for value in sorted({row[column] for row in source.values()}):
            own = [n for n in verdicts if source[n][column] == value and labels[n]["light"] == "even"]
            passing(f"{column} {value}" if column == "glasses" else value, own)


def report_labels(verdicts: Verdicts, folds: Folds, labels: Labels) -> None:
    print("\n## Hand labels against findings (portraits as they are)")
    for column, finding, values in (
        ("mouth", "mouth_closed", ("closed", "teeth", "open")),
        ("pose", "yaw", ("frontal", "slight", "turned")),
        ("gaze", "gaze", ("camera", "away")),
        ("background", "background_uniform", ("plain", "textured", "busy", "face")),
        ("light", "even_light", ("even", "side", "harsh")),
    ):
        for value in values:
            own = [n for n, v in verdicts.items() if labels[n][column] == value and v.face is not None]
            hit = sum(finding in folds.refused(n, verdicts[n]) for n in own)
            print(f"{column + ' ' + value:22s} refused by {finding:20s} {share(hit, len(own))}")
    seen = [(v, labels[n]) for n, v in verdicts.items() if v.face is not None]
    print(f"AUC gaze    {auc((v['gaze'].value for v, _ in seen), (x['gaze'] == 'away' for _, x in seen)):.3f}")
    closed = [(v, x) for v, x in seen if x["mouth"] != "open"]
    teeth = auc((v["mouth_closed"].value for v, _ in closed), (x["mouth"] == "teeth" for _, x in closed))
    print(f"AUC teeth   {teeth:.3f}")
    poses = [(v, x) for v, x in seen if x["pose"] in ("frontal", "turned")]
    print(f"AUC turned  {auc((abs(v['yaw'].value) for v, _ in poses), (x['pose'] == 'turned' for _, x in poses)):.3f}")


def report_heads(faces: Path, labels: Labels, networks: Networks, folds: int = 5) -> None:
    """Head height on the marked heads, each judged by fits that have not seen it."""
    marks = rows(faces / "marks.csv")
    fits = read_fits(load_models())
    scenes = {n: find(read_picture(faces / f"{n}.jpg"), networks) for n in labels}
    found = {n: s for n, s in scenes.items() if s is not None}
    pitches = {n: turn(s.mesh, fits.reference).pitch for n, s in found.items()}
    bald = {n: labels[n]["hair"] == "bald" for n in found}
    results: dict[str, list[tuple[float, float]]] = {"seen": [], "est": []}
    order = sorted(found)
    for fold in range(folds):
        left_out = set(order[fold::folds])
        kept = {n: s for n, s in found.items() if n not in left_out}
        fit = fit_crown(kept, pitches, marks, bald)
        for name in sorted(left_out & set(marks)):
            scene = found[name]
            height, band = head_height(scene, pitches[name], fit)
            true = marked_height(marks[name])
            results[marks[name]["crown_kind"]].append(((height / scene.scale / true - 1) * 34, band))
    edges = np.array([frame_edges(found[n]) for n in order])
    worn = np.array([labels[n]["glasses"] != "none" for n in order])
    fold_at = np.arange(len(order)) % folds
    odds = np.empty(len(order))
    for fold in range(folds):
        fit_edges = fit_glasses(edges[fold_at != fold], worn[fold_at != fold])
        odds[fold_at == fold] = fit_edges[0] + edges[fold_at == fold] @ fit_edges[1:]
    print(f"\nAUC glasses {auc(odds, worn):.3f} ({folds} folds by person)")
    for value in sorted({labels[n]["glasses"] for n in order}):
        own = [odd > 0 for odd, n in zip(odds, order, strict=True) if labels[n]["glasses"] == value]
        print(f"glasses {value:14s} told as worn {share(sum(own), len(own))}")
    print(f"\n## Head height, mm on a head of 34 mm ({folds} folds by person)")
    for kind, pairs in results.items():
        error, band = np.array(pairs).T
        print(
            f"{kind}: n {len(error)}, bias {error.mean():+.2f}, rms {np.sqrt((error**2).mean()):.2f}; within 1.0 mm "
            f"{share(int((abs(error) <= 1).sum()), len(error))}; 1.5 mm "
            f"{share(int((abs(error) <= 1.5).sum()), len(error))}; "
            f"band ±{band.mean():.2f} covers {share(int((abs(error) <= band).sum()), len(error))}"
        )


def report_eyes(faces: Path, labels: Labels, networks: Networks, folds: int = 5) -> None:
    """Made shut eyes and the same people's open ones, each judged by a fit that has not seen the person."""
    limit = next(row.low for row in TABLE if row.name == "eyes_open")
    assert limit is not None
    found = {n: find(read_picture(faces / f"{n}.jpg"), networks) for n in labels}
    scenes = {n: s for n, s in found.items() if s is not None and "shut" not in labels[n]["note"]}
    samples = {n: lid_samples(scene, int(n[1:]), networks) for n, scene in scenes.items()}
    kinds = [(share, way) for share in SHUT_SHARES for way in WAYS]
    opened: dict[str, float] = {}
    closed: dict[str, list[float]] = {}
    order = sorted(samples)
    for fold in range(folds):
        left_out = order[fold::folds]
        fit = fit_lids([samples[n] for n in order if n not in left_out])
        for name in left_out:
            own, shut_eyes = samples[name]
            opened[name] = float((fit[0] + own @ fit[1:]).min())
            closed[name] = [float(each.min()) for each in (fit[0] + shut_eyes @ fit[1:]).reshape(-1, 2)]
    print(f"\n## Eyes: open and made shut ({folds} folds by person), refused below {limit}")
    fit_people = [n for n in order if labels[n]["pose"] in ("frontal", "slight")]
    for glasses in (False, True):
        own = [n for n in fit_people if (labels[n]["glasses"] != "none") is glasses]
        refused = [n for n in own if opened[n] < limit]
        print(f"open, {'glasses' if glasses else 'no glasses':12s} {share(len(refused), len(own))} {' '.join(refused)}")
    for index, (part, way) in enumerate(kinds):
        print(f"shut {part:4g} {way:12s} {share(sum(closed[n][index] < limit for n in fit_people), len(fit_people))}")
    print(f"shut at all  {share(sum(c < limit for n in fit_people for c in closed[n]), len(fit_people) * len(kinds))}")
    values = np.array([opened[n] for n in fit_people])
    print("open eyes, 0.5th 1st 2nd 5th percentile", np.percentile(values, [0.5, 1, 2, 5]).round(2))


def asked_of(verdicts: Verdicts, people: int) -> dict[str, tuple[Key, ...]]:
    """Which defects are made of whom: of people whose clean portrait their findings pass.

    A grade beyond the norm's limit that lies next to one within it is made of them all, since the norm's 95 % are told
    by it; any other of so many.
    """
    asked: dict[str, list[Key]] = {}
    for defect in DEFECTS:
        well = [
            n for n, v in verdicts.items()
            if v.face is not None
            and not any(f.name in defect.findings for f in v.failed)
            and (not defect.of_upright or abs(v.face.roll) < UPRIGHT_DEGREES)
        ]  # fmt: skip
        few = well[:: max(1, len(well) // people)][:people]
        for grade in defect.grades:
            for name in well if grade in defect.mildest else few:
                asked.setdefault(name, []).append((defect.name, grade))
    return {name: tuple(keys) for name, keys in asked.items()}


def make_defects(clean: dict[str, RGB], verdicts: Verdicts, workers: Workers, people: int) -> Made:
    """Each defect at each grade, judged, of those `asked_of` names."""
    asked = asked_of(verdicts, people)
    faces = {name: v.face for name, v in verdicts.items() if v.face is not None}
    made: Made = {(defect.name, grade): {} for defect in DEFECTS for grade in defect.grades}
    for name, judged in told("making defects, person by person", workers.defects(clean, faces, asked), len(asked)):
        for key, verdict in judged.items():
            made[key][name] = verdict
    return made


def groups_of(labels: Labels, people: Labels) -> dict[str, set[str]]:
    """Whom the figures are told apart for, by name of the group: skin and origin, sex, glasses."""
    out: dict[str, set[str]] = {}
    for column, source in (("group", people), ("sex", people), ("glasses", labels)):
        for name, row in source.items():
            out.setdefault(row[column] if source is people else f"glasses {row[column]}", set()).add(name)
    return {group: names for group, names in out.items() if len(names) >= 10}


def report_defect_groups(made: Made, folds: Folds, groups: dict[str, set[str]]) -> None:
    """Of each defect refused in each group: its mildest grade, and all grades beyond the norm's limit together."""
    print("\n## Made defects by group: mildest grade refused; beyond the norm's limit refused (of so many pictures)")
    print(f"{'':24s} {' '.join(f'{group[:16]:>20s}' for group in groups)}")
    for defect in DEFECTS:
        cells = []
        for names in groups.values():
            counts = []
            for grades in (defect.grades[:1], [grade for grade in defect.grades if defect.beyond(grade)]):
                own = [(n, v) for grade in grades for n, v in made[defect.name, grade].items() if n in names]
                hits = sum(v.face is None or bool(folds.refused(n, v) & set(defect.findings)) for n, v in own)
                counts.append(f"{hits}/{len(own)}")
            cells.append(f"{'; '.join(counts):>20s}")
        print(f"{defect.name:24s} {' '.join(cells)}")


def report_defects(made: Made, folds: Folds, out: Path) -> None:
    """How many of each defect and grade are refused; a table, a CSV and a plot."""
    print("\n## Made defects: refused, by grade (* beyond the norm's limit); then by the table's limits")
    table = []
    for defect in DEFECTS:
        asked = set(defect.findings)
        for grade in defect.grades:
            own = made[defect.name, grade]
            hits = sum(v.face is None or bool(folds.refused(n, v) & asked) for n, v in own.items())
            by_table = sum(v.face is None or any(f.name in asked for f in v.failed) for v in own.values())
            star = "*" if defect.beyond(grade) else " "
            table.append((defect.name, grade, defect.unit, bool(defect.beyond(grade)), hits, len(own)))
            name = f"{defect.name:24s} {grade:7g} {defect.unit:22s}{star}"
            print(f"{name} {share(hits, len(own)):30s} {by_table}")
    with (out / "defects.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("defect", "grade", "unit", "beyond", "refused", "n"))
        writer.writerows(table)
    _plot(table, out / "defects.png")


def _plot(table: list[tuple[str, float, str, bool, int, int]], path: Path) -> None:
    from PIL import Image, ImageDraw

    from edge.judge_drawing import font

    names = list(dict.fromkeys(row[0] for row in table))
    wide, high, across = 300, 190, 4
    sheet = Image.new("RGB", (wide * across, high * -(-len(names) // across)), "white")
    pen = ImageDraw.Draw(sheet)
    for index, name in enumerate(names):
        x0, y0 = index % across * wide + 40, index // across * high + 34
        own = [row for row in table if row[0] == name]
        pen.text((x0, y0 - 26), f"{name} ({own[0][2]})", font=font(12), fill="#20242b")
        for level in (0, 50, 95):
            y = y0 + 120 - 1.2 * level
            pen.line([(x0, y), (x0 + 240, y)], fill="#c9ccd1")
            pen.text((x0 - 6, y), str(level), font=font(10), fill="#8a8f98", anchor="rm")
        points = [(x0 + 20 + 200 * i / max(1, len(own) - 1), y0 + 120 - 120 * r[4] / r[5]) for i, r in enumerate(own)]
        pen.line(points, fill="#3a6ea5", width=2)
        for (x, y), row in zip(points, own, strict=True):
            pen.ellipse([x - 4, y - 4, x + 4, y + 4], fill="#c0262d" if row[3] else "#3a6ea5")
            pen.text((x, y0 + 126), f"{row[1]:g}", font=font(10), fill="#8a8f98", anchor="ma")
    sheet.save(path)


def report(args: argparse.Namespace, networks: Networks, labels: Labels, people: Labels, workers: Workers) -> None:
    """Portraits as they are, the clean set and the defects made in it: all that is told by whole verdicts."""
    pictures = {name: read_picture(args.faces / f"{name}.jpg") for name in labels}
    plain = dict(told("judging the portraits", workers.look(pictures), len(pictures)))
    clean = clean_set(args.faces, labels, networks)
    verdicts = dict(told("judging the clean set", workers.look(clean), len(clean)))
    # where the source ends inside the frame no clean portrait can be made of it
    cut = [n for n, v in verdicts.items() if v.face is None or v["margins"].passed is False]
    print(f"\nclean set: {len(clean) - len(cut)} people; {len(cut)} left out, whose picture ends inside the frame")
    clean = {n: rgb for n, rgb in clean.items() if n not in cut}
    verdicts = {n: verdict for n, verdict in verdicts.items() if n not in cut}
    ahead = {n: v for n, v in verdicts.items() if labels[n]["pose"] in ("frontal", "slight")}
    made = make_defects(clean, ahead, workers, args.people)
    folds = draw_limits(plain, verdicts, made, labels)
    report_labels(plain, folds, labels)
    report_clean(verdicts, folds, labels, people)
    report_defects(made, folds, args.out)
    report_defect_groups(made, folds, groups_of(labels, people))
    sys.stdout.flush()


def main() -> int:
    """Prints all tables; 0."""
    parser = argparse.ArgumentParser(prog="bench/norm-accuracy", description=__doc__)
    parser.add_argument("faces", type=Path, help="folder with the portraits, labels.csv, people.csv, marks.csv")
    parser.add_argument("--people", type=int, default=40, help="people each other grade is made of (default 40)")
    parser.add_argument("--out", type=Path, default=Path("bench/out"), help="where defects.csv and defects.png go")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    networks = Networks(load_models())
    labels, people = rows(args.faces / "labels.csv"), rows(args.faces / "people.csv")
    with Workers(sorted(labels)) as workers:
        report(args, networks, labels, people, workers)
    report_heads(args.faces, labels, networks)
    report_eyes(args.faces, labels, networks)
    return 0


if __name__ == "__main__":
    sys.exit(main())
