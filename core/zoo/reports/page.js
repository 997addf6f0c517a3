"use strict";
// What the page does beside showing: the switch of colours, and the samples by filters and pages. All text goes in by
// textContent, never as markup. The tests drive it by keyboard in a browser.
(() => {
  const PER_PAGE = 24;
  const find = (id) => document.getElementById(id);
  const make = (tag, text, style) => {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (style) made.className = style;
    return made;
  };

  const THEMES = [["", "as the system"], ["light", "light"], ["dark", "dark"]];
  let theme = 0;
  find("theme").addEventListener("click", () => {
    theme = (theme + 1) % THEMES.length;
    if (THEMES[theme][0]) document.documentElement.dataset.theme = THEMES[theme][0];
    else delete document.documentElement.dataset.theme;
    find("theme").textContent = `Colours: ${THEMES[theme][1]}`;
  });

  if (!find("data")) return;
  const data = JSON.parse(find("data").textContent);
  const runs = data.runs;
  const count = data.ids.length;
  const shown = Object.keys(data.seen).length;
  const form = find("filters");
  const { run, outcome, truth, holds, guess, least, most, part, order, seen } = form.elements;
  const thousands = (n) => n.toLocaleString("en");

  const option = (select, value, text) => {
    const made = make("option", text);
    made.value = value;
    select.append(made);
  };
  const hide = (control) => { control.closest("label").hidden = true; };

  // How well a sample came out in a run: larger is better, null where that means nothing.
  const merit = (r, i) => {
    const own = runs[r];
    if (own.right) return own.right[i];
    if (!own.score || own.score[i] === null) return null;
    return data.higher ? own.score[i] : -own.score[i];
  };
  const better = (a, b, i) => merit(a, i) !== null && merit(b, i) !== null && merit(a, i) > merit(b, i);

  runs.forEach((one, r) => option(run, r, one.name));
  if (runs.length < 2) hide(run);
  option(outcome, "", "all");
  const judged = runs.some((one) => one.right);
  if (judged) {
    option(outcome, "0", data.words[0]);
    option(outcome, "1", data.words[1]);
  }
  if (runs.length > 1 && runs.every((one) => one.right || one.score)) {
    option(outcome, "differ", "runs differ");
    runs.forEach((one, a) => runs.forEach((other, b) => {
      const what = judged ? `${data.words[1]} in ${one.name}, ${data.words[0]} in ${other.name}` : `better in ${one.name} than in ${other.name}`;
      if (a !== b) option(outcome, `${a}>${b}`, what);
    }));
  }
  if (outcome.options.length < 2) hide(outcome);
  const classes = (select, of) => {
    option(select, "", "all");
    if (!of) return hide(select);
    const there = new Set(of);
    data.labels.forEach((name, label) => { if (there.has(label)) option(select, label, name); });
  };
  classes(truth, data.truth);
  classes(holds, data.holds && data.holds.flat());
  classes(guess, runs[0].guess ? runs.flatMap((one) => Array.from(new Set(one.guess))) : null);
  const unsure = !runs.some((one) => one.sure);
  if (unsure) least.closest("fieldset").hidden = true;
  if (!unsure) {
    option(order, "surest", "most sure first");
    option(order, "unsure", "least sure first");
  }
  if (runs.some((one) => one.score)) {
    option(order, "worst", `worst ${data.measure} first`);
    option(order, "best", `best ${data.measure} first`);
  }
  option(order, "data", "as in the dataset");

  const start = () => {
    const wrong = judged && runs[0].right.includes(0);
    outcome.value = wrong ? "0" : "";
    seen.checked = shown > 0 && shown < count && !wrong;  // a first page without a picture would be a poor beginning
  };

  let rows = [];
  let page = 0;

  const select = () => {
    const r = Number(run.value);
    const own = runs[r];
    const wanted = part.value.trim().toLowerCase();
    const low = 100 * (least.value === "" ? 0 : Number(least.value));
    const high = 100 * (most.value === "" ? 100 : Number(most.value));
    const [a, b] = outcome.value.includes(">") ? outcome.value.split(">").map(Number) : [];
    const fits = (i) => {
      if (seen.checked && !(i in data.seen)) return false;
      if (truth.value !== "" && data.truth[i] !== Number(truth.value)) return false;
      if (holds.value !== "" && !data.holds[i].includes(Number(holds.value))) return false;
      if (guess.value !== "" && own.guess[i] !== Number(guess.value)) return false;
      if (own.sure && (own.sure[i] < low || own.sure[i] > high)) return false;
      if (wanted && !data.ids[i].toLowerCase().includes(wanted)) return false;
      if (outcome.value === "0" || outcome.value === "1") return own.right[i] === Number(outcome.value);
      if (a !== undefined) return better(a, b, i);
      if (outcome.value === "differ") return runs.some((_, other) => better(r, other, i) || better(other, r, i));
      return true;
    };
    rows = [];
    for (let i = 0; i < count; i += 1) if (fits(i)) rows.push(i);
    const by = {
      surest: (i) => -own.sure[i],
      unsure: (i) => own.sure[i],
      worst: (i) => (merit(r, i) === null ? Infinity : merit(r, i)),
      best: (i) => (merit(r, i) === null ? Infinity : -merit(r, i)),
    }[order.value];
    if (by) rows.sort((i, j) => by(i) - by(j) || i - j);
    page = 0;
    render();
  };

  const enlarged = (one) => Math.max(1, Math.floor(112 / Math.min(one.w, one.h)));
  const picture = (one) => {
    if (!one) return null;
    if (!one.p) {
      const text = make("p", one.t, "text");
      text.dir = "auto";
      return text;
    }
    const made = make("img", undefined, Math.min(one.w, one.h) <= 64 ? "pixels" : "");
    made.src = one.p;
    made.alt = one.a;
    made.width = enlarged(one) * one.w;
    made.height = enlarged(one) * one.h;
    return made;
  };

  const verdict = (own, i) => {
    const line = make("p");
    const said = [];
    if (own.right && own.right[i] !== null) {
      line.append(make("span", `${"✗✓"[own.right[i]]} ${data.words[own.right[i]]}`, own.right[i] ? "right" : "wrong"));
    }
    if (own.guess) said.push(`says ${data.labels[own.guess[i]]}`);
    if (own.sure) said.push(`${(own.sure[i] / 100).toFixed(1)} % sure`);
    if (own.score && own.score[i] !== null) said.push(`${data.measure} ${own.score[i]}`);
    if (line.childNodes.length && said.length) line.append(": ");
    line.append(said.join(", "));
    return line.textContent ? line : null;
  };

  const card = (i) => {
    const item = make("li");
    const body = make("article");
    const title = make("h3");
    title.append(make("bdi", data.ids[i]));
    title.id = `sample-${i}`;
    body.setAttribute("aria-labelledby", title.id);
    const told = data.seen[i];
    body.append(title);
    if (told && told.s) body.append(picture(told.s));
    if (data.truth) body.append(make("p", `true class: ${data.labels[data.truth[i]]}`));
    runs.forEach((own, r) => {
      const block = make("div", undefined, runs.length > 1 ? "run" : "");
      if (runs.length > 1) block.append(make("p", own.name));
      const line = verdict(own, i);
      if (line) block.append(line);
      const mine = told && told.o[r];
      if (mine && mine.s) block.append(picture(mine.s));
      if (mine) mine.f.forEach((fact) => block.append(make("p", fact, "facts")));
      if (block.childNodes.length) body.append(block);
    });
    item.append(body);
    return item;
  };

  const render = () => {
    const pages = Math.max(1, Math.ceil(rows.length / PER_PAGE));
    find("cards").replaceChildren(...rows.slice(page * PER_PAGE, (page + 1) * PER_PAGE).map(card));
    find("cards").start = page * PER_PAGE + 1;
    find("status").textContent = `${thousands(rows.length)} of ${thousands(count)} samples, page ${page + 1} of ${thousands(pages)}`;
    find("before").disabled = page === 0;
    find("after").disabled = page >= pages - 1;
  };

  const turn = (by) => {
    page += by;
    render();
    const here = document.activeElement;  // a button that has just been disabled would lose the keyboard's place
    if (here === document.body || here.disabled) find(by > 0 ? "before" : "after").focus();
  };
  find("before").addEventListener("click", () => turn(-1));
  find("after").addEventListener("click", () => turn(1));
  form.addEventListener("input", select);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => { start(); select(); }));

  const left = data.left ? ` ${thousands(data.left)} more are left out, since their pictures would make the file too large.` : "";
  const which = [
    runs.length > 1 ? "those on which runs differ," : "",
    judged || runs.some((one) => one.score) ? "what came out worst," : "",
    unsure ? "" : "what is least sure,",
  ].filter(Boolean);
  find("shown").textContent = !shown ? `All ${thousands(count)} samples are listed, and none is shown.${left}` : shown < count
    ? `All ${thousands(count)} samples are listed; ${thousands(shown)} of them are shown with what they are: ${which.join(" ")} ${which.length ? "and others" : "some"} by lot.${left}`
    : `All ${thousands(count)} samples are listed and shown.`;
  if (data.caption) find("shown").textContent += ` ${data.caption}`;
  const isWide = (one) => one && one.w * enlarged(one) > 220;
  const wide = Object.values(data.seen).some((one) => [one.s, ...one.o.map((mine) => mine.s)].some(isWide));
  const long = Object.values(data.seen).some((one) => one.s && one.s.t && one.s.t.length > 120);
  if (wide || long) find("cards").className = "wide";
  start();
  select();
})();
