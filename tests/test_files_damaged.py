"""Files that are damaged, forged, of another format or older: what opening them says."""

import copy
import importlib.util
import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from sklearn.frozen import FrozenEstimator
from small import gray, small_autoencoder, small_cae

from sklearn_cae import CAEOutlierDetector, NoiseInjector, load
from sklearn_cae.files import _container, _reading, read_file, write_file

X = gray(12)
KEPT = Path(__file__).parent / "kept"


@pytest.fixture(scope="module")
def cae():
    return small_cae(small_autoencoder(latent_dim=2), noise=["blur", "gaussian"]).fit(X)


@pytest.fixture
def path(cae, tmp_path):
    path = tmp_path / "kept.safetensors"
    cae.save(path)
    return path


@pytest.fixture
def forge(path):
    """Changes what a file says, with a right checksum, and gives what opening it says."""

    def forge(change, **options):
        facts, arrays = read_file(path)
        change(facts, arrays)
        write_file(path, facts, arrays)
        with pytest.raises(ValueError, match=r"^\S*kept.safetensors") as refused:
            load(path, **options)
        return str(refused.value)

    return forge


def node_of(facts, name):
    (node,) = (node for node in facts["objects"] if node["class"].endswith(f".{name}"))
    return node


def cae_of(facts):
    return facts["objects"][-1]


def net_of(facts):
    return cae_of(facts)["fitted"]["net_"]["dict"]


# --- damaged files


def test_a_truncated_file_is_refused_wherever_it_ends(path):
    content = path.read_bytes()
    for size in {0, 1, 7, 8, 9, 100, *range(0, len(content), len(content) // 40)}:
        path.write_bytes(content[:size])
        with pytest.raises(ValueError, match=r"kept.safetensors cannot be read"):
            load(path)


def test_a_file_with_more_at_its_end_is_refused(path):
    with path.open("ab") as file:
        file.write(b"more")
    with pytest.raises(ValueError, match=r"kept.safetensors cannot be read"):
        load(path)


def test_a_flipped_bit_is_found_or_means_nothing(path, cae):
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    expected = cae.predict(X)
    for place in rng.integers(len(content), size=150):
        damaged = bytearray(content)
        damaged[place] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        try:
            loaded = load(path)
        except ValueError as error:
            assert "kept.safetensors" in str(error)  # noqa: PT017
        else:
            # Some blanks of the header may be other blanks.
            np.testing.assert_array_equal(loaded.predict(X), expected)


@pytest.mark.parametrize("length", [2**27, 2**40, 2**64 - 1])
def test_a_header_that_is_said_to_be_huge_is_refused(path, length):
    path.write_bytes(length.to_bytes(8, "little") + path.read_bytes()[8:])
    with pytest.raises(ValueError, match=r"kept.safetensors cannot be read"):
        load(path)


def test_json_that_is_too_long_is_refused(path, monkeypatch):
    monkeypatch.setattr(_container, "MAX_FACTS", 1000)
    with pytest.raises(ValueError, match=r"kept.safetensors .* of JSON; 1000 are allowed"):
        load(path)


def with_facts(path, text):
    # safetensors 0.4.0 refuses files without any array.
    save_file({"array": np.zeros(1)}, path, {"sklearn_cae": text, "sha256": ""})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "be read: Expecting value"),
        ("[1]", "not a JSON object"),
        ('{"format": NaN}', "NaN is not JSON"),
        ("[" * 100_000, "be read: maximum recursion"),
        ('{"format": ' + "9" * 10_000 + "}", "be read: Exceeds the limit"),
        ("{}", "is of format None"),
        ('{"format": 1}', "its checksum is wrong"),
    ],
    ids=["empty", "list", "NaN", "deep", "huge number", "no format", "no checksum"],
)
def test_json_that_is_not_that_of_a_file_is_refused(path, text, message):
    with_facts(path, text)
    with pytest.raises(ValueError, match=rf"kept.safetensors .*{message}"):
        load(path)


def test_another_format_asks_for_an_update(path):
    with_facts(path, '{"format": 2}')
    message = "kept.safetensors cannot be read: it is of format 2, and .* knows 1. Update"
    with pytest.raises(ValueError, match=message):
        load(path)


