"""`zoo report`, on real digits."""

from pathlib import Path


def test_the_newest_run_is_written_where_it_is_said(zoo, tmp_path):
    run = zoo("run", "intro/mlp", "--on", "digits", "--json").json["run_id"]
    out = tmp_path / "folder" / "page.html"
    done = zoo("report", "-o", str(out), "--pictures", "3", "--json")
    assert done.code == 0 and done.err == ""
    assert done.json == {"path": str(out), "bytes": out.stat().st_size}
    assert run in out.read_text(encoding="utf-8")
    again = zoo("report", run[:8], "-o", str(out))
    assert again.code == 0 and "open it in a browser" in again.out


def test_mistakes_exit_2_with_the_next_step(zoo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for arguments, said in (
        ((), "zoo run intro/mlp --on digits"),
        (("digits",), "zoo run MODEL --on digits"),
        (("digist",), "did you mean data/digits"),
        (("digits", "-o", "page.txt"), "--output ends with .html"),
    ):
        done = zoo("report", *arguments)
        assert done.code == 2 and said in done.err, arguments
    assert not list(Path().glob("*.html"))
