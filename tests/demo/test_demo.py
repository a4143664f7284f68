"""`make demo ONCE=1` on every broker that is here: the whole house, as a newcomer sees it first."""

import base64
import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import zxingcpp
from PIL import Image

from demo import broker as brokers

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module", params=["iotcore", "mosquitto"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if request.param not in brokers.available():
        pytest.skip(f"left out: {request.param} is not installed")
    folder = tmp_path_factory.mktemp(request.param)
    with brokers.start(request.param, folder / "broker") as broker:
        run = subprocess.run(
            [sys.executable, "-m", "demo", "--once", "--broker", broker.url, "--folder", str(folder / "demo")],
            cwd=ROOT, capture_output=True, text=True, timeout=240, check=False,
        )  # fmt: skip
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    return folder / "demo"


def summary(made: Path) -> dict[str, Any]:
    return dict(json.loads((made / "summary.json").read_text()))


def test_the_redeemed_portrait_is_the_sealed_one_byte_for_byte(made: Path) -> None:
    hashes = summary(made)["portrait_sha256"]
    assert hashes["sealed"] == hashes["redeemed"]
    assert re.fullmatch("[0-9a-f]{64}", hashes["sealed"])


def test_an_independent_decoder_reads_the_code_and_the_address_from_the_ticket(made: Path) -> None:
    texts = [found.text for found in zxingcpp.read_barcodes(Image.open(made / "ticket.png").convert("L"))]
    assert summary(made)["code"] in texts
    assert any(text.startswith("http://127.0.0.1") and "/visit/" in text for text in texts)


def test_the_first_shot_is_refused_and_the_second_accepted_and_both_are_drawn(made: Path) -> None:
    for name in ("verdict-1.png", "verdict-2.png"):
        assert min(Image.open(made / name).size) > 300
    views = (made / "messages.jsonl").read_text()
    assert '"gate_open": true' in views


def test_nobody_on_the_broker_finds_a_picture_a_signature_a_code_or_a_service(made: Path) -> None:
    code = summary(made)["code"]
    portrait = (made / "redeemed" / "portrait.jpg").read_bytes()
    signature = (made / "redeemed" / "signature.png").read_bytes()
    seen = b""
    for row in map(json.loads, (made / "messages.jsonl").read_text().splitlines()):
        body = base64.b64decode(row["base64"]) if "base64" in row else json.dumps(row["json"]).encode()
        seen += row["topic"].encode() + b"\n" + body + b"\n"
    assert len(seen) > len(portrait), "the deposit went by"
    for hidden in (code, " ".join(code[i : i + 3] for i in range(0, 21, 3)), "driving_licence", "Permis", "Martin"):
        assert hidden.lower().encode() not in seen.lower()
    for picture in (portrait, signature):
        for at in range(0, len(picture) - 24, 512):
            piece = picture[at : at + 24]
            assert piece not in seen and base64.b64encode(piece) not in seen and piece.hex().encode() not in seen


def test_the_logs_of_every_part_hold_no_personal_data(made: Path) -> None:
    code = summary(made)["code"]
    for log in made.glob("*.log"):
        text = log.read_text()
        assert code not in text and "driving_licence" not in text, log.name


def test_the_ticket_came_out_whole_and_its_bytes_are_kept(made: Path) -> None:
    assert Image.open(io.BytesIO((made / "ticket.png").read_bytes())).size[1] > 1200
    assert b"\x1b@" in (made / "ticket.escpos").read_bytes()
