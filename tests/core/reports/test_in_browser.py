"""A report in a real browser, from the disk: nothing is fetched, nothing goes wrong, and the keyboard is enough."""

import importlib.util
from pathlib import Path

import pytest
import torch

import zoo

spec = importlib.util.spec_from_file_location("browser", Path(__file__).with_name("browser.py"))
assert spec is not None and spec.loader is not None
driver = importlib.util.module_from_spec(spec)
spec.loader.exec_module(driver)

pytestmark = pytest.mark.skipif(driver.binary() is None, reason="needs a Chromium: apt-get install chromium")
CARDS = "[...document.querySelectorAll('#cards h3')].map((title) => title.textContent)"


@pytest.fixture(scope="module")
def browser():
    made = driver.Browser()
    yield made
    made.close()


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Two runs on digits, side by side."""
    folder = tmp_path_factory.mktemp("report")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_HOME", str(folder / "home"))
        runs = [zoo.evaluate(model, "digits") for model in ("intro/mlp", "intro/logistic")]
        return zoo.report(runs, folder / "two.html", pictures=40)


@pytest.fixture
def opened(browser, page):
    browser.open(page)
    return browser


REAL = {
    "classify": ("cnn/lenet5", "mnist", {"limit": 300}),
    "detect": ("vision/fastestdet", "coco:{data}/coco_val128/images:{data}/coco_val128/instances.json", {"limit": 8}),
    "segment": ("vision/unet", "camvid", {"limit": 3}),
    "restore": ("vision/espcn", "set5-x3", {}),
    "embed": ("metric/conv4-triplet", "omniglot", {"limit": 200}),
    "attack": ("robust/fgsm", "mnist-linf", {"limit": 30, "protocol": {"save_inputs": True}}),
    "draw": ("generative/gan", "mnist-samples", {"limit": 100}),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", REAL)
def test_the_report_of_each_task_on_real_data_shows_pictures(browser, kind, real_data, tmp_path):
    model, where, settings = REAL[kind]
    record = zoo.evaluate(model, where.format(data=real_data), **settings)
    page = zoo.report(record, tmp_path / "report.html", pictures=30)
    for width in (1280, 390):
        browser.open(page, width)
        assert browser.problems == []
        assert {address.partition(":")[0] for address in browser.asked} <= {"file", "data"}
        assert browser.value("document.documentElement.scrollWidth") <= width
        pictures = browser.value("[...document.images].map((one) => one.complete && one.naturalWidth > 0 && one.alt !== '')")
        assert pictures and all(pictures)


def element(name):
    return f"document.getElementById('filters').elements.{name}"


def shown(browser):
    return int(browser.value("document.getElementById('status').textContent").split()[0].replace(",", ""))


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("dark", [False, True])
def test_it_opens_from_the_disk_asks_for_nothing_and_fits(browser, page, width, dark):
    browser.open(page, width, dark=dark)
    assert browser.problems == []
    assert {address.partition(":")[0] for address in browser.asked} <= {"file", "data"}
    assert [address for address in browser.asked if address.startswith("file:")] == [page.as_uri()]
    assert browser.value("document.documentElement.scrollWidth") <= width
    ground = browser.value("getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(15, 19, 23)" if dark else "rgb(255, 255, 255)")


def test_colours_are_switched_by_keyboard(opened):
    opened.tab_to("document.getElementById('theme')")
    grounds = []
    for _ in range(3):
        opened.press("Enter")
        grounds.append(opened.value("getComputedStyle(document.body).backgroundColor"))
    assert grounds == ["rgb(255, 255, 255)", "rgb(15, 19, 23)", "rgb(255, 255, 255)"]
    assert opened.problems == []


def test_what_is_wrong_is_listed_first_and_the_surest_of_it(opened):
    data = "JSON.parse(document.getElementById('data').textContent)"
    wrong = opened.value(f"(() => {{ const d = {data}; return d.ids.filter((_, i) => d.runs[0].right[i] === 0).length; }})()")
    assert shown(opened) == wrong == 9
    first = opened.value(
        f"(() => {{ const d = {data}; const wrong = d.ids.map((_, i) => i).filter((i) => d.runs[0].right[i] === 0);"
        "return d.ids[wrong.sort((i, j) => d.runs[0].sure[j] - d.runs[0].sure[i])[0]]; })()"
    )
    assert opened.value(f"{CARDS}[0]") == first


def test_filters_and_pages_work_by_keyboard(opened):
    opened.tab_to(element("outcome"))
    opened.press("ArrowUp")
    assert opened.value(f"{element('outcome')}.value") == "" and shown(opened) == 360
    before = opened.value(CARDS)
    assert len(before) == 24
    opened.tab_to("document.getElementById('after')")
    opened.press("Enter")
    after = opened.value(CARDS)
    assert not set(before) & set(after) and "page 2 of 15" in opened.value("document.getElementById('status').textContent")
    opened.press("Enter", 13)
    assert opened.value("document.activeElement.id") == "before", "a button that is switched off would lose the place"
    opened.press("Space")
    assert "page 14 of 15" in opened.value("document.getElementById('status').textContent")
    opened.value(f"{element('truth')}.focus()")
    opened.press("ArrowDown")
    assert shown(opened) == opened.value(
        "JSON.parse(document.getElementById('data').textContent).truth.filter((one) => one === 0).length"
    )
    opened.value(f"{element('most')}.focus()")
    opened.press("ArrowDown", 50)
    few = shown(opened)
    assert few < 36
    assert opened.problems == []


def test_runs_that_differ_are_found(opened):
    def choose(value):
        opened.value(
            f"(() => {{ const one = {element('outcome')}; one.value = '{value}';"
            "one.dispatchEvent(new Event('input', { bubbles: true })); })()"
        )
        return shown(opened)

    both = [choose("0>1"), choose("1>0")]
    table = opened.value(
        "[...document.querySelectorAll('#differences ~ .scroll tbody tr td')].slice(-2).map((cell) => Number(cell.textContent))"
    )
    assert both == table and choose("differ") == sum(both)


def test_all_that_has_a_name_for_the_eye_has_one_for_the_ear(opened):
    unnamed = opened.value(
        """[...document.querySelectorAll("button, select, input, img, svg, section, nav, [role=region], [role=group], form, ol")]
        .filter((one) => !(one.hidden || one.closest("[hidden]")))
        .filter((one) => !(one.ariaLabel || one.getAttribute("aria-labelledby") || (one.labels && one.labels.length) || one.alt
          || one.textContent.trim() || one.querySelector("title")))
        .map((one) => one.outerHTML.slice(0, 120))"""
    )
    assert unnamed == []
    assert opened.value("[...document.querySelectorAll('header, nav, main, footer')].map((one) => one.localName)") == [
        "header",
        "nav",
        "main",
        "footer",
    ]
    assert opened.value(
        "[...document.querySelectorAll('table')].every((one) => one.caption && one.tHead && one.querySelector('th[scope=row]'))"
    )
    assert opened.value("document.querySelectorAll('[aria-labelledby]').length") == opened.value(
        "[...document.querySelectorAll('[aria-labelledby]')].filter((one) => document.getElementById("
        "one.getAttribute('aria-labelledby'))).length"
    )
    identifiers = opened.value("[...document.querySelectorAll('[id]')].map((one) => one.id)")
    assert len(identifiers) == len(set(identifiers))


def test_the_keyboard_is_seen_where_it_is(opened):
    opened.press("Tab")
    assert opened.value("document.activeElement.className") == "skip"
    assert opened.value("document.activeElement.getBoundingClientRect().left") >= 0
    opened.tab_to("document.getElementById('theme')")
    assert opened.value("getComputedStyle(document.activeElement).outlineStyle") == "solid"


CONTRAST = """(() => {
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * (top[3] ?? 1) + below[i] * (1 - (top[3] ?? 1)));
  const ground = (one) => {
    if (!one) return [255, 255, 255];
    const own = parts(getComputedStyle(one).backgroundColor);
    return (own[3] ?? 1) === 1 ? own : over(own, ground(one.parentElement));
  };
  const light = (colour) => {
    const [r, g, b] = colour.map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  return [...document.body.querySelectorAll("*")]
    .filter((one) => [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
    .filter((one) => !one.disabled && one.getClientRects().length && one.localName !== "script")
    .map((one) => {
      const below = ground(one.parentElement && one instanceof SVGElement ? one.closest("svg").parentElement : one);
      const style = getComputedStyle(one);
      const ink = over(parts(one instanceof SVGElement ? style.fill : style.color), below);
      const pair = [light(ink), light(below)].sort((a, b) => a - b);
      return [(pair[1] + 0.05) / (pair[0] + 0.05), one.outerHTML.slice(0, 100)];
    })
    .filter(([ratio]) => ratio < 4.5);
})()"""
"""Elements whose text stands out too little from its ground. Source: WCAG 2.2, success criterion 1.4.3."""


@pytest.mark.parametrize("dark", [False, True])
def test_all_text_stands_out_from_its_ground(browser, page, dark):
    browser.open(page, dark=dark)
    browser.value("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert browser.value(CONTRAST) == []
    browser.value("document.documentElement.style.setProperty('--faint', 'var(--ground)')")
    assert len(browser.value(CONTRAST)) > 20, "what does not stand out is found"


def test_the_worst_of_labels_and_texts_does_nothing(browser, tmp_path):
    worst = "</script><script>document.title='had'</script><img src=x onerror=\"document.title='had'\">"
    data = zoo.ArrayDataset(
        [f"{worst} {i}" for i in range(6)], [i % 2 for i in range(6)], [f"{worst}{i}" for i in range(6)], ["a", worst]
    )
    record = zoo.evaluate(lambda texts: torch.eye(2)[[0] * len(texts)], data, task="classify", classes="dataset", key="worst")
    browser.open(zoo.report(record, tmp_path / "worst.html"))
    assert browser.problems == [] and "had" not in browser.value("document.title")
    assert browser.value("document.images.length") == 0
    assert browser.value(f"{CARDS}[0]").startswith(worst)
