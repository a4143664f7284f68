"""`booth judge`: statuses, JSON as laid down, and every bad file a clear line or the right verdict."""

import csv
import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from edge.judge import main
from edge.judge_drawing import COLUMN_PX, draw
from edge.picture import UnreadablePictureError, judge_picture, read_picture
from edge.portrait import Judge
from edge.texts import Texts
from tests.portrait.conftest import PICTURES, ROOT, as_nobody

GOOD = PICTURES / "good.jpg"


def test_the_exit_status_tells_meets_refused_and_unreadable(tmp_path: Path) -> None:
    out = ["--out", str(tmp_path)]
    assert main([str(GOOD), *out]) == 0
    assert main([str(PICTURES / "bad-smile.jpg"), *out]) == 1
    assert main([str(tmp_path / "nothing.jpg"), *out]) == 2
    assert main(out) == 2
    assert main([str(GOOD), str(PICTURES / "empty.jpg"), *out]) == 1
    assert (tmp_path / "good.verdict.png").exists()


def test_a_terminal_without_accents_gets_the_table_all_the_same(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "edge.cli", "judge", "--out", tmp_path, GOOD]
    plain = {**os.environ, "PYTHONIOENCODING": "ascii"}
    child = subprocess.run(command, stdout=subprocess.PIPE, env=plain, cwd=ROOT, check=True)
    assert b"? " in child.stdout


