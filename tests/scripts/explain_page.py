#!/usr/bin/env python3
"""Clicks through the explainer's pages in a headless browser.  explain_page.py FOLDER-OF-PROGRAMS

Every chapter at three widths, in both languages and both colour schemes: nothing is written to the console, nothing is
requested, nothing is wider than the window. What is printed is what the library computed, what the page computes again
is the same to 1e-12, all is reached with the keyboard, and all text has enough contrast."""
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

programs = os.path.abspath(sys.argv[1])
failures = []


def check(holds, what):
    if not holds:
        failures.append(what)
        print("FAILED:", what)


def browser():
    options = webdriver.ChromeOptions()
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--force-color-profile=srgb"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(service=Service(shutil.which("chromedriver")), options=options)


def complaints(driver, where):
    for entry in driver.get_log("browser"):
        check(False, f"{where}: console: {entry['message'][:300]}")
    for entry in driver.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            url = message["params"]["request"]["url"]
            check(url.startswith(("file:", "data:")), f"{where}: requests {url[:100]}")


# Every button is pressed, every slider moved to both ends, every choice made.
walk = """
const visible = (e) => e.offsetParent !== null;
for (const select of document.querySelectorAll('main select'))
  for (const option of [...select.options].slice(0, 3)) {
    select.value = option.value;
    select.dispatchEvent(new Event('change'));
  }
for (const input of document.querySelectorAll('main input[type=range]'))
  for (const value of [input.min, input.max]) {
    input.value = value;
    input.dispatchEvent(new Event('input'));
  }
for (const button of document.querySelectorAll('main button'))
  if (visible(button)) button.click();
for (const node of document.querySelectorAll('.graph g.node, .graph g.module')) node.dispatchEvent(new Event('click'));
const wide = [...document.querySelectorAll('main *')].filter((e) => e.getBoundingClientRect().right > innerWidth + 1 &&
  !e.closest('.scroll, .formula, .readout, .matrices.all'));
return [document.documentElement.scrollWidth, innerWidth, wide.slice(0, 3).map((e) => e.outerHTML.slice(0, 80)),
  document.body.innerText.match(/undefined|\\[object|\\{\\w+\\}/g)];
"""

contrast = """
const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
const light = ([r, g, b]) => [r, g, b].map((c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
  .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
const behind = (e) => {
  for (; e; e = e.parentElement) {
    const c = rgb(getComputedStyle(e).backgroundColor);
    if (c.length < 4 || c[3] > 0.99) return c;
  }
  return rgb(getComputedStyle(document.body).backgroundColor);
};
const worst = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const e = walker.currentNode.parentElement;
  if (!walker.currentNode.textContent.trim() || !e.getClientRects().length || e.closest('script, style, .skip')) continue;
  const style = getComputedStyle(e), svg = e.namespaceURI.endsWith('svg');
  const [a, b] = [light(rgb(svg ? style.fill : style.color)), light(behind(e))].sort((x, y) => y - x);
  const ratio = (a + 0.05) / (b + 0.05);
  if (ratio < 4.5) worst.push([ratio.toFixed(2), e.tagName, walker.currentNode.textContent.trim().slice(0, 30)]);
}
return worst.slice(0, 5);
"""

# What the page computes, against what the library wrote down: the largest difference, and of how many numbers.
again = """
const {decodeAll} = explainer['tensor.js'], {attend, attendBackward, runTiny} = explainer['engine.js'];
const data = decodeAll(JSON.parse(document.getElementById('data').textContent));
let count = 0, worst = 0;
const compare = (mine, wanted) => mine.data.forEach((x, i) => {
  ++count;
  worst = Math.max(worst, Math.abs(x - wanted.data[i]));
});
for (const layer of data.layers)
  for (const head of layer.heads) {
    const mine = attendBackward(attend(head), head.dO);
    for (const name of ['S', 'A', 'O', 'dV', 'dA', 'dS', 'dQ', 'dK']) compare(mine[name], head[name]);
  }
if (data.tiny) {
  const run = runTiny(data.tiny, data.layers[0].heads[0].mask);
  compare({data: [run.loss]}, {data: [data.loss]});
  run.heads.forEach((head, h) => {
    for (const name of ['Q', 'K', 'V', 'S', 'A', 'O', 'dO', 'dV', 'dA', 'dS', 'dQ', 'dK']) compare(head[name], data.layers[0].heads[h][name]);
  });
  for (const [name, wanted] of Object.entries(data.tiny.gradients)) compare(run.gradients[name], wanted);
  for (const [name, wanted] of Object.entries(data.tiny.values)) compare(run.values[name], wanted);
  for (const [name, wanted] of Object.entries(data.tiny.value_gradients)) compare(run.value_gradients[name], wanted);
}
return [worst, count];
"""

