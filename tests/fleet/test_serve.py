"""`fleet serve` as it runs: real brokers, mutual TLS, the commands a technician types, and kill -9."""

import json
import os
import shutil
import sqlite3
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from demo.broker import BrokerTls, available, start
from edge import code as codes
from edge import seal
from edge.messages import Receipt, State, encode

from .booth import NOW, PORTRAIT, SIGNATURE, Booth, found_in
from .field import FLEET, PATIENCE_S, BoothLink, Served, until

KINDS = ["iotcore", "mosquitto", "mosquitto-tls"]


@pytest.fixture
def keys_without_vault(installation: Path, tmp_path: Path) -> Path:
    """What is copied to the fleet's machine: neither the vault's private key nor the booths' nor the CA's."""
    folder = tmp_path / "fleet-machine"
    shutil.copytree(installation / "fleet", folder / "fleet")
    (folder / "ca").mkdir()
    shutil.copy(installation / "ca/cert.pem", folder / "ca/cert.pem")
    return folder


@pytest.fixture(params=KINDS)
def served(
    request: pytest.FixtureRequest, installation: Path, keys_without_vault: Path, tmp_path: Path
) -> Iterator[Served]:
    kind = request.param.removesuffix("-tls")
    if kind not in available():
        pytest.skip(f"left out: {kind} is not installed")
    tls = None
    if request.param.endswith("-tls"):
        tls = BrokerTls(installation / "ca/cert.pem", installation / "broker/cert.pem", installation / "broker/key.pem")
    with start(kind, tmp_path / "broker", tls=tls) as broker:
        folder = tmp_path / "serve"
        folder.mkdir()
        it = Served(folder, keys_without_vault, broker)
        it.configure()
        it.start()
        yield it
        if it.process is not None and it.process.poll() is None:
            assert it.stop() == 0, it.log


only_plain_mosquitto = pytest.mark.parametrize("served", ["mosquitto"], indirect=True)
"""What the kind of broker cannot change is tried on one."""


@pytest.fixture
def link(served: Served, booth: Booth) -> Iterator[BoothLink]:
    one = BoothLink(served.broker, booth)
    yield one
    one.close()


def redeem(served: Served, installation: Path, code: str, out: Path, *more: str) -> tuple[int, dict[str, object]]:
    admin = installation / "administration"
    done = served.command(
        "redeem", "--vault-key", str(admin / "vault-key.pem"), "--url", served.ready["api"],
        "--ca", str(installation / "ca/cert.pem"), "--cert", str(admin / "cert.pem"), "--key", str(admin / "key.pem"),
        "--booth-cert", str(installation / "booths/lyon-03/cert.pem"), "--out", str(out), "--json", *more,
        stdin=code + "\n",
    )  # fmt: skip
    assert code not in done.stdout + done.stderr
    return done.returncode, json.loads(done.stdout) if done.stdout else {"stderr": done.stderr}


def page(url: str, language: str = "fr") -> str:
    request = urllib.request.Request(url, headers={"Accept-Language": language})
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as response:
        assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")
        text: str = response.read().decode()
        return text


def test_a_deposit_goes_from_the_booth_to_the_administration_once_without_the_vaults_key_in_the_fleet(
    served: Served, link: BoothLink, booth: Booth, installation: Path, tmp_path: Path
) -> None:
    assert served.ready["mqtt"] == "connected"
    assert not list(served.keys.rglob("vault*"))
    made = booth.deposit()
    link.deliver(made)
    status, told = redeem(served, installation, codes.shown(made.code), tmp_path / "out")
    assert (status, told["status"], told["confirmed"]) == (0, "redeemed", True)
    assert (tmp_path / "out/portrait.jpg").read_bytes() == PORTRAIT
    assert (tmp_path / "out/signature.png").read_bytes() == SIGNATURE
    assert (tmp_path / "out/portrait.jpg").stat().st_mode & 0o777 == 0o600
    assert (told["portrait_sha256"], told["overrides"]) == (seal.digest(PORTRAIT), ["gaze"])

    status, told = redeem(served, installation, made.code, tmp_path / "again")
    assert (status, told["status"]) == (3, "used")
    assert not (tmp_path / "again").exists()
    assert found_in(served.folder, [made.code.encode(), codes.shown(made.code).encode(), made.index]) == []
    assert found_in(served.folder, [made.body[9000:9064]]) == []


