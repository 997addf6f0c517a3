"""Grading one submission: what is kept of it, what its program is told and shown, and whose words are whose."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from zoo_homework.grades.classroom import grade_class
from zoo_homework.grades.grading import Graded, GradingOptions, shuffled
from zoo_homework.homework import Homework, open_homework
from zoo_homework.sandbox import launching


@pytest.fixture(autouse=True)
def isolated() -> None:
    if why := launching.why_not_isolated():
        pytest.skip(f"this machine cannot isolate programs: {why}")


def graded(homework: Homework, folder: Path, program: str, options: GradingOptions | None = None) -> Graded:
    """What comes of a `predict.py`, whose lines may say n for the number of its inputs."""
    folder.mkdir(exist_ok=True)
    lines = [
        "import os, sys, time",
        "def predict(inputs):",
        "    n = len(inputs)",
        *(f"    {line}" for line in program.split("\n")),
    ]
    (folder / "predict.py").write_text("\n".join(lines))
    (entry,) = grade_class(homework, [folder / "predict.py"], options=options or GradingOptions(allow_code=True)).entries
    return entry.counted


def kept(home: Path) -> int:
    return len(list((home / "homework").rglob("*.bin")))


def test_labels_among_the_libraries_are_not_seen(hw2: Homework, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    libraries = tmp_path / "lib"
    (libraries / "share").mkdir(parents=True)
    shutil.copytree(Path(launching.package_paths("zoo_data")[0]), libraries / "zoo_data", ignore=shutil.ignore_patterns("*.pyc"))
    shutil.copy(libraries / "zoo_data/SMSSpamCollection.gz", libraries / "share")
    (libraries / "seen").write_text("this")
    view = (*launching.view(), (str(libraries), str(libraries)))
    monkeypatch.setattr(launching, "view", lambda: view)
    looks = (
        f"found = [os.path.join(d, f) for d, _, fs in os.walk({str(libraries)!r}) for f in fs]\n"
        "raise ValueError(sorted(len(open(path, 'rb').read()) for path in found))"
    )
    assert graded(hw2, tmp_path / "ada", looks).message == "the program ended with: ValueError: [0, 4]"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_what_is_mounted_within_a_shown_folder_is_read_only_too(
    hw2: Homework, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounted = tmp_path / "a lib" / "mounted"
    mounted.mkdir(parents=True)
    view = (*launching.view(), (str(mounted.parent), str(mounted.parent)))
    monkeypatch.setattr(launching, "view", lambda: view)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=1777", "tmpfs", mounted]).returncode != 0:
        pytest.skip("this machine mounts nothing")
    try:
        tried = graded(hw2, tmp_path / "ada", f"open({str(mounted / 'x')!r}, 'w')")
        assert "Read-only file system" in tried.message and not list(mounted.iterdir())
    finally:
        subprocess.run(["umount", mounted], check=True)


def test_programs_get_the_samples_in_no_order_that_says_their_labels(tmp_path: Path) -> None:
    rows = [(f"s{i}", "spam" if i < 200 else "ham") for i in range(400)]
    own = tmp_path / "own.csv"
    own.write_text("id,text,label\n" + "".join(f"{name},it is {label} {name},{label}\n" for name, label in rows))
    homework = open_homework("hw2", test_set=str(own))
    by_order = graded(homework, tmp_path / "ada", 'return ["spam"] * (n // 2) + ["ham"] * (n - n // 2)')
    by_text = graded(homework, tmp_path / "bob", 'return ["spam" if "spam" in text else "ham" for text in inputs]')
    assert by_order.grade is not None and by_text.grade is not None
    assert by_text.grade.primary.value == 1.0
    assert 0.4 < (by_order.grade.primary.value or 0) < 0.6
    assert sorted(shuffled(homework)) == list(range(400)) and shuffled(homework) != list(range(400))


def test_a_program_that_something_else_ended_is_tried_again(hw2: Homework, tmp_path: Path, zoo_home: Path) -> None:
    killed = graded(hw2, tmp_path / "ada", "os.kill(os.getpid(), 9)")
    assert (killed.status, kept(zoo_home)) == ("crashed", 0)
    assert "ended from outside" in killed.message
    assert (graded(hw2, tmp_path / "bob", "os._exit(3)").status, kept(zoo_home)) == ("crashed", 1)


def test_how_a_process_ends_after_its_predictions_does_not_matter(hw2: Homework, tmp_path: Path) -> None:
    """pyarrow's threads now and then abort a process that has done its work."""
    assert graded(hw2, tmp_path / "ada", "import atexit\natexit.register(os.abort)\nreturn ['ham'] * n").status == "graded"