matrices = """
const {decodeAll} = explainer['tensor.js'];
const head = decodeAll(JSON.parse(document.getElementById('data').textContent)).layers[0].heads[arguments[0]];
return Object.fromEntries(arguments[1].map((name) => [name, [head[name].rows, head[name].cols, [...head[name].data]]]));
"""


# The gradients that arrive and leave, against differences of the whole loss of the built-in model, run again.
moved = """
const {decodeAll, at} = explainer['tensor.js'], {differenceOfLoss} = explainer['engine.js'];
const data = decodeAll(JSON.parse(document.getElementById('data').textContent)), heads = data.layers[0].heads;
let worst = 0;
heads.forEach((head, h) => {
  for (const name of ['O', 'Q', 'K', 'V'])
    for (let i = 0; i < head[name].rows; ++i)
      for (let j = 0; j < head[name].cols; ++j)
        worst = Math.max(worst, Math.abs(differenceOfLoss(data.tiny, head.mask, head, name, h, i, j, 1e-5) - at(head['d' + name], i, j)));
});
return worst;
"""


def parsed(text):
    """The number after the last = of a formula as the page prints it."""
    text = text.rsplit("=", 1)[1].strip().replace("\u2212", "-")
    for i, c in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹"):
        text = text.replace(c, str(i))
    return float(text.replace("⁻", "-").replace(" · 10", "e").replace("·10", "e"))


def chapters(driver, page, width, language, scheme):
    where = f"{os.path.basename(page)}, {width}, {language}, {scheme}"
    driver.set_window_size(width, 900)
    driver.get("file://" + page)
    if driver.find_element(By.TAG_NAME, "html").get_attribute("lang")[:2] != language:
        driver.find_element(By.ID, "language").click()
    driver.execute_script(f"document.documentElement.dataset.scheme = '{scheme}'")
    check(driver.find_element(By.TAG_NAME, "html").get_attribute("lang")[:2] == language, f"{where}: language")
    check(len(driver.find_elements(By.CSS_SELECTOR, "main > section")) >= 9, f"{where}: chapters")
    wide, window, elements, holes = driver.execute_script(walk)
    check(wide <= window, f"{where}: {wide} wide: {elements}")
    check(not holes, f"{where}: prints {holes}")
    check(not (low := driver.execute_script(contrast)), f"{where}: contrast {low}")
    complaints(driver, where)


def numbers(driver, page):
    """Every element of eight matrices of the head that is begun with, walked to with the keyboard."""
    driver.set_window_size(1300, 1000)
    driver.get("file://" + page)
    which = driver.find_elements(By.CSS_SELECTOR, "#matrices select")
    head = int(which[0].get_attribute("value").split(".")[1]) if which else 0
    names = ["Q", "A", "dO", "dA", "dS", "dQ", "dK", "dV"]
    compared = 0
    for name, (rows, cols, values) in driver.execute_script(matrices, head, names).items():
        driver.execute_script(f"document.querySelector('#matrices canvas[data-matrix={name}]').focus()")
        keys = ActionChains(driver, duration=0)
        keys.send_keys(Keys.ARROW_UP * rows + Keys.ARROW_LEFT * cols).perform()
        for i in range(rows):
            columns = range(cols) if i % 2 == 0 else range(cols - 1, -1, -1)
            for j in columns:
                line = driver.find_element(By.CSS_SELECTOR, "#readout [data-value]")
                value = values[i * cols + j]
                check(float(line.get_attribute("data-value")) == value, f"{name}[{i}, {j}] is {value}")
                check(abs(parsed(line.text) - value) <= 6e-4 * abs(value), f"{name}[{i}, {j}] = {value} is printed as {line.text}")
                compared += 1
                if j != columns[-1]:
                    ActionChains(driver, duration=0).send_keys(Keys.ARROW_RIGHT if i % 2 == 0 else Keys.ARROW_LEFT).perform()
            ActionChains(driver, duration=0).send_keys(Keys.ARROW_DOWN).perform()
    check(compared >= 200, f"only {compared} numbers were compared")
    print(f"{compared} printed numbers are those of the library")
    complaints(driver, "numbers")


