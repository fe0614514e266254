"""The page as a person uses it, in a browser without a window."""

import io
import itertools

import numpy as np
import pytest
from browser import open_browser
from PIL import Image
from sklearn.datasets import load_digits
from small import gray

from sklearn_cae import Autoencoder, DenoisingCAE, GaussianNoise, ResUNet, UNet, VGG16Encoder
from sklearn_cae.callbacks import WeightHistory
from sklearn_cae.explain import explain_html
from sklearn_cae.explain._graph import trace

N_IMAGES = 3
# As in test_explain_layers.
TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def digits():
    return load_digits().images[:120].astype(np.float32) / 16


@pytest.fixture(scope="module")
def browser():
    yield from open_browser()


class Opened:
    """A page in the browser with all that it asked for and complained of."""

    def __init__(self, browser, path):
        self.page = browser.new_page(viewport={"width": 1400, "height": 900})
        self.complaints, self.requests = [], []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())
        self.done()

    def done(self):
        """Wait until the network has computed what is to be shown."""
        self.page.evaluate("explainer.ready")
        self.page.evaluate("explainer.model.finished()")

    def model(self, expression):
        return self.page.evaluate(f"(() => {{ const m = explainer.model; return {expression} }})()")

    def until(self, expression):
        """Wait until an expression of ``m``, the model, holds."""
        for _ in range(100):
            if self.model(expression):
                return
            self.page.wait_for_timeout(30)
        raise AssertionError(f"never true: {expression}")

    def see(self, section):
        self.page.locator(f"#{section}").scroll_into_view_if_needed()
        self.page.evaluate("new Promise((go) => requestAnimationFrame(() => setTimeout(go, 60)))")
        self.done()

    def slide(self, name, value):
        self.page.locator(f"#{name}").evaluate(
            "(input, value) => { input.value = value; input.dispatchEvent(new Event('input')); }",
            value,
        )
        self.done()


@pytest.fixture(scope="module")
def fitted(digits):
    history = WeightHistory()
    cae = DenoisingCAE(
        Autoencoder((8, 12)),
        noise=GaussianNoise((0.1, 0.3)),
        max_epochs=3,
        callbacks=[history],
        random_state=0,
        for_codes=True,
    )
    return cae.fit(digits), history


