"""`zoo run --save-figures`: where the figures are, and that not every task draws."""

import re
from pathlib import Path


def test_a_run_says_where_its_figures_are(zoo, real_data, zoo_home):
    root = real_data / "coco_val128"
    done = zoo(
        "run", "vision/fastestdet", "--on", f"coco:{root}/images:{root}/instances.json", "--limit", "3", "--save-figures", "2"
    )
    assert done.code == 0, done.err
    line = next(line for line in done.out.splitlines() if "2 figures in" in line)
    found = sorted(path.name for path in Path(line.partition(" in ")[2]).iterdir())
    assert len(found) == 2 and all(re.fullmatch(r"000\d\d-0{6}\d{6}\.png", name) for name in found)


def test_a_task_that_cannot_draw_is_a_user_error(zoo, toy):
    done = zoo("run", "toy/centroid", "--on", "toy/easy", "--save-figures", "1")
    assert done.code == 2
    assert "cannot be drawn" in done.err