@pytest.mark.parametrize("served", ["mosquitto", "mosquitto-tls"], indirect=True)  # iotcore: docs/fleet.md, "Brokers"
def test_nothing_that_was_receipted_is_lost_to_kill_9_in_the_middle_of_receiving(
    served: Served, link: BoothLink, booth: Booth
) -> None:
    made = [booth.deposit(portrait=os.urandom(100_000)) for _ in range(6)]
    events = [booth.coin() for _ in range(120)]
    ids = {one.id: one.messages for one in made}
    for event in events:
        text = msgspec.json.decode(event, type=seal.Signed).signed
        ids[msgspec.json.decode(text)["id"]] = [(booth.topics.event, event)]
    stored: set[str] = set()

    def heard(receipt: Receipt) -> None:
        assert receipt.result != "rejected", receipt.why
        if receipt.result == "stored":
            stored.add(receipt.item_id)

    for kill_after in (5, 40, 90):
        for id_, messages in ids.items():
            if id_ not in stored:
                for topic, payload in messages:
                    link.client.publish(topic, payload, 1)
        while len(stored) < kill_after:
            heard(link.receipts.get(timeout=PATIENCE_S))
        served.kill()
        while not link.receipts.empty():
            heard(link.receipts.get())
        assert stored <= in_the_vault(served.database)
        served.start()
    while len(stored) < len(ids):
        for id_ in set(ids) - stored:
            for topic, payload in ids[id_]:
                link.send(topic, payload)
        heard(link.receipts.get(timeout=PATIENCE_S))
        while not link.receipts.empty():
            heard(link.receipts.get())
    assert in_the_vault(served.database) == set(ids)
    with sqlite3.connect(served.database) as db:
        assert db.execute("SELECT count(*) FROM event").fetchone()[0] == len(events)
        alerts = db.execute("SELECT name, what FROM alert WHERE cleared_ms IS NULL").fetchall()
        assert alerts == []
        for one in made:
            assert db.execute("SELECT body FROM sealed WHERE deposit = ?", (one.id,)).fetchone()[0] == one.body


def in_the_vault(database: Path) -> set[str]:
    with sqlite3.connect(database) as db:
        return {row[0] for row in db.execute("SELECT id FROM event UNION SELECT deposit FROM sealed")}


@only_plain_mosquitto
def test_garbage_and_forgeries_do_not_stop_it(served: Served, link: BoothLink, booth: Booth) -> None:
    stranger = Booth(booth.keys, "nice-01")
    made = booth.deposit()
    for payload in (b"", b"\x00\xff", b"{}", b"[" * 60_000, encode(seal.sign(made.manifest, stranger.signer))):
        for topic in (
            booth.topics.event, booth.topics.state, booth.topics.health, booth.topics.manifest(made.id),
            booth.topics.chunk(made.id, 999_999), "ephoto/v1/nobody/up/event",
        ):  # fmt: skip
            link.send(topic, payload)
    link.deliver(made)
    shown = page(served.ready["page"])
    assert "message_unfit" in shown and "unknown_booth" in shown
    assert "Traceback" not in served.log


@only_plain_mosquitto
def test_the_page_lists_every_booth_with_state_since_when_and_why(
    served: Served, link: BoothLink, booth: Booth
) -> None:
    state = State(id="0" * 32, ts=NOW, boot="b", seq=0, online=True, booth=booth.id, version="1.2.3")
    link.send(booth.topics.state, encode(state), retain=True)
    health = {"v": 1, "gate_paper_ok": False, "gate_paper_since": NOW.isoformat(), "gate_paper_why": "<b>empty</b>"}
    health["warnings"] = "<i>hot</i>"
    link.send(booth.topics.health, msgspec.json.encode(health), qos=0)
    made = booth.deposit()
    link.send(booth.topics.event, booth.claim(made, "change", 200)[1])
    link.receipts.get(timeout=PATIENCE_S)
    until(lambda: "paper" in page(served.ready["page"]), "the health report is shown")
    shown = page(served.ready["page"])
    for word in ("lyon-03", "en ligne", "1.2.3", "2,00 €", "monnaie", "jamais vue"):
        assert word in shown
    for escaped in ("&lt;b&gt;empty&lt;/b&gt;", "&lt;i&gt;hot&lt;/i&gt;"):
        assert escaped in shown
    assert "never seen" in page(served.ready["page"], "en-GB,en;q=0.9")
    table = served.command("booths")
    assert table.returncode == 0
    assert all(word in table.stdout for word in ("lyon-03  online", "paper", "hot"))
    assert "change" in served.command("booths", "--claims").stdout
    link.send(booth.topics.state, encode(msgspec.structs.replace(state, online=False)), retain=True)
    until(lambda: "hors ligne" in page(served.ready["page"]), "the will is shown")


