import pytest
import torch
from small import small_autoencoder, small_unet
from torch import nn

from sklearn_cae import Autoencoder, ResUNet, TorchNetwork, UNet
from sklearn_cae.explain._graph import trace
from sklearn_cae.explain._stages import stages_of


def built(network, size=(8, 8), n_channels=1):
    return network.build(size, n_channels, torch.Generator().manual_seed(0)).eval()


def traced(network, size=(8, 8), n_channels=1):
    return trace(built(network, size, n_channels), size, n_channels)


def kinds(graph):
    return [layer.kind for layer in graph.layers]


def images(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


def test_an_autoencoder_becomes_its_layers_in_order():
    assert kinds(traced(Autoencoder((4,), normalization=None))) == [
        *("input", "convolution", "relu", "maximum", "convolution"),
        *("relu", "repetition", "convolution", "sigmoid"),
    ]


def test_the_values_of_the_last_layer_are_the_output():
    module = built(small_unet(), (9, 7), 3)
    image = images(1, 3, 9, 7)
    with torch.no_grad():
        expected = module(image)[0]
    assert torch.equal(trace(module, (9, 7), 3).values(image)[-1], expected)


def test_a_graph_made_within_autocast_is_the_same():
    image = images(1, 1, 8, 8)
    expected = traced(small_unet())
    with torch.autocast("cpu"):
        found = traced(small_unet())
        values = found.values(image)
    assert kinds(found) == kinds(expected)
    assert torch.equal(values[-1], expected.values(image)[-1])


@pytest.mark.parametrize(
    "network", [small_autoencoder(), small_autoencoder(latent_dim=3), small_unet(), ResUNet((4, 8))]
)
def test_the_values_of_the_code_are_those_of_encode(network):
    module = built(network)
    graph = trace(module, (8, 8), 1)
    image = images(1, 1, 8, 8)
    with torch.no_grad():
        assert torch.equal(graph.values(image)[graph.code], module.encode(image)[0])


def test_only_the_code_of_an_autoencoder_makes_an_image():
    assert traced(small_autoencoder()).decodes
    assert not traced(small_unet()).decodes


def test_a_result_that_is_changed_in_place_is_read_changed_by_those_after_it():
    class InPlace(nn.Module):
        def forward(self, images):
            doubled = images * 2 - 1
            return torch.relu_(doubled) + doubled

    graph = traced(TorchNetwork(InPlace))
    assert graph.layers[-1].inputs == (3, 3)


def test_the_module_is_left_as_it_was():
    module = built(small_autoencoder()).train()
    trace(module, (8, 8), 1)
    assert module.training
    assert all(parameter.requires_grad for parameter in module.parameters())


def test_a_layer_that_the_page_cannot_compute_is_named_with_its_place():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.bend = nn.Softplus()

        def forward(self, images):
            return self.bend(images)

    message = r"Odd cannot be explained: .*'softplus', in 'bend',.* What can be explained are"
    with pytest.raises(ValueError, match=message):
        traced(TorchNetwork(Odd))


def test_a_network_that_looks_at_values_to_decide_is_refused():
    class Deciding(nn.Module):
        def forward(self, images):
            return images if images.sum() > 0 else -images

    with pytest.raises(ValueError, match="may not depend on the values of an image"):
        traced(TorchNetwork(Deciding))


def test_stages_hold_every_layer_once():
    for network in (Autoencoder((4, 8), latent_dim=3), small_unet(), ResUNet((4, 8))):
        graph = traced(network)
        stages = stages_of(graph, built(network).layer_names)
        flat = [i for stage in stages for i in stage.layers]
        assert flat == list(range(1, len(graph.layers)))


def test_stages_are_called_by_where_they_stand():
    graph = traced(Autoencoder((4, 8), latent_dim=3))
    titles = [s.title for s in stages_of(graph, built(Autoencoder((4, 8))).layer_names)]
    assert titles == ["Encoder 1", "Encoder 2", "Encoder 3", "Code", "Decoder 1", "Output"]


def test_a_network_without_names_has_a_stage_for_each_convolution():
    class Three(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = nn.Sequential(
                *(nn.Conv2d(1, 1, 3, padding=1), nn.ReLU()) * 2, nn.Conv2d(1, 1, 1)
            )

        def forward(self, images):
            return self.net(images)

    stages = stages_of(traced(TorchNetwork(Three)), None)
    assert [(stage.title, stage.layers) for stage in stages] == [
        ("Stage 1", [1, 2]),
        ("Stage 2", [3, 4]),
        ("Output", [5]),
    ]


@pytest.mark.parametrize("network", [Autoencoder((4, 8)), UNet((4, 8)), ResUNet((4, 8), blocks=1)])
def test_a_value_depends_on_no_pixel_beyond_its_field_of_view(network):
    size = (48, 48)
    module = built(network, size)
    for values in module.state_dict().values():
        if values.is_floating_point():
            values.abs_().add_(0.01)  # nothing cancels out, no ReLU is shut
    graph = trace(module, size, 1)
    for stage in stages_of(graph, module.layer_names):
        end = stage.layers[-1]
        row, column = (side // 2 for side in graph.layers[end].shape[1:])
        dark, bright = torch.zeros(1, 1, *size), torch.zeros(1, 1, *size)
        centre = (2 * row + 1) * size[0] // (2 * graph.layers[end].shape[1])
        reach = stage.field[0]  # a margin of the field's own size
        bright[..., : max(0, centre - reach), :] = 1
        bright[..., centre + reach :, :] = 1
        values = [graph.values(image)[end][0, row, column].item() for image in (dark, bright)]
        assert values[0] == pytest.approx(values[1], abs=1e-5), stage.title
