"""`zoo verify` shows each verdict when it is known, whatever becomes of those after it."""

import click
import pytest

import zoo.runs.verifying
from zoo.runs.verifying import Verdict, select_claims
from zoo_cli.verify import verify


def test_a_verdict_is_printed_before_the_next_claim_is_run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def interrupted(claims, **_):
        yield Verdict(claim=next(iter(claims)), status="off", value=0.5, difference=-0.4639)
        raise KeyboardInterrupt

    monkeypatch.setattr(zoo.runs.verifying, "verify", interrupted)
    assert len(select_claims(benchmark="digits")) > 1
    with pytest.raises((KeyboardInterrupt, click.Abort)):
        verify.main(["--benchmark", "digits"], standalone_mode=False)
    (line,) = capsys.readouterr().out.splitlines()
    assert line.split("\t")[4:] == ["0.5000", "off by -0.4639"]


def test_what_it_takes_is_said_at_the_start_and_what_is_misspelt_is_an_error(monkeypatch, capsys, tmp_path) -> None:
    import yaml

    claim = {"model": "intro/mlp@digits", "benchmark": "data/digits", "metric": "acuracy", "kind": "measured", "source": "t"}
    path = tmp_path / "own.yaml"
    path.write_text(yaml.safe_dump({"version": 1, "claims": [claim | {"value": 1, "tolerance": 1, "seconds": 130}]}))
    monkeypatch.setenv("ZOO_REGISTRY", str(path))
    monkeypatch.setattr(
        zoo.runs.verifying, "load_catalogue", lambda: __import__("zoo.plugins.catalogue").plugins.catalogue._read(path)
    )
    assert verify.main(["intro/mlp"], standalone_mode=False) == 1
    out, err = capsys.readouterr()
    assert err.splitlines()[0] == "1 claim in 1 run, about 2 minutes"
    assert "misspelt: " in out and "did you mean" in out and "1 misspelt" in err