@pytest.fixture(scope="module")
def autoencoder(browser, fitted, digits, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "page.html"
    cae, history = fitted
    labels = ["<b>one</b>", *map(str, range(1, 120))]
    explain_html(
        cae,
        digits,
        path,
        y=labels,
        n_images=N_IMAGES,
        title="<script>document.title = 'no'</script>",
        history=history,
    )
    return Opened(browser, path)


@pytest.fixture(scope="module")
def unet(browser, digits, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "unet.html"
    noise = ["blur", "gaussian"]
    cae = DenoisingCAE(UNet((4, 8)), noise=noise, max_epochs=1, for_codes=True).fit(digits)
    explain_html(cae, digits, path, n_images=N_IMAGES)
    return Opened(browser, path)


@pytest.fixture(params=["autoencoder", "unet"])
def opened(request):
    return request.getfixturevalue(request.param)


def test_the_page_asks_for_nothing_but_itself(opened):
    assert [url for url in opened.requests if not url.startswith(("file:", "data:", "blob:"))] == []


def test_every_part_is_drawn_without_complaint(opened):
    sections = opened.page.locator("main > section").evaluate_all("all => all.map((s) => s.id)")
    for section in sections:
        opened.see(section)
    opened.done()
    assert sections[:3] == ["whole", "noise", "apart"]
    assert opened.complaints == []


def test_every_layer_of_every_image_equals_torch_in_the_worker(autoencoder, fitted, digits):
    import torch

    graph = trace(fitted[0].net_.module_, (8, 8), 1)
    for i in range(N_IMAGES):
        found = autoencoder.page.evaluate(
            "async (i) => (await explainer.model.engine.run({given: "
            "explainer.model.data.images.list[i], state: 0})).values.map((v) => Array.from(v))",
            i,
        )
        expected = graph.values(torch.from_numpy(digits[i][np.newaxis, np.newaxis]))
        for ours, torchs in zip(found, expected, strict=True):
            np.testing.assert_allclose(ours, torchs.flatten(), atol=TOLERANCE)


def test_without_workers_the_network_runs_in_the_page(browser, autoencoder):
    page = browser.new_page()
    page.add_init_script("window.Worker = function () { throw new Error('none here') }")
    page.goto(autoencoder.page.url)
    page.evaluate("explainer.ready")
    shown = page.evaluate("Array.from(explainer.model.denoised)")
    expected = autoencoder.model(
        "m.engine.run({given: m.seen(m.noisy), onlyOutput: true}).then("
        "({values}) => Array.from(values[0]))"
    )
    page.close()
    np.testing.assert_allclose(shown, expected, atol=TOLERANCE)


def test_what_is_shown_is_what_predict_gives(autoencoder, fitted):
    noisy = np.array(autoencoder.model("Array.from(m.noisy)"), np.float32).reshape(1, 8, 8)
    shown = autoencoder.model("Array.from(m.denoised)")
    np.testing.assert_allclose(shown, fitted[0].predict(noisy).ravel(), atol=TOLERANCE)


def test_the_pixels_of_the_result_are_the_values_of_the_network(autoencoder):
    bytes_shown = (
        autoencoder.page.locator(".result canvas")
        .nth(2)
        .evaluate("c => Array.from(c.getContext('2d').getImageData(0, 0, c.width, c.height).data)")
    )
    values = np.array(autoencoder.model("Array.from(m.denoised)"))
    gray = np.reshape(bytes_shown, (64, 4))[:, 0]
    np.testing.assert_allclose(gray, 255 * values, atol=0.51)


def test_what_is_shown_of_a_network_of_hidden_pixels_is_what_predict_gives(
    browser, digits, tmp_path
):
    cae = DenoisingCAE(UNet((4,)), target="masked", max_epochs=2, random_state=0).fit(digits)
    explain_html(cae, digits, tmp_path / "masked.html", n_images=1)
    opened = Opened(browser, tmp_path / "masked.html")
    noisy = np.array(opened.model("Array.from(m.noisy)"), np.float32).reshape(1, 8, 8)
    shown = opened.model("Array.from(m.denoised)")
    opened.page.close()
    np.testing.assert_allclose(shown, cae.predict(noisy).ravel(), atol=TOLERANCE)


def test_a_large_network_has_weights_of_half_precision_and_says_so(
    browser, digits, tmp_path, monkeypatch
):
    monkeypatch.setattr("sklearn_cae.explain._contents.MAX_SINGLE", 100)
    cae = DenoisingCAE(Autoencoder((4, 8)), max_epochs=1, random_state=0, for_codes=True)
    cae.fit(digits)
    explain_html(cae, digits, tmp_path / "large.html", n_images=1)
    opened = Opened(browser, tmp_path / "large.html")
    noisy = np.array(opened.model("Array.from(m.noisy)"), np.float32).reshape(1, 8, 8)
    shown = opened.model("Array.from(m.denoised)")
    said = opened.page.locator("#whole").text_content()
    opened.page.close()
    expected = cae.predict(noisy).ravel()
    np.testing.assert_allclose(shown, expected, atol=2e-3)
    assert np.abs(shown - expected).max() > 1e-6
    assert "rounded to half precision" in said


GUIDE = "https://cae.org/user_guide/look_inside.html"


@pytest.mark.parametrize("address", [GUIDE, None])
def test_the_guide_is_linked_where_its_address_is_known_and_never_asked_for(
    browser, fitted, digits, tmp_path, monkeypatch, address
):
    monkeypatch.setattr("sklearn_cae.explain._contents.guide_address", lambda: address)
    explain_html(fitted[0], digits, tmp_path / "page.html", n_images=1)
    opened = Opened(browser, tmp_path / "page.html")
    links = opened.page.locator("a:not([href^='#'])").evaluate_all(
        "all => all.map((a) => [a.href, a.target, a.rel])"
    )
    opened.page.close()
    assert links == ([[GUIDE, "_blank", "noreferrer"]] if address else [])
    assert not any("cae.org" in url for url in opened.requests)


def test_a_title_and_labels_are_text(autoencoder):
    assert autoencoder.page.title() == "<script>document.title = 'no'</script>"
    thumb = autoencoder.page.locator(".thumb").first
    assert thumb.get_attribute("aria-label") == "Image 1, <b>one</b>"


def test_the_level_begins_in_the_middle_of_the_training(autoencoder):
    assert autoencoder.model("m.data.noise.ranges.std") == [0.1, 0.3]
    assert autoencoder.page.locator("#level").get_attribute("max") == "0.5"


def test_more_noise_makes_a_worse_image(autoencoder):
    autoencoder.slide("level", 0.05)
    little = autoencoder.model("m.psnr.noisy")
    autoencoder.slide("level", 0.4)
    assert autoencoder.model("m.psnr.noisy") < little - 10
    assert autoencoder.page.locator(".slider-value").first.text_content() == "0.40"


def test_without_noise_the_noisy_image_is_the_clean_one(autoencoder):
    autoencoder.slide("level", 0)
    assert autoencoder.model("m.noisy.every((v, i) => v === m.source.clean[i])")
    autoencoder.slide("level", 0.2)


def test_the_arrow_keys_turn_the_level(autoencoder):
    autoencoder.page.locator("#level").focus()
    before = autoencoder.model("m.noise.level")
    autoencoder.page.keyboard.press("ArrowRight")
    autoencoder.done()
    assert autoencoder.model("m.noise.level") == pytest.approx(before + 0.01)


def test_every_kind_of_noise_corrupts(autoencoder):
    page = autoencoder.page
    for kind in page.locator("#kind option").evaluate_all("all => all.map((o) => o.value)"):
        page.select_option("#kind", kind)
        autoencoder.done()
        assert autoencoder.model("m.shown.noise.kind") == kind
        assert 0 < autoencoder.model("m.psnr.noisy") < 60, kind
    page.select_option("#kind", "gaussian")
    autoencoder.done()


def test_a_seed_gives_its_noise_again(autoencoder):
    first = autoencoder.model("Array.from(m.noisy)")
    autoencoder.page.click("#reroll")
    autoencoder.done()
    assert autoencoder.model("Array.from(m.noisy)") != first
    autoencoder.page.evaluate(
        "explainer.model.change({noise: {...explainer.model.noise, seed: 1}})"
    )
    autoencoder.done()
    assert autoencoder.model("Array.from(m.noisy)") == first


def test_the_curve_fills_with_all_levels(autoencoder):
    autoencoder.see("noise")
    autoencoder.page.click("#sweep")
    autoencoder.page.wait_for_selector("#sweep:not([disabled])")
    assert autoencoder.page.locator("#noise-place .series-dot").count() >= 48


def test_a_thumbnail_chooses_its_image(autoencoder):
    autoencoder.page.locator(".thumb").nth(2).click()
    autoencoder.done()
    assert autoencoder.model("m.shown.source.index") == 2
    autoencoder.page.locator(".thumb").first.click()
    autoencoder.done()


def test_a_click_on_a_map_takes_it_apart(autoencoder):
    autoencoder.see("whole")
    grid = autoencoder.page.locator(".grid").first
    grid.click(position={"x": 5, "y": 5})
    assert autoencoder.model("[m.chosen.layer, m.chosen.channel]") == [3, 0]
    assert autoencoder.page.locator("#apart .chip[aria-pressed=true]").text_content() == "ReLU"


def test_keys_choose_a_map_and_take_it_apart(autoencoder):
    autoencoder.see("whole")
    autoencoder.page.locator(".grid").first.focus()
    autoencoder.page.keyboard.press("ArrowRight")
    assert "map 2 of 8" in autoencoder.page.locator(".peek").text_content()
    autoencoder.page.keyboard.press("Enter")
    assert autoencoder.model("m.chosen.channel") == 1


def layers_of_kind(opened, kind):
    return opened.model(f"m.layers.flatMap((l, i) => l.kind === {kind!r} ? [i] : [])")


def shown_number(text):
    return float(text.replace("−", "-").rpartition(" ")[2])


def test_the_sums_of_a_convolution_make_the_value_that_is_pointed_at(autoencoder):
    autoencoder.see("apart")
    layer = layers_of_kind(autoencoder, "convolution")[1]
    autoencoder.page.evaluate(f"explainer.model.openLayer({layer}, 2)")
    output = autoencoder.page.locator(".apart-output canvas").first
    output.hover(position={"x": 10, "y": 10})
    rows = autoencoder.page.locator(".step-three .bar:not(.total) .bar-value").all_text_contents()
    total = autoencoder.page.locator(".bar.total .bar-value").text_content()
    value = autoencoder.model(f"m.values[{layer}][2 * 16]")
    assert shown_number(total) == pytest.approx(value, abs=0.06)
    # Each of the eight sums is rounded to two or three digits.
    assert sum(map(shown_number, rows)) == pytest.approx(value, abs=0.05)


def test_arrow_keys_go_from_value_to_value(autoencoder):
    output = autoencoder.page.locator(".apart-output canvas").first
    output.focus()
    output.press("ArrowRight")
    assert autoencoder.model("[m.chosen.y, m.chosen.x]") == [0, 1]
    autoencoder.page.click("#step")
    assert autoencoder.model("[m.chosen.y, m.chosen.x]") == [0, 2]


def test_each_layer_is_computed_by_itself_only_where_it_is_taken_apart(autoencoder):
    autoencoder.see("whole")
    autoencoder.slide("level", 0.25)
    folded = autoencoder.model("Array.from(m.denoised)")
    convolutions = layers_of_kind(autoencoder, "convolution")
    missing = autoencoder.model("m.layers.flatMap((_, i) => m.values[i] ? [] : [i])")
    assert missing == convolutions[:-1]  # the last one has no normalisation
    autoencoder.see("apart")
    assert autoencoder.model("m.values.every(Boolean)")
    single = autoencoder.model("Array.from(m.denoised)")
    np.testing.assert_allclose(folded, single, atol=1e-5)


TAKEN_APART = """(() => {
  const m = explainer.model;
  const wrong = [];
  for (const [i, layer] of m.layers.entries()) {
    if (i === 0) continue;
    m.openLayer(i, 0);
    const shown = document.querySelector(".numbers .sum, .bar.total .bar-value").textContent;
    const [, height, width] = layer.shape.length === 1 ? [0, 1, 1] : layer.shape;
    const value = m.values[i][m.chosen.y * width + m.chosen.x];
    const number = Number(shown.replace("−", "-").split(" ").at(-1));
    const isSum = document.querySelector(".step-two") === null;
    if (isSum && Math.abs(number - value) > 0.051 + 0.01 * Math.abs(value)) wrong.push(layer.kind);
  }
  return wrong;
})()"""


def test_every_kind_of_layer_is_taken_apart(opened):
    opened.see("apart")
    assert opened.page.evaluate(TAKEN_APART) == []
    assert opened.complaints == []


def test_an_axis_of_the_code_changes_the_decoded_image(autoencoder):
    autoencoder.see("code")
    autoencoder.page.wait_for_timeout(300)
    picture = "document.querySelectorAll('.code-images canvas')[1].toDataURL()"
    before = autoencoder.page.evaluate(picture)
    autoencoder.slide("axis-0", 3)
    autoencoder.until(f"{picture} !== {before!r}")
    autoencoder.page.click("text=Back to the image")
    autoencoder.until(f"{picture} === {before!r}")


def test_a_network_whose_code_makes_no_image_has_no_sliders(unet):
    unet.see("code")
    assert unet.page.locator("#code .code-map").count() == 1
    assert unet.page.locator("#code input").count() == 0


def test_a_point_of_the_map_of_codes_chooses_its_image(autoencoder):
    autoencoder.see("code")
    codes = autoencoder.page.locator(".code-map")
    codes.focus()
    for _ in range(5):
        codes.press("ArrowRight")
    codes.press("Enter")
    autoencoder.done()
    assert autoencoder.model("m.shown.source.label") == "image 5"


def png(values):
    file = io.BytesIO()
    Image.fromarray(values).save(file, format="PNG")
    return file.getvalue()


def test_a_file_becomes_an_image_of_the_size_of_the_network(autoencoder):
    values = np.kron([[0, 255], [255, 0]], np.ones((4, 4))).astype(np.uint8)
    picture = {"name": "own.png", "mimeType": "image/png", "buffer": png(values)}
    autoencoder.page.set_input_files("#file", picture)
    autoencoder.until("m.source.label === 'own.png'")
    np.testing.assert_allclose(
        autoencoder.model("Array.from(m.source.clean)"), values.ravel() / 255, atol=1e-3
    )


def test_a_file_that_is_dropped_becomes_the_image(autoencoder):
    autoencoder.page.evaluate(
        """async () => {
          const canvas = Object.assign(document.createElement("canvas"), {width: 8, height: 8});
          const blob = await new Promise((done) => canvas.toBlob(done));
          const files = new DataTransfer();
          files.items.add(new File([blob], "dropped.png"));
          document.dispatchEvent(new DragEvent("drop", {dataTransfer: files, cancelable: true}));
        }"""
    )
    autoencoder.until("m.source.label === 'dropped.png'")


def test_a_file_that_is_no_picture_is_told(autoencoder):
    page = autoencoder.page
    page.set_input_files("#file", {"name": "a.txt", "mimeType": "text/plain", "buffer": b"no"})
    page.wait_for_selector("#strip[data-error]")
    assert "no picture" in page.locator("#strip").get_attribute("data-error")


def test_a_line_that_is_drawn_is_denoised(autoencoder):
    page = autoencoder.page
    page.click("#draw-one")
    box = page.locator(".sheet").bounding_box()
    x = box["x"] + box["width"] / 2
    page.mouse.move(x, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(x, box["y"] + box["height"] - 20, steps=4)
    page.mouse.up()
    page.click("text=Done")
    autoencoder.done()
    drawn = np.reshape(autoencoder.model("Array.from(m.shown.source.clean)"), (8, 8))
    assert drawn[4, 3:5].max() > 0.5 > drawn[4, 0]
    page.locator(".thumb").first.click()
    autoencoder.done()


def test_an_epoch_brings_back_its_weights(autoencoder, fitted):
    autoencoder.see("learn")
    autoencoder.slide("epoch", 0)
    first = autoencoder.model("Array.from(m.weights()[1].weight.values)")
    history = fitted[1]
    kept = history.weights_[0]["encoder.stages.0.0.weight"].ravel()
    assert history.epochs_ == [0, 1, 2, 3]
    assert "half precision" not in autoencoder.page.locator("#whole").text_content()
    assert "weights of epoch 0" in autoencoder.page.locator(".results").text_content()
    np.testing.assert_array_equal(np.array(first, np.float16), kept)
    autoencoder.slide("epoch", 3)
    assert autoencoder.model("m.shown.state") == 0


def test_a_term_is_explained_on_focus_until_escape(autoencoder):
    page = autoencoder.page
    page.locator("header .term").first.focus()
    assert "has to give back the clean ones" in page.locator("#tip").text_content()
    page.keyboard.press("Escape")
    assert page.locator("#tip").is_hidden()


def test_nothing_plays_for_those_who_want_no_motion(browser, autoencoder):
    page = browser.new_page(reduced_motion="reduce")
    page.goto(autoencoder.page.url)
    page.evaluate("explainer.ready")
    assert page.locator("#play").is_hidden()
    assert page.locator("#play-epochs").count() == 0
    page.close()


def test_in_the_frame_of_a_notebook_the_page_works_and_its_links_stay_within(
    browser, fitted, digits
):
    page = browser.new_page()
    page.goto("about:blank")
    page.set_content(explain_html(fitted[0], digits, n_images=1)._repr_html_())
    frame = page.frames[1]
    frame.evaluate("explainer.ready")
    frame.click("#sections a[href='#words']")
    page.wait_for_timeout(200)
    assert frame.url == "about:srcdoc"
    assert frame.evaluate("document.activeElement.id") == "words"
    page.close()


@pytest.mark.parametrize("width", [390, 820, 1180, 2560])
def test_the_page_never_scrolls_sideways(width, opened):
    opened.page.set_viewport_size({"width": width, "height": 900})
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
    opened.page.set_viewport_size({"width": 1400, "height": 900})


@pytest.mark.parametrize("width", [390, 900, 1180, 1400, 2560])
def test_all_stages_are_seen_and_do_not_overlap(width, opened):
    opened.page.set_viewport_size({"width": width, "height": 900})
    opened.see("whole")
    opened.page.wait_for_timeout(100)
    network = opened.page.locator(".network")
    frame = network.bounding_box()
    boxes = [canvas.bounding_box() for canvas in network.locator("canvas").all()]
    in_column = network.evaluate("e => e.classList.contains('in-column')")
    opened.page.set_viewport_size({"width": 1400, "height": 900})
    along, length = ("y", "height") if in_column else ("x", "width")
    gaps = [b[along] - a[along] - a[length] for a, b in itertools.pairwise(boxes)]
    assert min(gaps) > 5
    assert max(box["x"] + box["width"] for box in boxes) <= frame["x"] + frame["width"]
    assert in_column or width >= 900
    assert not in_column or width <= 900


WIDE = {
    "residual U-Net": ResUNet(),
    "three blocks of VGG16": Autoencoder(VGG16Encoder(3, weights=None)),
    "U-Net of five scales": UNet((4, 4, 4, 4, 4)),
}


@pytest.fixture(scope="module", params=WIDE)
def wide(request, browser, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "wide.html"
    X = gray(4, 32, 32)
    cae = DenoisingCAE(WIDE[request.param], max_epochs=1, for_codes=True, random_state=0).fit(X)
    explain_html(cae, X, path, n_images=1)
    opened = Opened(browser, path)
    yield opened
    opened.page.close()


# Of each column left and right edge, and those of its texts; the smallest letters and maps.
COLUMNS = """(network) => {
  const edges = (elements) => {
    const boxes = elements.map((e) => e.getBoundingClientRect()).filter(({width}) => width);
    return [Math.min(...boxes.map((b) => b.left)), Math.max(...boxes.map((b) => b.right))];
  };
  const texts = (e) => [...e.querySelectorAll("figcaption > span, .chips > *")]
    .filter((text) => text.textContent);
  const columns = [...network.querySelectorAll(".stage")];
  const sizes = columns.flatMap(texts).map((e) => parseFloat(getComputedStyle(e).fontSize));
  return {
    maps: columns.map((e) => edges([...e.querySelectorAll("canvas")])),
    texts: columns.map((e) => edges(texts(e))),
    letters: Math.min(...sizes),
    image: columns[0].querySelector("canvas").clientWidth,
    frame: edges([network]),
    inColumn: network.classList.contains("in-column"),
  };
}"""


@pytest.mark.parametrize("width", [1200, 1440, 1920, 2560])
def test_a_network_of_many_stages_is_seen_whole_on_a_wide_screen(width, wide):
    wide.page.set_viewport_size({"width": width, "height": 900})
    wide.see("whole")
    found = wide.page.locator(".network").evaluate(COLUMNS)
    assert not found["inColumn"]
    assert wide.page.evaluate("document.documentElement.scrollWidth") <= width
    low, high = found["frame"]
    for kind, between in (("maps", 15), ("texts", 0)):
        columns = found[kind]
        assert low - 1 <= columns[0][0]
        assert columns[-1][1] <= high + 1
        assert min(b[0] - a[1] for a, b in itertools.pairwise(columns)) > between, kind
    assert found["letters"] >= 10.5
    assert found["image"] >= 28


def test_a_network_of_many_stages_stands_in_a_column_on_a_phone(wide):
    wide.page.set_viewport_size({"width": 390, "height": 900})
    wide.see("whole")
    assert wide.page.evaluate("document.documentElement.scrollWidth") <= 390
    found = wide.page.locator(".network").evaluate(COLUMNS)
    assert found["inColumn"]
    assert max(right for _, right in found["maps"] + found["texts"]) <= 390


def test_the_part_that_is_read_is_marked_among_the_links(opened):
    marked = opened.page.locator("#sections [aria-current]")
    opened.page.click("#sections a[href='#noise']")
    opened.page.wait_for_timeout(800)  # it scrolls there
    assert marked.all_text_contents() == ["Turn the noise"]
    opened.page.evaluate("scrollTo({ top: 0, behavior: 'instant' })")
    opened.page.wait_for_timeout(100)
    assert marked.count() == 0


def test_whatever_can_be_operated_has_a_name(opened):
    unnamed = opened.page.locator("button, input, select, [tabindex='0']").evaluate_all(
        """all => all.filter((e) => !(e.textContent.trim() || e.getAttribute("aria-label")
            || e.getAttribute("aria-labelledby") || e.labels?.length)).map((e) => e.outerHTML)"""
    )
    assert unnamed == []
