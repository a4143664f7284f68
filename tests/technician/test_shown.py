"""What a technician's command says where nobody draws: in a pipe or a file."""

import pytest

from edge.technician.shown import Shown

LONG = "coins: no GPIO chip pinctrl-rp1; found none. Is this a Pi, and the user in group gpio? Then look at [dtparam]."


def test_a_fact_is_one_line_in_a_pipe(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    with Shown(as_json=False) as shown:
        shown.fact("gone", LONG, why=LONG)
    assert capsys.readouterr().out == LONG + "\n"