def test_a_file_of_others_is_named(path):
    save_file({"weight": np.zeros(3)}, path)
    with pytest.raises(ValueError, match="a file of safetensors, but none of sklearn_cae"):
        load(path)


@pytest.mark.parametrize("content", [b"\x80\x04K\x01.", b"PK\x03\x04", b"x" * 1000], ids=repr)
def test_files_of_other_kinds_are_named(path, content):
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"kept.safetensors cannot be read"):
        load(path)


def test_a_folder_is_named(tmp_path):
    with pytest.raises(ValueError, match="is not a file, but a folder or a device"):
        load(tmp_path)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="is not a file, but a folder or a device"):
        load(tmp_path / "pipe")


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none.safetensors"):
        load(tmp_path / "none.safetensors")


# --- forged files: the checksum is right


def test_unknown_keys_are_refused(forge):
    assert "unknown keys ['script']" in forge(lambda facts, _: facts.update(script="x"))


def test_unknown_keys_of_an_object_are_refused(forge):
    assert "unknown keys ['code']" in forge(lambda facts, _: cae_of(facts).update(code="x"))


def test_unknown_parameters_are_refused_and_the_versions_told(forge):
    def change(facts, _):
        facts["versions"]["sklearn_cae"] = "99.1"
        cae_of(facts)["params"]["speed"] = 3

    message = forge(change)
    assert "written by sklearn_cae 99.1 and read by" in message
    assert "DenoisingCAE has no parameters ['speed']" in message


@pytest.mark.parametrize("name", ["predict", "_private_", "__class__", "lr"])
def test_attributes_that_are_not_fitted_ones_are_refused(forge, name):
    message = forge(lambda facts, _: cae_of(facts)["fitted"].update({name: 1}))
    assert f"DenoisingCAE cannot have fitted ['{name}']" in message


@pytest.mark.parametrize(
    "name", ["os.system", "sklearn_cae.Runner", "sklearn.svm.SVC", "torch.load", "", None, 3]
)
def test_classes_that_are_not_in_the_table_are_refused(forge, name):
    message = forge(lambda facts, _: cae_of(facts).update({"class": name}))
    assert f"unknown class {name!r}" in message


def test_a_class_of_the_user_is_asked_for(forge):
    message = forge(lambda facts, _: cae_of(facts).update({"class": "custom.Mine"}))
    assert "Pass it: load(path, custom={'Mine': Mine})" in message


def test_what_is_no_estimator_is_refused(forge):
    message = forge(lambda facts, _: facts["objects"].append({"class": "torch.nn.MSELoss"}))
    assert "KeyError: 'params'" in message
    message = forge(lambda facts, _: facts["objects"][-1].update(params={}))
    assert "MSELoss is no class of estimators" in message


@pytest.mark.parametrize("objects", [[], {}, None, 3, ["x"], [[]]], ids=repr)
def test_objects_that_are_none_are_refused(forge, objects):
    assert forge(lambda facts, _: facts.update(objects=objects))


def test_more_objects_than_allowed_are_refused(forge, monkeypatch):
    monkeypatch.setattr(_reading, "MAX_OBJECTS", 5)
    assert "objects has to be a list of 1 to 5" in forge(lambda facts, _: None)


def test_objects_that_hold_each_other_many_times_are_refused(forge):
    def change(facts, _):
        chains = [{"class": "sklearn_cae.GaussianNoise", "params": {}}]
        for place in range(60):
            models = [{"object": place}, {"object": place}]
            chains.append({"class": "sklearn_cae.NoiseChain", "params": {"models": models}})
        facts["objects"] = chains

    assert "holds more than 10000 others" in forge(change)


@pytest.mark.parametrize("place", [99, -1, "0", None, 1.0])
def test_objects_that_come_later_or_never_are_refused(forge, place):
    message = forge(lambda facts, _: cae_of(facts)["params"].update(network={"object": place}))
    assert f"object {place!r} comes later, or not at all" in message


