"""Every layer that the page computes, in a browser, against torch."""

import re

import numpy as np
import pytest
import torch
from browser import open_browser
from torch import nn

from sklearn_cae import Autoencoder, ConvEncoder, ResUNet, TorchNetwork, UNet, VGG16Encoder
from sklearn_cae.explain._graph import trace
from sklearn_cae.explain._page import PAGE
from sklearn_cae.explain._weights import as_text, packed

# Sums of float32 in another order round otherwise, by much less than this for values of this size.
TOLERANCE = 1e-4


class Own(nn.Module):
    """A network of the user's with all layers that ours do not have."""

    def __init__(self, n_channels):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(n_channels, 8, 3, padding="same", dilation=2),
            nn.LeakyReLU(0.1, inplace=True),
            nn.AvgPool2d(2),
            nn.Conv2d(8, 12, 3, padding=1, groups=4),
            nn.Tanh(),
            nn.Dropout(),
            nn.ConvTranspose2d(12, 6, 4, stride=2, padding=1),
            nn.ReLU6(),
            nn.ReflectionPad2d(1),
            nn.Conv2d(6, n_channels, 3),
        )

    def forward(self, images):
        return (0.5 * self.net(images - 0.5) + images * self.net(images) / 2).clamp(0, 1)


NETWORKS = {
    "default": (Autoencoder((8, 12)), (8, 8), 3),
    "odd size": (Autoencoder((4, 8)), (9, 7), 1),
    "strides": (Autoencoder(ConvEncoder((4, 8), downsampling="stride")), (9, 7), 1),
    "flat code": (Autoencoder((4, 8), latent_dim=5), (9, 7), 1),
    "flat code without normalisation": (
        Autoencoder((4, 8), latent_dim=5, normalization=None),
        (8, 8),
        3,
    ),
    "transposed": (Autoencoder((4, 8), upsampling="transpose"), (9, 7), 1),
    "kernels of 5": (Autoencoder((4, 8), kernel_size=5), (9, 7), 3),
    "kernels of 1": (Autoencoder((4,), kernel_size=1), (6, 6), 1),
    "no normalisation": (Autoencoder((4, 8), normalization=None), (8, 8), 4),
    "VGG16, gray": (Autoencoder(VGG16Encoder(1, weights=None)), (33, 32), 1),
    "VGG16, colour": (Autoencoder(VGG16Encoder(1, weights=None)), (33, 32), 3),
    "U-Net": (UNet((4, 8)), (9, 7), 3),
    "U-Net, transposed": (UNet((4, 8), upsampling="transpose", normalization=None), (9, 7), 1),
    "residual U-Net": (ResUNet((4, 8), blocks=1), (9, 7), 1),
    "of one's own": (TorchNetwork(Own), (8, 10), 3),
}


@pytest.fixture(scope="module")
def page():
    for browser in open_browser():
        page = browser.new_page()
        html = PAGE.read_text(encoding="utf-8")
        page.evaluate("(source) => { window.source = source; }", WORKER.search(html)[1])
        yield page


def scrambled(module):
    """A module whose weights and statistics are none that layers begin with."""
    generator = torch.Generator().manual_seed(1)
    for values in [*module.parameters(), *module.buffers()]:
        if values.is_floating_point():
            noise = torch.rand(values.shape, generator=generator)
            values.data.mul_(0.75 + noise / 2).add_((noise - 0.5) / 20)
    return module.eval()


# The network runs in the worker of the page.
WORKER = re.compile(r'id="worker">(.*?)</script>', re.DOTALL)
VALUES = """async ({layers, code, weights, image}) => {
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const floats = (text) => new Float32Array(bytes(text).buffer);
  const worker = new Worker(URL.createObjectURL(new Blob([source])));
  worker.postMessage({graph: {layers, code}, states: [floats(weights)]});
  worker.postMessage({id: 0, given: floats(image)});
  const {data} = await new Promise((done, fail) => {
    [worker.onmessage, worker.onerror] = [done, fail];
  });
  worker.terminate();
  return data.values.map((values) => Array.from(values));
}"""


def in_the_page(page, graph, image):
    places, weights = packed(graph)
    layers = [
        {
            "kind": layer.kind,
            "inputs": list(layer.inputs),
            "shape": list(layer.shape),
            "options": layer.options,
            "weights": of_layer,
        }
        for layer, of_layer in zip(graph.layers, places, strict=True)
    ]
    given = {
        "layers": layers,
        "code": graph.code,
        "weights": as_text(weights),
        "image": as_text(image.numpy()),
    }
    return page.evaluate(VALUES, given)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_layer_of_the_page_equals_that_of_torch(name, page):
    network, size, n_channels = NETWORKS[name]
    module = scrambled(network.build(size, n_channels, torch.Generator().manual_seed(0)))
    graph = trace(module, size, n_channels)
    image = torch.rand(1, n_channels, *size, generator=torch.Generator().manual_seed(2))
    found = in_the_page(page, graph, image)
    expected = graph.values(image)
    assert len(found) == len(expected)
    for layer, ours, torchs in zip(graph.layers, found, expected, strict=True):
        np.testing.assert_allclose(
            np.reshape(ours, torchs.shape), torchs, atol=TOLERANCE, err_msg=layer.kind
        )
    with torch.no_grad():
        output = module(image)[0]
    np.testing.assert_allclose(np.reshape(found[-1], output.shape), output, atol=TOLERANCE)