@only_plain_mosquitto
def test_the_tickets_qr_leads_to_what_happened_in_french_first(
    served: Served, link: BoothLink, booth: Booth, installation: Path, tmp_path: Path
) -> None:
    made = booth.deposit()
    url = f"{served.ready['visits']}/visit/{made.visit}"
    assert "pas encore connue" in page(url)
    link.send(*made.messages[0])
    link.receipts.get(timeout=PATIENCE_S)
    assert "en route" in page(url)
    link.deliver(made)
    text = page(url)
    assert text.index("Votre ePhoto est prête") < text.index("Your ePhoto is ready")
    assert "01 02 03 04 05" in text
    redeem(served, installation, made.code, tmp_path / "out")
    assert "Votre code a servi" in page(url)
    with pytest.raises(urllib.error.HTTPError, match="404"):
        page(f"{served.ready['visits']}/visit/{made.code}")
    with pytest.raises(urllib.error.HTTPError, match="404"):
        page(served.ready["visits"])  # the operator's page is not on the public listener


@only_plain_mosquitto
def test_explain_tells_the_story_of_a_visit_or_a_code(
    served: Served, link: BoothLink, booth: Booth, installation: Path, tmp_path: Path
) -> None:
    made = booth.deposit()
    assert served.command("explain", made.visit).returncode == 3
    link.deliver(made)
    number, event = booth.claim(made, "ticket_unknown")
    link.send(booth.topics.event, event)
    link.receipts.get(timeout=PATIENCE_S)
    told = served.command("explain", "-", stdin=codes.shown(made.code) + "\n")
    assert told.returncode == 0
    for words in (made.visit, "The code is live since", "ticket's word arrived", number, "still open"):
        assert words in told.stdout
    assert made.code not in told.stdout
    redeem(served, installation, made.code, tmp_path / "out")
    told = served.command("explain", made.visit)
    for words in ("Redeemed", "by prefecture", "Confirmed", "The code is used since", "was erased"):
        assert words in told.stdout
    refused = served.command("refund", number)
    assert refused.returncode == 3 and "was used" in refused.stdout
    assert served.command("explain", made.code).returncode == 2  # a code has no place in argv
    assert "character 5 looks wrong" in served.command("explain", "-", stdin=_mistyped(made.code, 5)).stdout


@only_plain_mosquitto
def test_an_answer_that_was_lost_is_asked_for_again_by_its_request_id(
    served: Served, link: BoothLink, booth: Booth, installation: Path, tmp_path: Path
) -> None:
    made = booth.deposit()
    link.deliver(made)
    (tmp_path / "in-the-way").write_text("a file where the folder should be")
    request = ["--request-id", "c" * 32]
    status, told = redeem(served, installation, made.code, tmp_path / "in-the-way", *request)
    assert status == 1 and "c" * 32 in str(told["stderr"])
    assert redeem(served, installation, made.code, tmp_path / "other")[0] == 3
    assert redeem(served, installation, made.code, tmp_path / "out", *request)[0] == 0
    assert (tmp_path / "out/portrait.jpg").read_bytes() == PORTRAIT


@only_plain_mosquitto
def test_a_restart_by_sigterm_says_goodbye_and_loses_nothing(served: Served, link: BoothLink, booth: Booth) -> None:
    made = booth.deposit()
    link.deliver(made)
    assert served.stop() == 0
    word = booth.coin()
    link.send(booth.topics.event, word)  # the broker keeps it in the fleet's session
    served.start()
    assert link.receipts.get(timeout=PATIENCE_S).result == "stored"


def test_broken_configuration_is_told_whole_and_nothing_starts(tmp_path: Path, installation: Path) -> None:
    (tmp_path / "fleet.toml").write_text('[mqtt]\nurl = "http://x"\n[vault]\ndatabase = 3\n[paage]\n')
    done = subprocess.run(
        [*FLEET, "serve", "--config", str(tmp_path / "fleet.toml")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2 and done.stdout == ""
    for words in ("mqtt.url = 'http://x': mqtt://", "vault.database = 3", "keys.signing = (missing)", "paage"):
        assert words in done.stderr


def _mistyped(code: str, position: int) -> str:
    wrong = "A" if code[position - 1] != "A" else "B"
    return code[: position - 1] + wrong + code[position:] + "\n"
