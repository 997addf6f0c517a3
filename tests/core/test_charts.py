"""Charts of lines: what is drawn where, in both formats."""

import math
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from zoo.charts import COLOURS, Curve, key_to, line_chart, stacked_bars


def strokes(chart, colour):
    """Points of the lines of a colour in the SVG, but for the legend's."""
    parsed = ElementTree.fromstring(chart.svg())
    lines = [line for line in parsed.iter("{http://www.w3.org/2000/svg}polyline") if line.get("stroke") == colour]
    return [[tuple(map(float, point.split(","))) for point in line.get("points").split()] for line in lines][:-1]


def texts(chart):
    return list(ElementTree.fromstring(chart.svg()).itertext())


def test_a_logarithm_has_no_place_for_zero_and_the_same_step_for_a_decade():
    chart = line_chart({"a<b": Curve([1.0, 0.1, 0.0]), "c": Curve([1e-5, 1e-3, 1e-2])}, "title", "t", "norm", log=True)
    (first,), (second,) = strokes(chart, COLOURS[0]), strokes(chart, COLOURS[1])
    assert (len(first), len(second)) == (2, 3)
    heights = [y for _, y in second]
    assert heights[0] - heights[1] == pytest.approx(2 * (heights[1] - heights[2]), abs=0.2)
    assert {"a<b", "title", "t", "norm", "1e-5", "1e0"} <= set(texts(chart))


def test_a_linear_axis_has_round_marks_around_all_values_and_bars():
    chart = line_chart({"a": Curve([0.31, None, 0.82], low=[0.11, None, 0.7], high=[0.4, None, 0.9])}, "", "epoch", first=1)
    line, *bars = strokes(chart, COLOURS[0])
    assert len(line) == 2 and line[0][1] > line[1][1]
    assert [len({x for x, _ in bar}) for bar in bars] == [1, 1]
    assert bars[0][0][1] > line[0][1] > bars[0][1][1]
    marks = [float(text) for text in texts(chart) if text.strip().startswith("0.") or text in ("0", "1")]
    assert min(marks) <= 0.11 and max(marks) >= 0.9
    assert {"1", "2", "3"} <= set(texts(chart))


@pytest.mark.parametrize("values", [[0.5], [0.5, 0.5], [None, None], [0.0], [-3.0, 7e6], [math.nan, 1.0], []])
@pytest.mark.parametrize("log", [False, True])
def test_whatever_the_values_both_formats_are_drawn(values, log):
    chart = line_chart({"a": Curve(values)}, "title", "across", "up", log=log, size=(300, 200))
    ElementTree.fromstring(chart.svg())
    assert chart.image().size == (300, 200)


def test_the_picture_shows_the_line_where_the_svg_has_it():
    chart = line_chart({"a": Curve([0.0, 1.0, 0.0])}, "title", "across", "up")
    (peak,) = (line[1] for line in strokes(chart, COLOURS[0]))
    pixels = np.asarray(chart.image()).astype(int)
    red = [int(COLOURS[0][i : i + 2], 16) for i in (1, 3, 5)]
    x, y = map(round, peak)
    around = pixels[y - 2 : y + 3, x - 2 : x + 3].reshape(-1, 3)
    assert (around == red).all(axis=1).any()


def test_bars_are_stacked_in_the_order_of_their_parts():
    chart = stacked_bars({"A": {"first": 2.0, "none": 0.0, "second": 1.0}, "B": {"second": 3.0}}, "title", "MB")
    first, second = strokes(chart, COLOURS[0]), strokes(chart, COLOURS[2])
    ((left, _), (end, _)), ((begin, _), (right, _)), ((zero, _), (whole, _)) = first[0], second[0], second[1]
    assert left == zero and end == begin and right == whole
    assert end - left == pytest.approx(2 * (right - begin), abs=0.2)
    assert {"A", "B", "3", "first", "second", "MB", "title"} <= set(texts(chart))
    assert chart.image().size == (chart.width, chart.height)


def test_an_axis_may_begin_at_zero_and_count_by_more_than_one():
    chart = line_chart({"rate": Curve([0.002, 0.0019])}, "", "step", first=5, every=5, from_zero=True)
    assert {"0", "0.002", "5", "10"} <= {text.strip() for text in texts(chart)}
    assert len(key_to(["A  adamw", "B  sgd"]).texts) == 2
