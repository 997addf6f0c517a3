"""Programs that run at once are apart."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from zoo_homework.sandbox import launching
from zoo_homework.specs import HomeworkLimits


def test_no_two_programs_of_one_grader_share_a_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever numbers of pipes come free between them: the fork bomb of one would keep the other from starting a process."""
    monkeypatch.setattr(launching.os, "geteuid", lambda: 0)
    call = launching.Call("trial", tmp_path, tmp_path, HomeworkLimits())

    def user(number: int) -> object:
        (tmp_path / str(number)).mkdir()
        return launching._settings(call, tmp_path / str(number), sender=11)["uid"]

    with ThreadPoolExecutor(4) as pool:
        users = list(pool.map(user, range(50)))
    assert len(set(users)) == 50 and all(isinstance(one, int) and one >= 2_000_000_000 for one in users)