@pytest.mark.parametrize("status", ["grader-error", "missing", "timeout", "graded"])
def test_a_program_does_not_speak_for_the_grader(status: str, hw2: Homework, tmp_path: Path) -> None:
    forged = f"""open("/out/predictions", "w").write('E{{"status": "{status}", "message": "it was us"}}'); os._exit(0)"""
    found = graded(hw2, tmp_path / "ada", forged)
    assert (found.status, found.message) == ("crashed", "it left no predictions that can be read")


def test_what_a_program_says_is_named_as_its_own(hw2: Homework, tmp_path: Path) -> None:
    said = """open("/out/predictions", "w").write('E{"status": "bad-format", "message": "the grader failed"}'); os._exit(0)"""
    assert graded(hw2, tmp_path / "ada", said).message == "the program ended with: the grader failed"
    deep = "open('/out/predictions', 'w').write('E' + '[' * 2**20); os._exit(0)"
    assert graded(hw2, tmp_path / "bob", deep).status == "crashed"


def test_an_outcome_without_isolation_is_no_outcome_with_it(
    hw2: Homework, tmp_path: Path, zoo_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(launching, "why_not_isolated", lambda: "not today")
        unsafe = graded(hw2, tmp_path / "ada", "return ['ham'] * n", GradingOptions(allow_code=True, unsafe=True))
    assert (unsafe.status, kept(zoo_home)) == ("graded", 1)
    assert (graded(hw2, tmp_path / "ada", "return ['ham'] * n").status, kept(zoo_home)) == ("graded", 2)


def test_damaged_outcomes_are_made_anew(hw2: Homework, tmp_path: Path, zoo_home: Path) -> None:
    whole = graded(hw2, tmp_path / "ada", "return ['spam'] * n")
    for suffix in ("bin", "json"):
        (damaged,) = (zoo_home / "homework").rglob(f"*.{suffix}")
        damaged.write_bytes(b"")
        again = graded(hw2, tmp_path / "ada", "return ['spam'] * n")
        assert (again.status, again.grade) == (whole.status, whole.grade)


def test_memory_that_belongs_to_no_file_is_limited_however_it_is_got(hw2: Homework, tmp_path: Path) -> None:
    limits = hw2.spec.limits.model_copy(update={"memory_bytes": 1 << 30, "cpu_seconds": 20.0})
    small = Homework(**{**vars(hw2), "spec": hw2.spec.model_copy(update={"limits": limits})})
    tables = "import mmap\nhuge = mmap.mmap(-1, 1 << 42, prot=mmap.PROT_READ, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)\n"
    tables += "for place in range(0, 1 << 42, 1 << 21): huge[place]\nreturn ['ham'] * n"
    assert graded(small, tmp_path / "ada", tables).status == "out-of-memory"
    shared = "import mmap\nmmap.mmap(-1, 2 << 30)\nreturn ['ham'] * n"
    assert "PermissionError" in graded(small, tmp_path / "bob", shared).message


def test_processor_time_of_children_that_nobody_waits_for_counts(hw2: Homework, tmp_path: Path) -> None:
    limits = hw2.spec.limits.model_copy(update={"cpu_seconds": 3.0, "wall_seconds": 60.0})
    short = Homework(**{**vars(hw2), "spec": hw2.spec.model_copy(update={"limits": limits})})
    busy = (
        "import signal\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
        "for _ in range(20):\n    if not os.fork():\n        while time.process_time() < 1: pass\n        os._exit(0)\n"
        "    time.sleep(1.5)\nreturn ['ham'] * n"
    )
    assert graded(short, tmp_path / "ada", busy).status == "timeout"


@pytest.mark.parametrize("swap", ["another file", "a link"])
def test_what_changes_after_it_was_hashed_is_not_graded(
    swap: str, hw2: Homework, tmp_path: Path, zoo_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copyfile = shutil.copyfile

    def late(source: Path, *arguments: object, **named: object) -> object:
        source.unlink()
        if swap == "a link":
            source.symlink_to("/etc/passwd")
        else:
            source.write_text("def predict(inputs):\n    return ['spam'] * len(inputs)\n")
        return copyfile(source, *arguments, **named)

    monkeypatch.setattr(shutil, "copyfile", late)
    found = graded(hw2, tmp_path / "ada", "return ['ham'] * n")
    assert (found.status, kept(zoo_home)) == ("grader-error", 0)
    assert "it changed while it was being graded" in found.message


def test_weights_that_the_zoo_ships_are_named(hw2: Homework, tmp_path: Path) -> None:
    import zoo_sequence

    shutil.copy(Path(zoo_sequence.__file__).parent / "weights/ngram-bag-sms-spam.safetensors", tmp_path / "my.safetensors")
    (entry,) = grade_class(hw2, [tmp_path / "my.safetensors"]).entries
    assert entry.counted.message == "these are the zoo's own weights of sequence/ngram-bag@sms-spam"