@pytest.mark.parametrize(
    "value",
    [{}, {"a": 1, "b": 2}, {"eval": "1"}, {"number": ["object", 1]}, {"float": "1e9"}],
    ids=repr,
)
def test_values_that_are_unknown_are_refused(forge, value):
    assert "unknown" in forge(lambda facts, _: cae_of(facts)["params"].update(lr=value))


def test_an_array_is_named_once(forge):
    def change(facts, _):
        weights = net_of(facts)["weights"]["dict"]
        first, second, *_ = weights
        weights[first] = weights[second]

    assert "is missing, or named twice" in forge(change)


def test_arrays_that_nothing_takes_are_refused(forge):
    message = forge(lambda _, arrays: arrays.update(extra=np.zeros(3)))
    assert "nothing takes the arrays ['extra']" in message


WEIGHT = "net_.weights.encoder.code.0.weight"


def test_a_weight_of_another_shape_is_refused(forge):
    message = forge(lambda _, arrays: arrays.update({WEIGHT: arrays[WEIGHT][:2].copy()}))
    assert "encoder.code.0.weight has shape (2, 8, 3, 3)" in message
    assert "but that of the network has (4, 8, 3, 3)" in message


def test_a_weight_of_another_dtype_is_refused(forge):
    message = forge(lambda _, arrays: arrays.update({WEIGHT: arrays[WEIGHT].astype(float)}))
    assert "dtype float64, but that of the network has (4, 8, 3, 3) and float32" in message


def test_a_weight_that_is_missing_is_refused(forge):
    def change(facts, arrays):
        del arrays[WEIGHT], net_of(facts)["weights"]["dict"]["encoder.code.0.weight"]

    assert "the network lacks weights ['encoder.code.0.weight']" in forge(change)


def test_a_weight_that_the_network_does_not_have_is_refused(forge):
    def change(facts, arrays):
        arrays["more"] = np.zeros(3)
        net_of(facts)["weights"]["dict"]["more"] = {"array": "more"}

    assert "does not have ['more']" in forge(change)


def test_a_state_of_the_optimizer_of_another_shape_is_refused(forge):
    name = "net_.optimizer_state.0.exp_avg"
    message = forge(lambda _, arrays: arrays.update({name: np.zeros(7, np.float32)}))
    assert "'exp_avg' of the optimizer has shape (7,)" in message


@pytest.mark.parametrize(
    "name",
    ["net_", "network_", "loss_", "image_spec_", "noise_", "target_", "limits_", "seed_"],
)
@pytest.mark.parametrize("value", [[], 3.5, "x"], ids=repr)
def test_fitted_attributes_of_another_type_are_refused(forge, name, value):
    assert forge(lambda facts, _: cae_of(facts)["fitted"].update({name: value}))


@pytest.mark.parametrize("name", ["network_", "loss_", "image_spec_", "seed_", "optimizer_"])
def test_fitted_attributes_that_are_missing_are_refused(forge, name):
    message = forge(lambda facts, _: cae_of(facts)["fitted"].pop(name))
    assert f"a fitted DenoisingCAE lacks ['{name}']" in message


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("height", 0, "height, width and channels (0, 8, 1)"),
        ("n_channels", 3, "has shape (4, 1, 3, 3)"),
        ("data_range", {"tuple": [1.0, 0.0]}, "data_range=(1.0, 0.0)"),
        ("dtype", "O", "dtype of the images"),
        ("dtype", "float999", "not understood"),
        ("channel_axis", 7, "layout of the images"),
    ],
)
def test_images_that_cannot_be_are_refused(forge, name, value, message):
    def change(facts, _):
        node_of(facts, "ImageSpec")["params"][name] = value

    assert message in forge(change)


@pytest.mark.parametrize("level", [-1, "x", {"float": "nan"}], ids=repr)
def test_noise_levels_that_cannot_be_are_refused(forge, level):
    # The fitted noise is the last but one of two.
    def change(facts, _):
        for node in facts["objects"]:
            if node["class"] == "sklearn_cae.GaussianNoise":
                node["params"]["std"] = level

    assert "GaussianNoise(std=…)" in forge(change)


HUGE = {
    "width": ("ConvEncoder", "channels", {"tuple": [10**6, 10**6]}),
    "depth": ("ConvEncoder", "channels", {"tuple": [4] * 5000}),
    "kernel": ("Autoencoder", "kernel_size", 10**9 + 1),
    "code": ("Autoencoder", "latent_dim", 10**12),
    "images": ("ImageSpec", "height", 10**15),
}