def keyboard(driver, page):
    driver.get("file://" + page)
    reached = set()
    for _ in range(140):
        ActionChains(driver, duration=0).send_keys(Keys.TAB).perform()
        reached.add(driver.execute_script("const e = document.activeElement; return e.id || e.dataset.matrix || e.getAttribute('href') || e.className.baseVal || e.tagName"))
    for wanted in ("language", "scheme", "#softmax", "play-forward", "play-backward", "module", "Q", "dS", "INPUT"):
        check(wanted in reached, f"the keyboard does not reach {wanted}: {sorted(map(str, reached))}")
    node = driver.find_element(By.CSS_SELECTOR, ".graph g.module")
    node.send_keys(Keys.ENTER)
    driver.find_element(By.CSS_SELECTOR, "#node .unfold").send_keys(Keys.ENTER)
    check("weight" in driver.find_element(By.CSS_SELECTOR, ".graph").text, "a module unfolds by keyboard")
    complaints(driver, "keyboard")


def changed(driver, page):
    """A changed value changes all that follows, and can be undone; a click holds an element."""
    driver.get("file://" + page)
    q, s = (driver.find_element(By.CSS_SELECTOR, f"#matrices canvas[data-matrix={name}]") for name in ("Q", "A"))
    driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", q)
    ActionChains(driver, duration=0).move_to_element(q).click().move_to_element(s).perform()
    check(driver.find_elements(By.CSS_SELECTOR, "#readout input"), "a click holds an element of Q")
    ActionChains(driver, duration=0).move_to_element(q).click().move_to_element(s).perform()
    check(not driver.find_elements(By.CSS_SELECTOR, "#readout input"), "another one lets it go")
    readout = lambda: driver.find_element(By.ID, "readout").text
    driver.execute_script("document.querySelector('#matrices canvas[data-matrix=Q]').focus()")
    ActionChains(driver, duration=0).send_keys(Keys.ARROW_DOWN).perform()
    for _ in range(14):  # past the other matrices, which do not select anything by being passed
        ActionChains(driver, duration=0).send_keys(Keys.TAB).perform()
        if driver.execute_script("return document.activeElement.tagName") == "INPUT":
            break
    field = driver.find_element(By.CSS_SELECTOR, "#readout input")
    check(field == driver.switch_to.active_element, "the keyboard reaches the field in which an element is changed")
    before = float(field.get_attribute("value"))
    field.clear()
    field.send_keys(str(before + 1), Keys.ENTER)
    check("Changed by hand" in readout(), "a change is told: " + readout())
    check(driver.execute_script("return document.querySelectorAll('#readout button').length") == 1, "a change can be undone")
    driver.find_element(By.CSS_SELECTOR, "#readout button").click()
    check(abs(float(driver.find_element(By.CSS_SELECTOR, "#readout input").get_attribute("value")) - before) < 1e-5, "undone")
    complaints(driver, "changed")


def row_sum(driver, page):
    """The chapter on the row sum: shifting every dA moves A o dA and leaves the gradient alone."""
    driver.get("about:blank")  # a chapter of the same page would not be loaded anew
    driver.get("file://" + page + "#softmax")
    cells = lambda n: [float(td.text.replace("\u2212", "-")) for td in driver.find_elements(By.CSS_SELECTOR, f"#softmax tbody tr:not(.total) td:nth-child({n})")]
    check(driver.find_elements(By.CSS_SELECTOR, "#softmax .flipped"), "without the row sum signs are wrong in the row it begins with")
    naive, right = cells(5), cells(6)
    driver.execute_script("const s = document.querySelector('#softmax .controls input'); s.value = 1.5; s.dispatchEvent(new Event('input'))")
    check(max(abs(a - b) for a, b in zip(naive, cells(5))) > 0.1, "A o dA moves")
    check(max(abs(a - b) for a, b in zip(right, cells(6))) < 2e-2 * max(map(abs, right)) + 5e-3, "the gradient stays")
    complaints(driver, "row sum")


