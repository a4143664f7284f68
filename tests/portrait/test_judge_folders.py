"""`booth judge` on odd names, bad arguments and folders of all kinds: each is told, and the others are judged."""

import csv
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from edge.judge import main
from tests.portrait.conftest import PICTURES, as_nobody

GOOD = PICTURES / "good.jpg"


def objects(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


ODD_NAMES = {b"bad\xff.jpg": "bad\ufffd.jpg", b"two\nlines\x1b[2J.jpg": "two\ufffdlines\ufffd[2J.jpg"}
ODD_NAMES |= {"a\u2029b\u0085c.jpg".encode(): "a\ufffdb\ufffdc.jpg", "é ‍ü.jpg".encode(): "é ‍ü.jpg"}


@pytest.mark.parametrize("arguments", [(), ("--json",), ("--watch",)])
def test_an_odd_file_name_is_shown_alike_everywhere_and_stops_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    folder = tmp_path / os.fsdecode(b"odd\xff\n")
    folder.mkdir()
    for name in ODD_NAMES:
        shutil.copy(GOOD, folder / os.fsdecode(name))
    (folder / os.fsdecode(b"none\n\xfe.jpg")).touch()
    shown = sorted([*ODD_NAMES.values(), "none\ufffd\ufffd.jpg"])
    assert main([*arguments, "--out", str(folder), str(folder)]) == 2
    said = capsys.readouterr()
    assert "odd\ufffd\ufffd/none\ufffd\ufffd.jpg: is empty" in said.err
    assert not any(sign in said.out + said.err for sign in ("\x1b", "\udcff", "\udcfe", "\u2029"))
    if arguments == ("--watch",):
        return
    with (folder / "verdicts.csv").open(encoding="utf-8", newline="") as file:
        assert sorted(row["picture"] for row in csv.DictReader(file)) == shown
    assert Image.open(folder / "contact-sheet.png").width > 400
    if arguments == ("--json",):
        pictures = [json.loads(line)["picture"] for line in said.out.splitlines()]
        assert sorted(pictures) == [f"{tmp_path}/odd\ufffd\ufffd/{name}" for name in shown]
    else:
        assert len(said.out.splitlines()) == len(ODD_NAMES)
        assert all(f"\n{name}: " in f"\n{said.out}" for name in ODD_NAMES.values())


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_picture_of_an_odd_name_is_judged_and_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: bytes
) -> None:
    path = tmp_path / os.fsdecode(name)
    shutil.copy(GOOD, path)
    assert main([str(path)]) == 0
    assert capsys.readouterr().out.startswith(f"{tmp_path}/{ODD_NAMES[name]}: ")
    assert path.with_suffix(".verdict.png").exists()
    assert main(["--json", str(path)]) == 0
    assert objects(capsys)[0]["picture"] == f"{tmp_path}/{ODD_NAMES[name]}"


def bad_argument(kind: str, folder: Path) -> Path:
    path = folder / "given"
    if kind == "through a file":
        path.touch()
        return path / "picture.jpg"
    if kind == "too long":
        return folder / ("long" * 100 + ".jpg")
    if kind == "leads to itself":
        path.symlink_to(path)
        return path
    if kind == "pipe":
        os.mkfifo(path)
        return path
    if kind == "device":
        return Path("/dev/zero")
    if kind == "absent":
        return path
    path.mkdir()
    if kind == "no picture in it":
        (path / "notes.txt").write_text("none")
    return path


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("absent", "no such file; check the name"),
        ("empty folder", "holds no picture"),
        ("no picture in it", "holds no picture"),
        ("through a file", "is a file and no folder"),
        ("too long", "shorten it"),
        ("leads to itself", "name the file itself"),
        ("pipe", "a pipe or a device; save the picture"),
        ("device", "a pipe or a device; save the picture"),
    ],
)
@pytest.mark.parametrize("arguments", [("--json",), ("--watch",)])
def test_a_bad_argument_is_told_and_the_others_are_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, words: str, arguments: tuple[str, ...]
) -> None:
    bad = bad_argument(kind, tmp_path)
    assert main([*arguments, "--out", str(tmp_path), str(bad), str(GOOD)]) == 2
    said = capsys.readouterr()
    assert said.err.startswith(f"booth judge: {bad}: ")
    assert words in said.err
    assert said.err.count("\n") == 1
    assert "rights" not in said.err
    if arguments == ("--json",):
        unread, judged = map(json.loads, said.out.splitlines())
        assert (unread["picture"], unread["passed"], judged["passed"]) == (str(bad), None, True)
        assert f"booth judge: {unread['error']}\n" == said.err
    else:
        assert said.out.count("\n") == 1


