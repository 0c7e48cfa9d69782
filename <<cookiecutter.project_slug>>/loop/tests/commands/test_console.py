"""What the commands share."""

from __future__ import annotations

from mlops_loop.commands import console


def test_outputs_of_a_step(tmp_path, monkeypatch, capsys):
    """One line each, whatever a value holds."""
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    console.print_outputs({"reason": "a\nevil=1", "digest": ""})
    assert (tmp_path / "output").read_text() == "reason=a evil=1\ndigest=\n"
    assert capsys.readouterr().out == "reason=a evil=1\ndigest=\n"