def test_json_is_one_object_a_picture_with_the_words_of_the_norm(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json", str(GOOD), str(PICTURES / "empty.jpg")]) == 1
    good, empty = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert set(good) == {"picture", "passed", "face", "findings"}
    assert set(good["face"]) == {"eyes_px", "chin_px", "crown_px", "crown_uncertainty_mm", "mm_per_px"}
    assert empty["face"] is None
    assert empty["findings"][0]["reason"].startswith("Aucun visage")
    for finding in good["findings"]:
        assert set(finding) == {"name", "value", "unit", "low", "high", "score", "passed", "reason"}
        assert finding["passed"] in (True, None)
        if finding["passed"] is None:
            assert finding["low"] is None
            assert finding["high"] is None


def test_a_rotated_phone_picture_is_judged_upright(judge: Judge, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = tmp_path / "turned.jpg"
    Image.open(GOOD).transpose(Image.Transpose.ROTATE_90).save(turned, quality=95, exif=exif)
    upright = judge_picture(judge, GOOD).face
    face = judge_picture(judge, turned).face
    assert face is not None
    assert upright is not None
    assert np.allclose(face.eyes_px, upright.eyes_px, atol=4)


def saved(kind: str, folder: Path) -> Path:
    image = Image.open(GOOD)
    path = folder / f"picture.{'jpg' if kind == 'cmyk' else 'gif' if kind == 'animated' else 'png'}"
    if kind == "16-bit":
        deep = np.asarray(image.convert("L")).astype(np.uint16) * 257
        Image.fromarray(deep).save(path)
    elif kind == "cmyk":
        image.convert("CMYK").save(path, quality=95)
    elif kind == "grey":
        image.convert("L").save(path)
    elif kind == "transparent":
        clear = image.convert("RGBA")
        clear.putalpha(255)
        clear.save(path)
    elif kind == "animated":
        image.save(path, save_all=True, append_images=[image.rotate(90)])
    return path


@pytest.mark.parametrize("kind", ["16-bit", "cmyk", "grey", "transparent", "animated"])
def test_an_unusual_picture_is_judged_as_what_it_shows(judge: Judge, tmp_path: Path, kind: str) -> None:
    rgb = read_picture(saved(kind, tmp_path))
    assert rgb.dtype == np.uint8
    verdict = judge.look(rgb)
    assert verdict.face is not None
    assert verdict["exposure"].passed
    assert verdict["yaw"].passed


def test_what_is_half_transparent_is_laid_on_white(tmp_path: Path) -> None:
    image = Image.open(GOOD).convert("RGBA")
    alpha = Image.new("L", image.size, 255)
    alpha.paste(128, (0, 0, 60, image.height))
    alpha.paste(0, (image.width - 60, 0, image.width, image.height))
    image.putalpha(alpha)
    image.save(tmp_path / "half.png")
    whole, rgb = read_picture(GOOD).astype(int), read_picture(tmp_path / "half.png").astype(int)
    assert np.abs(rgb[:, :60] - (whole[:, :60] + 255) / 2).max() <= 2
    assert (rgb[:, -60:] == 255).all()
    assert (rgb[:, 60:-60] == whole[:, 60:-60]).all()


def test_a_picture_is_judged_in_the_colours_of_its_own_profile(tmp_path: Path) -> None:
    """A profile that calls red blue, over a picture whose channels are swapped: together they show what was there."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    places = {bytes(profile[at : at + 4]): at + 4 for at in range(132, 132 + 12 * profile[131], 12)}
    red, blue = (profile[places[name] : places[name] + 8] for name in (b"rXYZ", b"bXYZ"))
    swapped = bytearray(profile.replace("sRGB".encode("utf-16-be"), "turn".encode("utf-16-be")))
    swapped[places[b"rXYZ"] : places[b"rXYZ"] + 8], swapped[places[b"bXYZ"] : places[b"bXYZ"] + 8] = blue, red
    whole = read_picture(GOOD)
    for number, picture in enumerate(
        (Image.fromarray(whole[..., ::-1]), Image.fromarray(whole[..., ::-1]).convert("RGBA"))
    ):
        path = tmp_path / f"turned-{number}.png"
        picture.save(path, icc_profile=bytes(swapped))
        assert np.abs(read_picture(path).astype(int) - whole).max() <= 3
    Image.fromarray(whole).save(tmp_path / "broken.png", icc_profile=bytes(swapped[:200]))
    assert (read_picture(tmp_path / "broken.png") == whole).all()


def test_floats_up_to_one_are_as_bright_as_they_were(tmp_path: Path) -> None:
    grey = np.asarray(Image.open(GOOD).convert("L"))
    Image.fromarray((grey / 255).astype(np.float32)).save(tmp_path / "float.tif")
    assert np.abs(read_picture(tmp_path / "float.tif")[..., 0].astype(int) - grey).max() <= 1


@pytest.mark.filterwarnings("error")
def test_a_broken_exif_block_turns_nothing_and_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "exif.jpg"
    Image.open(GOOD).save(path, quality=95, exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff\x12\x01\x03\0\x01")
    assert read_picture(path).shape == read_picture(GOOD).shape


# decoded, 100 MP take 400 MB in Pillow (16 bits: 200) and 300 MB as array; a JPEG is decoded at a quarter
@pytest.mark.parametrize(("kind", "most_mb"), [("jpg", 200), ("transparent png", 850), ("16-bit png", 700)])
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")  # of Pillow making it
def test_a_hundred_megapixels_are_judged_and_drawn_in_bounded_memory(tmp_path: Path, kind: str, most_mb: float) -> None:
    path = tmp_path / f"huge.{kind[-3:]}"
    image = Image.open(GOOD).resize((8660, 11547), Image.Resampling.NEAREST)
    if kind == "16-bit png":
        deep = np.asarray(image.convert("L")).astype(np.uint16) * 257
        image = Image.fromarray(deep)
    elif kind == "transparent png":
        image.putalpha(250)
    image.save(path, quality=90, compress_level=1)
    # VmHWM begins anew with a program; ru_maxrss would count what this process held when it forked
    program = (
        "import sys; from edge.judge import main; main(['--json', '--out', sys.argv[2], sys.argv[1]]); "
        "print([line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')][0])"
    )
    child = subprocess.run(
        [sys.executable, "-c", program, path, tmp_path], stdout=subprocess.PIPE, cwd=ROOT, check=True
    )
    answer, most_kb = child.stdout.splitlines()
    assert json.loads(answer)["face"] is not None
    assert int(most_kb) / 1024 < most_mb


def broken(kind: str, folder: Path) -> Path:
    path = folder / "picture.jpg"
    if kind == "truncated":
        path.write_bytes(GOOD.read_bytes()[:20000])
    elif kind in ("tiny", "a line"):
        Image.new("RGB", (8, 8) if kind == "tiny" else (4000, 12)).save(path)
    elif kind == "zero bytes":
        path.touch()
    elif kind == "no picture":
        path.write_text("not a picture")
    elif kind == "folder":
        path.mkdir()
    elif kind == "broken AVIF":
        Image.open(GOOD).save(path, "AVIF")
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 4].ljust(len(whole), b"\0"))
    elif kind == "too large":
        Image.new("1", (14000, 10000)).save(path.with_suffix(".png"))
        return path.with_suffix(".png")
    return path


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")  # of Pillow making it
@pytest.mark.parametrize(
    "kind", ["truncated", "zero bytes", "no picture", "folder", "too large", "absent", "tiny", "a line", "broken AVIF"]
)
def test_a_broken_file_gets_one_line_that_says_what_and_where(tmp_path: Path, kind: str) -> None:
    path = broken(kind, tmp_path)
    with pytest.raises(UnreadablePictureError) as error:
        read_picture(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_without_permission_is_named(open_folder: Path) -> None:
    path = open_folder / "locked.jpg"
    shutil.copy(GOOD, path)
    path.chmod(0)
    with as_nobody(), pytest.raises(UnreadablePictureError, match="no permission"):
        read_picture(path)


def test_a_jpeg_compressed_too_much_is_refused(judge: Judge, tmp_path: Path) -> None:
    for quality, passed in ((75, False), (92, True)):
        path = tmp_path / f"q{quality}.jpg"
        Image.open(GOOD).save(path, quality=quality)
        finding = judge_picture(judge, path)["compression"]
        assert finding.passed is passed
        assert abs(finding.value - quality) <= 1


def test_a_large_jpeg_is_judged_as_its_whole_picture_would_be(judge: Judge, tmp_path: Path) -> None:
    image = Image.open(GOOD)
    path = tmp_path / "large.jpg"
    image.resize((image.width * 3, image.height * 3), Image.Resampling.BICUBIC).save(path, quality=95)
    small, whole = judge_picture(judge, path).face, judge.look(read_picture(path)).face
    assert small is not None
    assert whole is not None
    assert np.allclose(small.eyes_px, whole.eyes_px, atol=0.02 * 3 * 190)
    assert abs(small.mm_per_px / whole.mm_per_px - 1) < 0.03


def test_a_folder_becomes_a_table_and_a_contact_sheet_whatever_lies_in_it(tmp_path: Path) -> None:
    for name in ("good.jpg", "bad-smile.jpg", "empty.jpg"):
        shutil.copy(PICTURES / name, tmp_path / name)
    (tmp_path / "broken.jpg").write_bytes(b"")
    assert main([str(tmp_path)]) == 2
    with (tmp_path / "verdicts.csv").open(encoding="utf-8") as file:
        rows = {row["picture"]: row for row in csv.DictReader(file)}
    assert {name: row["passed"] for name, row in rows.items()} == {
        "good.jpg": "1", "bad-smile.jpg": "0", "empty.jpg": "0", "broken.jpg": "",
    }  # fmt: skip
    assert rows["bad-smile.jpg"]["refused_by"] == "mouth_closed"
    assert Image.open(tmp_path / "contact-sheet.png").width > 400


def test_a_program_gets_an_object_for_every_picture_the_unreadable_ones_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(GOOD, tmp_path / "good.jpg")
    (tmp_path / "broken.jpg").write_bytes(b"")
    for named in ([tmp_path], sorted(tmp_path.iterdir())):
        assert main(["--json", "--out", str(tmp_path), *map(str, named)]) == 2
        unread, read = map(json.loads, capsys.readouterr().out.splitlines())
        assert (unread["passed"], unread["findings"], read["passed"]) == (None, [], True)
        assert "is empty (0 bytes)" in unread["error"]
        assert "error" not in read


def test_the_drawn_verdict_shows_all_its_rows(judge: Judge) -> None:
    verdict = judge.look(read_picture(PICTURES / "bad-dark-tilted.jpg"))
    assert len(verdict.failed) > 2
    for rgb in (np.full((300, 20, 3), 255, np.uint8), np.full((20, 300, 3), 255, np.uint8)):
        sheet = np.asarray(draw(rgb, dataclasses.replace(verdict, face=None), Texts("fr")).convert("L"))[:, -COLUMN_PX:]
        rows = np.flatnonzero((sheet < 200).any(axis=1))
        assert rows[-1] < len(sheet) - 4  # the last one is whole
        empty = np.flatnonzero(np.diff(rows) > 1)
        assert len(empty) + 1 >= len(verdict.findings) + len(verdict.failed)


def test_watching_played_frames_says_the_guidance(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frames = tmp_path / "frames"
    frames.mkdir()
    for number in range(30):
        shutil.copy(PICTURES / ("bad-smile.jpg" if number < 12 else "good.jpg"), frames / f"{number:03d}.jpg")
    assert main(["--watch", "--out", str(tmp_path), "--lang", "en", str(frames)]) == 0
    words = capsys.readouterr().out
    assert "Close your mouth" in words
    assert "about to be taken" in words
    assert (tmp_path / "watch.png").exists()


def test_watching_goes_on_after_a_frame_that_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frames = tmp_path / "frames"
    frames.mkdir()
    assert main(["--watch", "--out", str(tmp_path), str(frames)]) == 2
    assert "holds no picture" in capsys.readouterr().err
    (frames / "0.jpg").write_bytes(b"")
    Image.new("RGB", (9000, 100)).save(frames / "1.jpg")
    shutil.copy(GOOD, frames / "2.jpg")
    assert main(["--watch", "--out", str(tmp_path), str(frames)]) == 2
    said = capsys.readouterr()
    assert "0.jpg: is empty" in said.err
    assert "1.jpg: is too narrow" in said.err
    assert said.out.startswith("   0.2 s")