# Of the exercise in the page: is every right formula right, and every known mistake named?
judged = """
const {decodeAll, largest, map} = explainer['tensor.js'], {evaluate, named} = explainer['formulas.js'], {diagnose} = explainer['views/yours.js'];
const data = decodeAll(JSON.parse(document.getElementById('data').textContent)), head = data.layers[0].heads[0], values = named(head);
const wrong = [];
let count = 0;
for (const part of data.exercise) {
  if (largest(map((x, y) => x - y, evaluate(part.formula, values), head[part.name])) > 1e-14) wrong.push(part.formula);
  for (const mistake of part.mistakes) {
    let value;
    try {
      value = evaluate(mistake.formula, values);
    } catch {
      continue;
    }
    ++count;
    if (diagnose(value, head[part.name], part, values)?.formula !== mistake.formula) wrong.push(mistake.formula);
  }
}
return [count, wrong];
"""


def exercise(driver, page):
    driver.get("about:blank")
    driver.get("file://" + page + "#yours")
    count, wrong = driver.execute_script(judged)
    print(f"{count} mistakes in formulas, not named right: {wrong}")
    check(count >= 20 and not wrong, f"mistakes in formulas: {wrong} of {count}")
    field, verdict = driver.find_element(By.ID, "formula"), lambda: driver.find_element(By.ID, "verdict").text
    driver.find_element(By.CSS_SELECTOR, "#yours button[data-value='2']").click()
    for formula, said in (("A * dA", "rowsum(A * dA) is missing"), ("A * (dA - rowsum(A * dA))", "Right"), ("0.5 A * (dA - rowsum(A * dA))", "0.5000 times"),
                          ("A * dB", "dB"), ("Q", "must be 7")):
        field.clear()
        field.send_keys(formula, Keys.ENTER)
        check(said in verdict(), f"{formula}: {verdict()}")
    driver.find_element(By.ID, "quiz").click()
    answers = driver.find_elements(By.CSS_SELECTOR, "#verdict .answer")
    check(len(answers) >= 2, "a quiz has answers")
    for answer in answers:
        answer.click()
    check(verdict().count("✓") == 1, "one answer is right: " + verdict())
    complaints(driver, "exercise")


def main():
    with tempfile.TemporaryDirectory() as folder:
        run = lambda *command: subprocess.run([os.path.join(programs, command[0]), *command[1:]], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        run("explain", "--out", "attention.html")
        run("explain", "--causal", "--out", "causal.html")
        run("train_dates", "--steps", "40", "--out", "dates")
        run("train_copy", "--steps", "3", "--longest", "4", "--slots", "12", "--out", "copy")
        run("explain", "--model", "seq2seq", "--run", "dates", "--ntm", "copy", "--out", "dates.html")
        with open(os.path.join(folder, "text.txt"), "w") as text:
            text.write("the cat sat on the mat and the dog ran to the cat. " * 200)
        run("train_gpt", "--text", "text.txt", "--steps", "20", "--layers", "2", "--heads", "2", "--width", "32", "--context", "32", "--out", "gpt")
        run("explain", "--model", "gpt", "--run", "gpt", "--out", "gpt.html")
        pages = [os.path.join(folder, name + ".html") for name in ("attention", "causal", "dates", "gpt")]
        driver = browser()
        try:
            for page in pages:
                size = os.path.getsize(page)
                check(size < 2e6, f"{page} has {size} bytes")
                with open(page, encoding="utf-8") as file:
                    text = file.read()
                outside = [word for word in ("http://", "https://") if word in text.replace("http://www.w3.org/", "")]
                check(not outside, f"{page} names {outside}")
                every = list(itertools.product((390, 900, 1400), ("en", "zh"), ("light", "dark")))
                for width, language, scheme in every if page in pages[::2] else every[::5]:
                    chapters(driver, page, width, language, scheme)
                worst, count = driver.execute_script(again)
                print(f"{os.path.basename(page)}: {size / 1e3:.0f} kB, {count} numbers computed again differ by at most {worst:.1e}")
                check(worst <= 1e-12 and count > 500, f"{page}: {worst} in {count}")
            numbers(driver, pages[0])
            worst = driver.execute_script(moved)
            print(f"dO, dQ, dK and dV differ from differences of the whole loss by at most {worst:.1e}")
            check(worst < 1e-9, f"differences of the whole loss: {worst}")
            keyboard(driver, pages[0])
            changed(driver, pages[0])
            row_sum(driver, pages[0])
            exercise(driver, pages[0])
        finally:
            driver.quit()
    print(f"{len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
