"""Label Studio's labelling page in headless Chromium, worked with mouse and keys as an annotator does."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

pytest.importorskip("selenium", reason="selenium is not installed; it comes with the extra [dev]")

from selenium import webdriver
from selenium.webdriver import ActionChains
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

PATIENCE = 600  # seconds for a page to come, at most; some seconds on a machine at rest
SIZE = (1400, 900)  # CSS pixels
SPANS = ".lsf-htx-richtext .htx-highlight"

# The middle of the first and the last character of a text on the page, in CSS pixels, scrolled into sight.
_EDGES = """
const walker = document.createTreeWalker(document.querySelector('.lsf-htx-richtext'), NodeFilter.SHOW_TEXT);
const nodes = [];
while (walker.nextNode()) nodes.push(walker.currentNode);
const node = nodes.find(each => each.data.includes(arguments[0]));
node.parentElement.scrollIntoView({block: 'center'});
const box = (from, to) => {
    const range = document.createRange();
    range.setStart(node, from);
    range.setEnd(node, to);
    return range.getBoundingClientRect();
};
const at = node.data.indexOf(arguments[0]), end = at + arguments[0].length;
const [first, last] = [box(at, at + 1), box(end - 1, end)];
return [first.left + 1, first.top + first.height / 2, last.right - 1, last.top + last.height / 2];
"""


@contextmanager
def chromium(scale: float = 1) -> Iterator["Page"]:
    """A browser that is closed again; the test is skipped where Chromium or its driver is not installed."""
    found = [shutil.which("chromium") or shutil.which("chromium-browser"), shutil.which("chromedriver")]
    if None in found:
        pytest.skip("no chromium or no chromedriver: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = str(found[0])
    options.page_load_strategy = "none"  # what is waited for is said below
    width, height = SIZE
    for argument in ("headless=new", "no-sandbox", "disable-dev-shm-usage", "disable-gpu", "no-proxy-server"):
        options.add_argument(f"--{argument}")
    options.add_argument(f"--window-size={width},{height}")
    options.add_argument(f"--force-device-scale-factor={scale}")
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(str(found[1])))
    try:
        yield Page(driver)
    finally:
        driver.quit()


class Page:
    """What an annotator sees and does."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver
        self.wait = WebDriverWait(driver, PATIENCE)

    def enter(self, url: str, mail: str, password: str) -> None:
        """Signs up or in, by the form at that address."""
        self.driver.get(url)
        self.wait.until(lambda driver: driver.find_elements(By.CSS_SELECTOR, "[type=submit]"))
        for name, value in (("email", mail), ("password", password)):
            self.driver.find_element(By.NAME, name).send_keys(value)
        self.driver.find_element(By.CSS_SELECTOR, "[type=submit]").click()
        self.wait.until(lambda driver: "/user/" not in driver.current_url)

    def open(self, url: str, spans: int) -> None:
        """Opens a task and waits until its text is there and shows that many spans."""
        self.driver.get(url)
        self.wait.until(lambda driver: len(self.spans()) == spans)

    def spans(self) -> list[tuple[str, str]]:
        """The marked texts with their labels, in their order on the page."""
        found = self.driver.execute_script(
            f"return [...document.querySelectorAll('{SPANS}')].map(each => [each.innerText, each.dataset.label])"
        )
        return [(text, label.partition(":")[2]) for text, label in found]

    def press(self, keys: str) -> None:
        ActionChains(self.driver).send_keys(keys).perform()

    def drag_over(self, surface: str) -> None:
        """Draws the mouse over the first place where this text stands unmarked, from its first to its last letter."""
        left, top, right, bottom = self.driver.execute_script(_EDGES, surface)
        actions = ActionBuilder(self.driver)
        mouse = actions.pointer_action
        mouse.move_to_location(left, top).pointer_down().move_to_location(right, bottom).pointer_up()
        actions.perform()

    def submit(self) -> None:
        self.driver.find_element(By.CSS_SELECTOR, "[aria-label='Submit current annotation']").click()
