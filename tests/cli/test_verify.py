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