def test_a_folder_without_permission_is_told_and_the_others_are_judged(
    open_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shut, inside = open_folder / "shut", open_folder / "shut" / "picture.jpg"
    shut.mkdir(mode=0o700)
    with as_nobody():
        capsys.readouterr()
        assert main(["--json", str(shut), str(inside), str(GOOD)]) == 2
    first, second, judged = objects(capsys)
    assert (first["picture"], second["picture"], judged["passed"]) == (str(shut), str(inside), True)
    assert "no permission" in first["error"] and "no permission" in second["error"]


def test_an_empty_name_is_no_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(GOOD, tmp_path / "good.jpg")
    monkeypatch.chdir(tmp_path)
    assert main(["--json", "", "good.jpg"]) == 2
    unread, judged = objects(capsys)
    assert (unread["picture"], judged["passed"]) == ("", True)
    assert "an empty name" in unread["error"]
    assert main(["--watch", ""]) == 2
    with pytest.raises(SystemExit, match="2"):
        main(["--out", "", "good.jpg"])
    assert [path.name for path in tmp_path.iterdir()] == ["good.jpg"]


def test_a_folders_pictures_of_all_kinds_are_judged_and_what_is_left_out_is_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kinds = ("gif", "JP2", "jfif", "jpe", "avif", "mpo", "tga", "ppm", "webp")
    for kind in kinds:
        Image.open(GOOD).save(tmp_path / f"picture.{kind}", quality=95)
    for name in ("a.heic", "b.HEIC", "notes.txt", "film.mpg", "page.eps"):
        (tmp_path / name).write_text("not one that can be read")
    (tmp_path / "folder").mkdir()
    for _ in range(2):  # what the first time wrote is neither judged nor counted
        main(["--json", str(tmp_path)])
        said = capsys.readouterr()
        judged = [json.loads(line) for line in said.out.splitlines()]
        assert [Path(each["picture"]).suffix for each in judged] == sorted(f".{kind}" for kind in kinds)
        assert all(each["face"] is not None for each in judged)
        assert said.err.startswith(f"booth judge: {tmp_path}: 5 files left out")
    for kind in kinds:
        (tmp_path / f"picture.{kind}").unlink()
    assert main([str(tmp_path)]) == 2
    assert "5 files" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [("--json",), ("--watch",)])
def test_a_folder_that_takes_no_files_is_noticed_before_the_first_picture(
    open_folder: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    shutil.copy(GOOD, open_folder / "good.jpg")
    with as_nobody():
        capsys.readouterr()
        assert main([*arguments, "--out", str(open_folder), str(open_folder)]) == 2
    said = capsys.readouterr()
    assert "cannot be written" in said.err and "--out" in said.err
    assert [json.loads(line)["passed"] for line in said.out.splitlines()] == ([None] if "--json" in arguments else [])
    assert [path.name for path in open_folder.iterdir()] == ["good.jpg"]


def test_a_result_that_takes_no_writing_is_noticed_before_the_first_picture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(GOOD, tmp_path / "good.jpg")
    (tmp_path / "contact-sheet.png").mkdir()
    assert main([str(tmp_path)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert f"{tmp_path}/contact-sheet.png: cannot be written" in said.err
    assert not (tmp_path / "verdicts.csv").exists()
    assert main(["--out", str(tmp_path / "good.jpg"), str(GOOD)]) == 2
    assert "good.jpg: cannot be written" in capsys.readouterr().err


def test_a_name_too_long_for_its_drawing_is_told_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / ("n" * 250 + ".jpg")
    shutil.copy(GOOD, path)
    assert main([str(path)]) == 2
    said = capsys.readouterr().err
    assert "shorten the picture's name" in said
    assert "rights" not in said