@pytest.mark.parametrize(("cls", "name", "value"), HUGE.values(), ids=HUGE)
def test_a_network_that_is_said_to_be_huge_takes_no_memory_and_no_time(forge, cls, name, value):
    def change(facts, _):
        for node in facts["objects"]:
            if node["class"].endswith(f".{cls}"):
                node["params"][name] = value

    start, before = time.perf_counter(), memory_peak()
    assert forge(change)
    assert time.perf_counter() - start < 5
    assert memory_peak() - before < 2**28


def memory_peak():
    """Bytes of the largest extent of this process so far."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


ODD = [None, True, -1, 10**30, 1e308, "x", [], {}, {"tuple": []}, {"object": 0}, {"dict": {}}]
ODD += [{"float": "nan"}, {"class": "torch.nn.MSELoss"}, {"array": WEIGHT}, [[1]]]


def places(tree, place=()):
    """Where in JSON its values are."""
    children = tree.items() if isinstance(tree, dict) else ()
    children = enumerate(tree) if isinstance(tree, list) else children
    for key, value in children:
        yield (*place, key)
        yield from places(value, (*place, key))


def test_any_value_may_be_wrong(path):
    """A ValueError that names the file, or an estimator: never another exception."""
    # FUZZ is the number of tries: more of them, in the night.
    n_tries = int(os.environ.get("FUZZ", 150))
    detector = CAEOutlierDetector(
        FrozenEstimator(small_cae().fit(X)), outlier_score="combined", random_state=0
    ).fit(X)
    detector.save(path)
    facts, arrays = read_file(path)
    found = list(places(facts["objects"]))
    rng = np.random.default_rng(len(found))
    refused = 0
    for _ in range(n_tries):
        objects = copy.deepcopy(facts["objects"])
        *parents, key = found[rng.integers(len(found))]
        tree = objects
        for parent in parents:
            tree = tree[parent]
        tree[key] = copy.deepcopy(ODD[rng.integers(len(ODD))])
        write_file(path, {"objects": objects}, arrays)
        try:
            load(path)
        except ValueError as error:
            assert "kept.safetensors" in str(error)  # noqa: PT017
            refused += 1
    assert refused > n_tries / 2


# --- older files


def written():
    specification = importlib.util.spec_from_file_location("write", KEPT / "write.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_files_of_format_1_open_and_give_what_they_gave():
    images, given = written().images(), np.load(KEPT / "format-1.npz")
    cae, detector, sampler = (
        load(KEPT / f"format-1-{name}.safetensors") for name in ("denoiser", "detector", "sampler")
    )
    found = {
        "denoised": cae.predict(images),
        "codes": cae.transform(images),
        "scores": detector.score_samples(images),
        "log_density": sampler.score_samples(images),
    }
    for name, values in found.items():
        # Another version of torch may round in another order.
        np.testing.assert_allclose(values, given[name], rtol=1e-4, atol=1e-4, err_msg=name)
    assert sampler.sample(3, random_state=0).shape == (3, 8, 8)
    assert len(cae.partial_fit(images).history_["train_loss"]) == 3


def test_a_parameter_that_an_older_version_lacked_has_its_default(path):
    facts, arrays = read_file(path)
    del cae_of(facts)["params"]["patience"]
    write_file(path, {"objects": facts["objects"]}, arrays)
    assert load(path).patience == 5


def test_files_of_a_newer_version_with_the_same_format_open(path, monkeypatch):
    monkeypatch.setattr(_container, "__version__", "99.0")
    NoiseInjector("blur").save(path)
    assert repr(load(path)) == "NoiseInjector(noise='blur')"


def test_several_threads_save_and_load_the_same_path(path, cae):
    """Each reads one whole file, whoever wrote it."""
    expected, wrong = cae.predict(X), []

    def work():
        for _ in range(5):
            cae.save(path)
            if not np.array_equal(load(path).predict(X), expected):
                wrong.append(path)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert os.listdir(path.parent) == [path.name]
